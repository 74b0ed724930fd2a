import { setOf } from './capacity.ts';
import type { Pinned, Revision, State } from './model.ts';
import type { Seen, SeenAction } from './seen.ts';
import { without } from './state.ts';

/**
 * An undo pins an earlier revision until the template changes again. From then on everything goes as if that revision's
 * template had come back into the spec: the spec itself is Git's, and nobody writes it.
 */

/** Revision of the template that the Rollout, or its Deployment, holds now, whatever is pinned over it. */
export function templateOf({ template, spec }: Pick<Seen, 'template' | 'spec'>): Revision | undefined {
  return template ?? spec?.revision;
}

/** A pin goes with the template that it was made against. One that cannot be read, or used, has changed nothing. */
export function unpinned(state: State, seen: Seen): State {
  const template = templateOf(seen);
  if (state.pinned === undefined || template === undefined || template === state.pinned.over) return state;
  return without(state, 'pinned');
}

/**
 * What was seen, under the pin that holds now. A sight that was made under another one has no plan for this revision: it
 * ends what runs, and the next sight begins what comes.
 */
export function asPinned({ pinned }: State, seen: Seen): Seen {
  const template = templateOf(seen);
  const { spec } = seen;
  if (spec === undefined || template === undefined) return seen;
  const revision = pinned?.revision ?? template;
  if (spec.revision === revision) return seen;
  const { proposal: _, ...rest } = seen;
  return { ...rest, template, spec: { ...spec, revision } };
}

/** The state with the pin that is wished, or why it cannot be. */
export function undo(state: State, action: SeenAction, seen: Seen): State | string {
  const template = templateOf(seen);
  if (seen.deleting) return 'the Rollout is being deleted';
  if (template === undefined) return 'the spec cannot be read: mend it first';
  if (state.stable === undefined) return 'nothing has served before';
  const { toRevision } = action;
  if (toRevision === undefined && state.pinned !== undefined)
    return `${pinnedWords(state.pinned)}: name the revision that you want instead (--to-revision)`;
  const revision = toRevision ?? before(state, template);
  if (revision === undefined) return 'nothing has served before this revision';
  if (revision === (state.pinned?.revision ?? template)) return alreadyWished(state, revision);
  if (revision === template) return without(state, 'pinned');
  return refusesPin(state, revision, seen) ?? { ...state, pinned: { revision, over: template, by: action.by } };
}

/** Who undoes a release, or what is about to become one, wants what serves; at rest, what served before that. */
function before({ stable, release, served }: State, template: Revision): Revision | undefined {
  const underWay = release !== undefined && release.committed !== true;
  return underWay || template !== stable ? stable : served[0];
}

function alreadyWished({ stable, pinned }: State, revision: Revision): string {
  if (pinned !== undefined) return pinnedWords(pinned);
  if (revision === stable) return `revision ${revision} is stable now`;
  return `revision ${revision} is the one that the template describes`;
}

/** The ReplicaSet is the one copy of an older template: without it there is nothing to make pods of. */
function refusesPin({ stable, served }: State, revision: Revision, seen: Seen): string | undefined {
  if (revision !== stable && !served.includes(revision)) {
    const kept = served.filter((old) => setOf(seen, old) !== undefined);
    return `revision ${revision} has not served here; what has: ${kept.length === 0 ? 'none that is kept' : kept.join(', ')}`;
  }
  if (setOf(seen, revision) !== undefined) return undefined;
  return `the ReplicaSet of revision ${revision} is gone, and with it the only copy of its template: put that template back into the Rollout`;
}

/** For people. */
export function pinnedWords({ revision, by }: Pick<Pinned, 'revision' | 'by'>): string {
  return `pinned to ${revision} by ${by} until the template changes`;
}

/** What the spec says under a pin. `taken`: its template is known to be one that pods can be made of. */
export function specUnderPin(
  { pinned }: State,
  given: { revision: Revision; taken: boolean },
): { revision: Revision; template?: Revision } {
  const { revision, taken } = given;
  if (pinned === undefined || (taken && revision !== pinned.over)) return { revision };
  return { revision: pinned.revision, template: pinned.over };
}
