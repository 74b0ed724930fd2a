import type { Millis } from '#lib/units.ts';
import { approve, waitsForApproval } from './approval.ts';
import type { ActionResult, ReleaseState, State, Verb } from './model.ts';
import { placeHolds } from './places.ts';
import { awaitsText, routeTitle } from './routes.ts';
import type { Seen, SeenAction } from './seen.ts';
import { begin, end, leave, restart, show, without } from './state.ts';
import { asPinned, undo } from './undo.ts';

/** A wish that nobody took up within this time is void: a click must not act on a release of next week. */
export const ACTION_EXPIRES_MS: Millis = 10 * 60_000;

/** Results that the state remembers; older ones stand in the actions' own status by then. */
export const ACTIONS_MAX = 16;

/** Takes up new actions in the order they were made. Each works once: its UID is stored with its transition. */
export function takeActions(state: State, seen: Seen, now: Millis): State {
  const fresh = seen.actions
    .filter((action) => !action.acknowledged && !state.actions.some((done) => done.uid === action.uid))
    .sort((a, b) => a.createdAt - b.createdAt || (a.uid < b.uid ? -1 : 1));
  return fresh.reduce((current, action) => take(current, action, seen, now), state);
}

function take(state: State, action: SeenAction, seen: Seen, now: Millis): State {
  const remember = (to: State, result: ActionResult['result'], message: string): State => ({
    ...to,
    actions: [{ uid: action.uid, result, message }, ...to.actions].slice(0, ACTIONS_MAX),
  });
  if (now - action.createdAt > ACTION_EXPIRES_MS) return remember(state, 'Expired', 'not taken up within ten minutes');
  // What an undo before it has said counts for every word after it.
  const answer = perform(state, action, asPinned(state, seen), now);
  if (typeof answer === 'string') return remember(state, 'Refused', answer);
  return remember(answer, 'Applied', `${action.verb} by ${action.by}`);
}

/** The new state, or why not. */
function perform(state: State, action: SeenAction, seen: Seen, now: Millis): State | string {
  const release = state.release;
  if (release === undefined) return performAtRest(state, action, seen, now);
  if (action.releaseUid !== undefined && action.releaseUid !== seen.release?.uid)
    return 'it names another release than the one under way';
  if (action.step !== undefined && action.step !== release.step) {
    return `it was meant for step ${action.step + 1}, the release stands on step ${release.step + 1}`;
  }
  // Past the commit point it is the next release that goes back.
  if (action.verb === 'undo') return undo(state, action, seen);
  if (release.committed) return 'the new revision is stable already: nothing is left to decide';
  return verbs[action.verb](state, release, { action, seen, now });
}

function performAtRest(state: State, action: SeenAction, seen: Seen, now: Millis): State | string {
  if (action.verb === 'expedite') return expediteNow(state, action, seen, now);
  if (action.verb !== 'undo') return 'no release is under way';
  // What serves is another one by now: going back would go somewhere else.
  if (action.releaseUid !== undefined) return 'the release that it names is over: say it again';
  return undo(state, action, seen);
}

type Perform = (
  state: State,
  release: ReleaseState,
  at: { action: SeenAction; seen: Seen; now: Millis },
) => State | string;

const verbs: Record<Exclude<Verb, 'undo'>, Perform> = {
  promote: (state, release, at) => word(state, release, at),
  'skip-step': (state, release, at) => word(state, release, at),
  pause(state, release, { action, now }) {
    if (release.ending !== undefined) return 'the traffic is back on stable already';
    if (state.phase !== 'Progressing') return `nothing moves: the release is ${state.phase} (${state.reason ?? ''})`;
    return show(state, { phase: 'Paused', reason: 'User', message: told('paused', action) }, now);
  },
  resume(state, release, { action, seen, now }) {
    if (state.phase !== 'Paused') return `nothing to resume: the release is ${state.phase}`;
    if (waitsForApproval(state)) return 'this pause waits for people: approve goes on';
    if (state.reason === 'Step') return 'this pause is a step of the plan: promote goes on';
    if (release.ending !== undefined) return again(state, release, seen, now);
    if (state.reason === 'RouteChanged') return fromTheStart(state, release, { action, seen, now });
    const anew = state.reason === 'GateBreached' ? { attempt: release.attempt + 1, resumedAt: now } : {};
    const resumed = show(state, { phase: 'Progressing', message: told('resumed', action) }, now);
    // The stay begins anew: evidence gathered before a person stepped in belongs to another question.
    const arrivedAt = release.arrivedAt === undefined ? {} : { arrivedAt: now };
    return { ...resumed, release: { ...without(release, 'breach'), ...anew, ...arrivedAt } };
  },
  retreat(state, release, { action, seen, now }) {
    if (release.ending !== undefined) return 'the traffic is back on stable already';
    return end(state, release, { kind: 'Retreat', at: now, why: told('retreat', action) }, seen);
  },
  abort(state, release, { action, seen, now }) {
    if (release.ending?.kind === 'Abort') return 'the release is aborted already';
    return end(state, release, { kind: 'Abort', at: now, why: told('abort', action) }, seen);
  },
  expedite(state, release, { action, now }) {
    const refused = refusesWord(state, release);
    if (refused !== undefined) return refused;
    const shown = show(state, { phase: 'Progressing', message: told('expedited', action) }, now);
    return { ...shown, release: { ...release, expedited: action.by } };
  },
  approve(state, release, at) {
    const approved = approve(release, at.action, at);
    return typeof approved === 'string' ? approved : { ...state, release: approved };
  },
  retry(state, release, { seen, now }) {
    if (release.ending === undefined) return 'the release is under way: retry is for one that went back';
    return again(state, release, seen, now);
  },
};

