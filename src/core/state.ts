import type { Millis } from '#lib/units.ts';
import { isByPods, living, podsAt, replicasDuring, setOf } from './capacity.ts';
import { rungAt } from './ladder.ts';
import type { Ending, Outcome, PauseReason, Plan, ReleaseState, Stage, State, Step } from './model.ts';
import { routesAtRest, routesSend, topFence } from './routes.ts';
import type { Seen } from './seen.ts';
import { keptOnReturn, returnWords } from './shrink.ts';

/** Small moves that transitions are made of. Each returns a new state and changes nothing else. */

/** The state of a Rollout that nobody has looked at yet. */
export function initialState(now: Millis): State {
  return { phase: 'Progressing', message: 'new', releases: 0, served: [], actions: [], since: now };
}

type Face = Pick<State, 'phase' | 'message'> & Pick<Partial<State>, 'reason'>;

/** Shows a phase. `since` moves only when the phase or its reason changes, so that deadlines can count from it. */
export function show(state: State, face: Face, now: Millis): State {
  const same = state.phase === face.phase && state.reason === face.reason;
  const { reason: _, ...rest } = state;
  return { ...rest, ...face, since: same ? state.since : now };
}

/** Changes the release, and restarts the clock of its stage when the stage changes. */
export function amend(state: State, release: ReleaseState, change: Partial<ReleaseState>, now: Millis): State {
  const next = { ...release, ...change };
  const moved = next.stage !== release.stage || next.attempt !== release.attempt;
  return { ...state, release: next, since: moved ? now : state.since };
}

/** Drops optional members, because `undefined` must not be stored. */
export function without<T extends object, K extends keyof T>(value: T, ...keys: K[]): Omit<T, K> {
  const copy: Partial<T> = {};
  // Not by deleting: engines keep an object that lost a member, and all copies of it, in a slower form.
  for (const key in value) if (!(keys as string[]).includes(key)) copy[key] = value[key];
  return copy as Omit<T, K>;
}

const stageWords: Record<Stage, string> = {
  Preparing: 'Preparing the canary pods',
  Probing: 'Probing the canary before any user meets it',
  Shifting: 'Shifting traffic',
  Holding: 'Holding',
  Baking: 'Baking',
  Promoting: 'Promoting',
};

/** The default sentence of a stage, when there is nothing better to say. */
export function stageMessage(stage: Stage): string {
  return stageWords[stage];
}

/** A new release of `revision`: its record comes before any canary pod exists. */
export function begin(
  state: State,
  {
    seen,
    revision,
    from,
    now,
    earlier,
  }: { seen: Seen; revision: string; from: string; now: Millis; earlier?: ReleaseState },
): State {
  const number = state.releases + 1;
  const release: ReleaseState = {
    name: `${seen.rollout}-${number}`,
    revision,
    from,
    // Going away and coming back is no way around the higher bar.
    attempt: Math.max(earlier?.attempt ?? 0, seen.tried?.attempts ?? 0) + 1,
    stage: 'Preparing',
    step: 0,
    weight: 0,
    n: 1,
    rewrites: 0,
    startedAt: now,
    autoResumed: false,
    ...fullOf(state, seen),
    routes: seen.spec?.routes ?? [],
    memo: {},
  };
  const failed = earlier?.ending?.cause === undefined ? earlier?.earlierBreach : earlier.ending.why;
  const breach = failed ?? seen.tried?.breach;
  const withEarlier = breach === undefined ? release : { ...release, earlierBreach: breach };
  const next = { ...without(state, 'queuedAt', 'inQueueSince'), releases: number, release: withEarlier };
  return { ...show(next, { phase: 'Progressing', message: stageMessage('Preparing') }, now), since: now };
}

/** Without routes the canary's share is that of its pods: fewer of stable's would be more for the canary. */
function fullOf(state: State, seen: Seen): { full?: number } {
  const { spec } = seen;
  if (spec?.shrinkStable !== true || spec.routes.length === 0) return {};
  return { full: replicasDuring(seen, without(state, 'release'), spec.replicas) };
}

/** Grants the weight of a step or of the bake: the one place where a record allows more traffic than before. */
export function grant(
  state: State,
  release: ReleaseState,
  plan: Plan,
  at: { step: number; seen: Seen; now: Millis },
): State {
  const rung = rungAt(plan, at.step);
  const weight = rung?.weight ?? 0;
  const memo = { ...release.memo };
  for (const route of at.seen.routes) memo[route.name] ??= route.memo;
  const { reach: _, ...before } = release;
  // A bake may keep the weight of the last step: then nothing is written, and no new fence is waited for.
  const raises = weight > release.weight || rung?.reach !== undefined;
  const raised = without(
    {
      ...before,
      stage: 'Shifting' as const,
      step: at.step,
      weight,
      ...(rung?.reach === undefined ? {} : { reach: rung.reach }),
      rewrites: 0,
      memo,
      ...(raises ? { n: topFence(at.seen, release) + 1, raisedAt: at.now } : {}),
      ...joinedAt(state, release, rung, at.seen),
    },
    'acceptedAt',
    'arrivedAt',
    'carriedSince',
    'carriedUnder',
    'word',
  );
  return { ...without(state, 'queuedAt', 'inQueueSince'), release: raised, since: at.now };
}

/** Without routes a weight is so many pods behind the Service, never fewer than there are already. */
function joinedAt(state: State, release: ReleaseState, rung: Step | undefined, seen: Seen): { joined?: number } {
  if (!isByPods(release) || rung === undefined) return {};
  const replicas = replicasDuring(seen, state, seen.spec?.replicas ?? 0);
  return { joined: Math.max(release.joined ?? 0, podsAt(rung, replicas)) };
}

