import type { Change } from '#core/change.ts';
import { CANARY_LABEL, REVISION_LABEL, ROLLOUT_LABEL, replicaSetName, STABLE_LABEL } from '#core/labels.ts';
import type { Revision, State } from '#core/model.ts';
import { record, text } from '#core/raw.ts';
import type { Problem, SeenReplicaSet } from '#core/seen.ts';
import { specUnderPin } from '#core/undo.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { RolloutWish } from '#schema/translate.ts';
import { ours } from './ours.ts';
import { releaseOf } from './reading.ts';
import { BY_ROLLOUT, type Stores } from './stores.ts';

/** A wish as it counts while an earlier revision is pinned over its template. */
export interface UnderPin {
  wish: RolloutWish;
  /** Revision of the template that is there; undefined: the wish's own. */
  template?: Revision;
  problems: Problem[];
}

interface Pinning {
  wish: RolloutWish;
  sets: readonly SeenReplicaSet[];
  stores: Stores;
  /** As a dry run says, if it has. */
  templateProblems(rollout: KubeObject, revision: Revision): Problem[] | undefined;
}

/**
 * The pods of a pinned revision are those of its ReplicaSet, and the change is that of its own Release: the Rollout
 * describes another one. A template that nobody knows to be valid yet ends no pin.
 */
export function underPin(
  rollout: KubeObject,
  state: State,
  { wish, sets, stores, templateProblems }: Pinning,
): UnderPin {
  if (state.pinned === undefined) return { wish, problems: [] };
  const known = sets.some((set) => set.revision === wish.spec.revision);
  const found = known ? [] : templateProblems(rollout, wish.spec.revision);
  const { revision, template } = specUnderPin(state, { revision: wish.spec.revision, taken: found?.length === 0 });
  if (template === undefined) return { wish, problems: [] };
  const refused = wish.spec.revision === template ? [] : (found ?? []);
  const pinned = wishOfRevision(rollout, revision, { wish, stores });
  if (pinned !== undefined) return { wish: pinned, template, problems: refused };
  const lost = { ...wish, spec: { ...wish.spec, revision } };
  return { wish: lost, template, problems: [...refused, gone(rollout, { revision, template })] };
}

/** The wish with the pods of another revision than its template's; undefined where its ReplicaSet is not there. */
export function wishOfRevision(
  rollout: KubeObject,
  revision: Revision,
  { wish, stores }: { wish: RolloutWish; stores: Stores },
): RolloutWish | undefined {
  if (wish.spec.revision === revision) return wish;
  const template = podsOf(rollout, revision, stores);
  if (template === undefined) return undefined;
  const change = changeOf(rollout, revision, stores);
  return { ...wish, spec: { ...wish.spec, revision }, source: { ...wish.source, template }, change };
}

/** The revision that a release beginning now would try, as far as a template that was accepted says. */
export function wishedRevision(state: State, revision: Revision): Revision {
  return specUnderPin(state, { revision, taken: true }).revision;
}

function gone(rollout: KubeObject, { revision, template }: { revision: Revision; template: Revision }): Problem {
  const { name } = rollout.metadata;
  const message = `the ReplicaSet of revision ${revision}, which is pinned, is gone and with it the only copy of its template: change the template, or let the pin go (kubectl headgate undo ${name} --to-revision ${template})`;
  return { field: 'status.state.pinned', message };
}

const arms: readonly string[] = [STABLE_LABEL, CANARY_LABEL, ROLLOUT_LABEL, REVISION_LABEL];

/** As the user described them: without the labels that are ours. */
function podsOf(
  rollout: KubeObject,
  revision: Revision,
  stores: Stores,
): RolloutWish['source']['template'] | undefined {
  const { namespace, name } = rollout.metadata;
  const set = stores.sets.get({ namespace, name: replicaSetName(name, revision) });
  if (set === undefined || ours([set], rollout).length === 0) return undefined;
  const { metadata, spec } = record(set, 'spec', 'template') as unknown as RolloutWish['source']['template'];
  const labels = Object.fromEntries(Object.entries(metadata.labels).filter(([key]) => !arms.includes(key)));
  return { metadata: { ...metadata, labels }, spec };
}

/** Whose change it was when it was released; empty where no record of it is kept. */
function changeOf(rollout: KubeObject, revision: Revision, stores: Stores): Change {
  const { namespace = '', name } = rollout.metadata;
  const mine = ours(stores.releases.byIndex(BY_ROLLOUT, `${namespace}/${name}`), rollout);
  const [last] = mine
    .filter((release) => record(release, 'spec')['revision'] === revision)
    .sort((a, b) => (bornAt(a) < bornAt(b) ? 1 : -1));
  const read = last === undefined ? undefined : releaseOf(last);
  return read?.ok === true ? read.value.change : {};
}

function bornAt({ metadata }: KubeObject): string {
  return text(metadata.creationTimestamp) ?? '';
}