function told(what: string, { by, reason }: SeenAction): string {
  return reason === '' ? `${what} by ${by}` : `${what} by ${by}: ${reason}`;
}

/** The recorded word stands in for the evidence of this step (promote) and for its hold too (skip-step), or ends the bake. */
function word(
  state: State,
  release: ReleaseState,
  { action, now }: { action: SeenAction; now: Millis },
): State | string {
  const refused = refusesWord(state, release);
  if (refused !== undefined) return refused;
  if (release.stage !== 'Holding' && release.stage !== 'Baking')
    return `the release is ${release.stage}: a person's word replaces evidence, not probes or pods`;
  const verb = action.verb === 'skip-step' ? ('skip-step' as const) : ('promote' as const);
  const given = { step: release.step, verb, by: action.by };
  return {
    ...show(state, { phase: 'Progressing', message: told(verb, action) }, now),
    release: { ...release, word: given },
  };
}

/** What no word goes past. */
function refusesWord({ phase, reason }: State, { ending }: ReleaseState): string | undefined {
  if (ending !== undefined) return 'the traffic is back on stable: retry begins again';
  if (phase === 'Paused' && reason === 'GateBreached') return 'a gate was breached: resume, retreat or abort';
  if (phase === 'Paused' && reason === 'Approval') return 'this pause waits for people: approve goes on';
  if (phase === 'Paused' && reason === 'RouteChanged') return 'the route was changed: resume goes on from there';
  return undefined;
}

/** A fix that the budget or the group has kept from beginning. */
function expediteNow(state: State, action: SeenAction, seen: Seen, now: Millis): State | string {
  const { spec, problems, proposal } = seen;
  if (state.stable === undefined || spec === undefined || spec.revision === state.stable)
    return 'there is no new revision to release';
  if (problems.length > 0 || proposal === undefined) return 'the release cannot be planned yet: see the conditions';
  const begun = begin(state, { seen, revision: spec.revision, from: state.stable, now });
  const shown = show(begun, { phase: 'Progressing', message: told('expedited', action) }, now);
  return begun.release === undefined ? begun : { ...shown, release: { ...begun.release, expedited: action.by } };
}

/** A new attempt is a new release of the same revision: its own record, its own plan, a higher bar to pass. */
function again(state: State, release: ReleaseState, seen: Seen, now: Millis): State | string {
  if (seen.spec === undefined) return 'the spec cannot be read: mend it first';
  if (seen.spec.revision !== release.revision) return 'the template has changed meanwhile';
  // One that nobody has recorded yet would vanish without a trace, as would the outcome of the one before.
  if (seen.release?.name !== release.name || !seen.endedRecorded)
    return 'the release is still being recorded: say it again';
  // The next release splits the routes of today's spec: one that has left it must be at rest before it is forgotten.
  const { routes } = seen.spec;
  const left = seen.routes.find(
    ({ name, exists, weight, reach }) => exists && (weight !== 0 || reach !== undefined) && !routes.includes(name),
  );
  if (left !== undefined) return `${routeTitle(left.name)} still sends to the canary: say it again`;
  const written = seen.routes.find((route) => awaitsText(route, release));
  if (written !== undefined) return `${routeTitle(written.name)} gets its own text back: say it again`;
  if (seen.proposal === undefined) return 'the release cannot be planned yet: see the conditions';
  const gone = leave(state, release, now);
  const begun = begin(gone, { seen, revision: release.revision, from: release.from, now, earlier: release });
  // Its pods come up at once, but it passes nobody who waits: it stands in the queue from here.
  return placeHolds(gone, seen, now) === undefined ? begun : { ...begun, inQueueSince: now };
}

/**
 * After somebody moved the traffic, what the route carries is nobody's grant: the release begins again at its first
 * step. Going on from a weight in between would ask whether it was meant, and by whom.
 */
function fromTheStart(
  state: State,
  release: ReleaseState,
  { action, seen, now }: { action: SeenAction; seen: Seen; now: Millis },
): State {
  const shown = show(state, { phase: 'Progressing', message: told('resumed', action) }, now);
  return { ...shown, release: restart(release, seen, { stage: 'Preparing', now }), since: now };
}