/** Takes all traffic back for good, and says so. */
export function end(state: State, release: ReleaseState, ending: Ending, seen: Seen): State {
  const ended = { ...grounded({ ...release, ending }, seen, ending.at), ending };
  return { ...show(state, faceOf(ending, returnWords(ended, seen)), ending.at), release: ended };
}

/** Takes all traffic back and begins again at the first step. */
export function restart(
  release: ReleaseState,
  seen: Seen,
  { stage, now }: { stage: 'Preparing' | 'Probing'; now: Millis },
): ReleaseState {
  return { ...grounded(release, seen, now), stage, step: 0, rewrites: 0 };
}

/**
 * Nothing is granted any more, but for what a stable that was shrunk does not carry yet. The fence number passes every
 * write that may still be on its way.
 */
function grounded(release: ReleaseState, seen: Seen, now: Millis): ReleaseState {
  const weight = keptOnReturn(release, seen, now);
  const { returningSince = now, ...rest } = release;
  const base = without(
    rest,
    'reach',
    'word',
    'approvals',
    'joined',
    'joinedAt',
    'acceptedAt',
    'arrivedAt',
    'carriedSince',
    'carriedUnder',
    'restoredAt',
  );
  return { ...base, ...(weight > 0 ? { returningSince } : {}), weight, n: topFence(seen, release) + 1 };
}

/** How a release that went back shows itself, for as long as nobody begins another one. `returns`: where its traffic stands. */
export function faceOf(ending: Ending, returns?: string): Face {
  const { kind, cause, deadline } = ending;
  const message = backWords(ending, returns);
  switch (kind) {
    case 'Abort':
      return { phase: 'Degraded', reason: deadline ? 'DeadlineExceeded' : 'Aborted', message };
    case 'Retreat':
      return { phase: 'Paused', reason: retreatReason(cause), message };
    default:
      return faceOfReturn(ending, returns);
  }
}

/** The same while the next one waits for its end. */
export function faceOfReturn(ending: Ending, returns?: string): Face {
  return { phase: 'Progressing', message: `Going back to stable: ${backWords(ending, returns)}` };
}

function backWords({ why }: Ending, returns: string | undefined): string {
  return returns === undefined ? why : `${why}; ${returns}`;
}

/** Cause of an ending that no gate asked for: the Service sends to canary pods. */
export const SERVICE_WIDENED = 'ServiceWidened';

/** Another: who has a say in a route of another namespace took it back. */
export const ROUTE_BARRED = 'RouteBarred';

function retreatReason(cause: string | undefined): PauseReason {
  if (cause === undefined) return 'User';
  if (cause === SERVICE_WIDENED || cause === ROUTE_BARRED) return 'RouteChanged';
  return cause === 'NoData' ? 'NoData' : 'GateBreached';
}

/** A pod that still is behind the user's Service gets new connections. */
function servesUsers({ revision }: ReleaseState, seen: Seen): boolean {
  const strays = (seen.strays ?? []).filter((stray) => stray.revision === revision);
  return [...living(setOf(seen, revision)), ...strays].some(({ arms }) => arms.stable);
}

/**
 * Remembers since when every route is at rest and no pod of the canary is behind the Service: what a route sent to goes
 * some time after that, never before. A fence newer than the record was written by a lowering whose record was lost: the
 * data plane hears of it only now.
 */
export function noteRest(state: State, release: ReleaseState, seen: Seen, now: Millis): State {
  const rests = routesAtRest(seen) && (release.committed || !servesUsers(release, seen));
  const n = topFence(seen, release);
  if (!rests) return release.restoredAt === undefined ? state : { ...state, release: unrested(release, seen, n) };
  if (release.restoredAt !== undefined && n === release.n) return state;
  const { ending } = release;
  // The first time counts: what somebody else sends there later is another story.
  const remedied = ending === undefined ? {} : { ending: { remediedAt: now, ...ending } };
  return { ...state, release: { ...release, n, restoredAt: now, ...remedied } };
}

/** A route that sends again is lowered under a number of its own, by which the next pass knows that it did. */
function unrested(release: ReleaseState, seen: Seen, n: number): ReleaseState {
  return { ...without(release, 'restoredAt'), ...(routesSend(seen) ? { n: n + 1 } : {}) };
}

const outcomes: Record<Ending['kind'], Outcome> = {
  Retreat: 'Retreated',
  Abort: 'Aborted',
  Superseded: 'Superseded',
  Returned: 'Returned',
};

/** The release is over: what remains is its outcome, until the Release object says so too. */
export function leave(state: State, release: ReleaseState, now: Millis): State {
  const ending = release.ending;
  const outcome = ending === undefined ? 'Promoted' : outcomes[ending.kind];
  const ended = {
    name: release.name,
    revision: release.revision,
    outcome,
    at: now,
    why: ending?.why ?? 'every step passed',
  };
  return { ...without(state, 'release'), ended };
}

/** Revisions remembered as having served, whatever the rollback window. */
export const SERVED_MAX = 10;

/** The commit point: the new revision is stable from here on. */
export function commit(state: State, release: ReleaseState, now: Millis): State {
  const served = [release.from, ...state.served.filter((old) => old !== release.from && old !== release.revision)];
  return {
    ...state,
    stable: release.revision,
    served: served.slice(0, SERVED_MAX),
    release: { ...release, committed: true },
    since: now,
  };
}
