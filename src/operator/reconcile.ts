import { decide } from '#core/decide.ts';
import { desired } from '#core/desired.ts';
import { diff } from '#core/diff.ts';
import { type Decision, type Effect, isUrgent } from '#core/effect.ts';
import { eventOf, type Happened } from '#core/events.ts';
import { FINALIZER } from '#core/labels.ts';
import type { State } from '#core/model.ts';
import { record } from '#core/raw.ts';
import { initialState } from '#core/state.ts';
import { ROLLOUT } from '#kube/resources.ts';
import { OperatorError } from '#lib/errors.ts';
import { sameJson } from '#lib/json.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { addressFromKey } from '#runtime/cache.ts';
import { missingReplicas } from './adopt.ts';
import { measureBreach, measureReplaced } from './breach-metrics.ts';
import { keyOf, type Sight } from './observe.ts';
import { missingRight } from './readable.ts';
import { stateOf } from './reading.ts';
import { placeOf } from './route-kinds.ts';
import type { StatusWriter } from './status.ts';
import { BY_ROLLOUT, namesOf, type Stores } from './stores.ts';

export interface ReconcileDeps {
  api: KubeApi;
  stores: Stores;
  clock: Clock;
  log: Log;
  telemetry: Telemetry;
  /** What must be asked of the API server before a look: a dry run of a template that is new, and of the source: stable's traffic. */
  prepare(rollout: KubeObject, state: State | undefined, signal: AbortSignal): Promise<void>;
  /** Reads the caches: everything that the decision needs. */
  look(rollout: KubeObject, state: State): Sight;
  /** Told in the same breath: whoever is looked at next sees what was decided. */
  decided(rollout: KubeObject, decision: Decision): void;
  apply(rollout: KubeObject, effect: Effect): Promise<void>;
  status: StatusWriter;
  /** Brings gates and probes in line with what was decided, once it is stored. */
  follow(rollout: KubeObject, decision: Decision, sight: Sight): void;
  /** After everything else: stores evidence now and then. */
  settle(rollout: KubeObject, decision: Decision): Promise<void>;
  forget(key: string): void;
  /** Writes a Kubernetes Event, beside the work. */
  tell(rollout: KubeObject, happening: Happened): void;
  /** Asked at the moment before every write that is not a lowering. */
  isLeader(): boolean;
}

export interface Again {
  requeueAfterMs?: number;
}

/** What a dry run may take while traffic is out there. */
const PREPARE_MS = 500;

/** Most time between two tries of a lowering. */
const LOWER_AGAIN_MS = 4000;

/** Long enough for a watch event to come first, short enough that a lost one costs nothing. */
const CATCH_UP_MS = 200;

/** Observe, decide, store, act. Judgement is pure and lives in core; this file only moves data. */
export function createReconcile(deps: ReconcileDeps): (key: string, signal: AbortSignal) => Promise<Again> {
  return async function reconcile(key, signal) {
    const rollout = deps.stores.rollouts.get(addressFromKey(key));
    if (rollout === undefined) {
      deps.forget(key);
      deps.status.forget(key);
      return {};
    }
    // Deciding on a sight older than our own last write would decide the same thing twice.
    if (!isFresh(deps.stores, rollout)) return { requeueAfterMs: CATCH_UP_MS };
    askForWrites(deps.stores, rollout, key);
    const missing = missingRight(rollout, deps.stores);
    if (missing !== undefined) throw await closed(deps, rollout, missing);
    return (await complete(deps, rollout)) ? { requeueAfterMs: CATCH_UP_MS } : await turn(deps, rollout, signal);
  };
}

async function turn(deps: ReconcileDeps, rollout: KubeObject, signal: AbortSignal): Promise<Again> {
  const remembered = stateOf(rollout);
  const asked = await prepared(deps, rollout, remembered, signal);
  const now = deps.clock.now();
  const state = remembered ?? initialState(now);
  const sight = deps.look(rollout, state);
  const decision = decide(state, sight.seen, now);
  deps.decided(rollout, decision);
  const heldMs = await act(deps, rollout, { decision, state, sight, signal, known: remembered !== undefined });
  if (deps.isLeader()) await deps.settle(rollout, decision);
  if (deps.isLeader()) await refill(deps, rollout);
  if (asked.kind === 'failed') throw asked.error;
  const { requeueAt } = decision;
  return again([
    requeueAt === undefined ? undefined : requeueAt - now,
    heldMs,
    asked.kind === 'late' ? CATCH_UP_MS : undefined,
  ]);
}

/**
 * Something that this Rollout names may not be read: its owner hears of it, and nothing is decided. What is on record
 * is taken down all the same where a route may be written: nothing stands before a lowering.
 */
async function closed(deps: ReconcileDeps, rollout: KubeObject, missing: OperatorError): Promise<OperatorError> {
  if (deps.isLeader()) deps.tell(rollout, { type: 'Warning', reason: 'RightMissing', message: missing.message });
  const state = stateOf(rollout);
  if (state === undefined) return missing;
  const { seen } = deps.look(rollout, state);
  const lowerings = diff(desired(state, seen, deps.clock.now()), state, seen).filter(isUrgent);
  await Promise.all(lowerings.map((effect) => deps.apply(rollout, effect).catch(urgently)));
  return missing;
}

/** The soonest of what is waited for, if anything is. */
function again(waits: (Millis | undefined)[]): Again {
  const soonest = Math.min(...waits.filter((wait) => wait !== undefined));
  return soonest === Number.POSITIVE_INFINITY ? {} : { requeueAfterMs: Math.max(1, soonest) };
}

type Prepared = { kind: 'done' | 'late' } | { kind: 'failed'; error: unknown };

/**
 * During a release an answer that does not come is no reason to look away from its traffic: it is asked for again
 * after this pass has done its work.
 */
async function prepared(
  deps: ReconcileDeps,
  rollout: KubeObject,
  state: State | undefined,
  signal: AbortSignal,
): Promise<Prepared> {
  const asked = deps.prepare(rollout, state, signal).then((): Prepared => ({ kind: 'done' }));
  if (state?.release === undefined) return await asked;
  const { promise: late, resolve } = Promise.withResolvers<Prepared>();
  const cancel = deps.clock.timer(PREPARE_MS, () => resolve({ kind: 'late' }));
  const answer = await Promise.race([asked, late]).catch((error: unknown): Prepared => ({ kind: 'failed', error }));
  cancel();
  return answer;
}

function isFresh(stores: Stores, rollout: KubeObject): boolean {
  const { namespace = '' } = rollout.metadata;
  const places = namesOf(rollout).routes.map((key) => placeOf(stores, key, namespace));
  return stores.rollouts.fresh(rollout.metadata) && places.every((place) => place?.store.fresh(place.ref) ?? true);
}

/**
 * Nothing waits for our last write to a ReplicaSet or the Service, a lowering least of all. That it does not show says all the
 * same that the watch is dead without knowing, and nothing must be sized or widened by what there was before.
 */
function askForWrites({ sets, services }: Pick<Stores, 'sets' | 'services'>, rollout: KubeObject, key: string): void {
  const { service: name } = namesOf(rollout);
  const { namespace } = rollout.metadata;
  if (name !== undefined) services.fresh({ ...(namespace === undefined ? {} : { namespace }), name });
  for (const { metadata } of sets.byIndex(BY_ROLLOUT, key)) sets.fresh(metadata);
}

interface Act {
  decision: Decision;
  state: State;
  /** False before the first state of this Rollout has been stored. */
  known: boolean;
  sight: Sight;
  signal: AbortSignal;
}

/**
 * Lowering and the store of the new state start together: down is free. Everything else waits until the state is
 * stored, and each further write asks first whether this process still leads. Answers when to write figures that wait.
 */
async function act(
  deps: ReconcileDeps,
  rollout: KubeObject,
  { decision, state, known, sight, signal }: Act,
): Promise<Millis | undefined> {
  const lowerings = decision.effects.filter(isUrgent);
  const rest = decision.effects.filter((effect) => !isUrgent(effect));
  // The sentence alone has figures in it that change at every tick: it is no change of state.
  const changed = !known || !sameJson({ ...state, message: '' }, { ...decision.next, message: '' });
  const begunAt = deps.clock.monotonic();
  const stored = storeState(deps, rollout, { decision, sight, changed });
  const lowered = lowerings.map((effect) => deps.apply(rollout, effect).catch(urgently));
  const results = await Promise.allSettled([...lowered, stored]);
  // What could not be stored is not decided: gates and probes of another stay would begin anew at every try.
  if (results.at(-1)?.status === 'fulfilled' && deps.isLeader()) deps.follow(rollout, decision, sight);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const turn = { was: state.release, is: decision.next.release };
  measureBreach(deps.telemetry, { ...turn, tookMs: deps.clock.monotonic() - begunAt });
  measureReplaced(deps.telemetry, turn);
  if (changed) announce(deps, rollout, state, decision);
  await perform(deps, rollout, rest, signal);
  return await stored;
}

/** In order; only records, which follow the state and never lead, hold up nothing when they cannot be written. */
async function perform(
  deps: ReconcileDeps,
  rollout: KubeObject,
  effects: Effect[],
  signal: AbortSignal,
): Promise<void> {
  const failures: unknown[] = [];
  for (const effect of effects) {
    if (signal.aborted || !deps.isLeader()) break;
    try {
      await deps.apply(rollout, effect);
    } catch (error) {
      if (effect.kind !== 'RecordRelease' && effect.kind !== 'AnswerAction') throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** A traffic write that fails for long must not be found in the longest back-off when it could be done again. */
function urgently(error: unknown): never {
  if (!(error instanceof OperatorError)) throw error;
  const { code, message, retryAfterMs } = error;
  throw new OperatorError(code, message, { cause: error.cause, retryAfterMs, retryWithinMs: LOWER_AGAIN_MS });
}

async function storeState(
  deps: ReconcileDeps,
  rollout: KubeObject,
  { decision, sight, changed }: Pick<Act, 'decision' | 'sight'> & { changed: boolean },
): Promise<Millis | undefined> {
  if (!deps.isLeader()) return undefined;
  return await deps.status.write(rollout, { next: decision.next, sight, changed });
}

function announce(
  { log, telemetry, tell }: ReconcileDeps,
  rollout: KubeObject,
  before: State,
  { next, effects }: Decision,
): void {
  const { phase, reason, message, release } = next;
  const moves = effects.flatMap((effect) => (effect.kind === 'SetWeight' ? [`${effect.route}=${effect.weight}`] : []));
  // One wide line a decision: what an operator greps for at 3 a.m.
  log.info('decided', {
    rollout: keyOf(rollout),
    phase,
    reason,
    message,
    stage: release?.stage,
    step: release?.step,
    weight: release?.weight,
    n: release?.n,
    moves,
  });
  telemetry.count('headgate_decisions_total', { phase });
  const happening = eventOf(before, next);
  if (happening !== undefined) tell(rollout, happening);
}

/**
 * The finalizer, before anything of ours exists, so that deletion can give the traffic back. And the replicas, where
 * nobody gave any: autoscalers read them, and what a Deployment had must outlive its going to 0. In the middle of a
 * release only after everything else: a write of the spec that somebody forbids must not stand before a lowering.
 */
async function complete({ api, stores }: ReconcileDeps, rollout: KubeObject): Promise<boolean> {
  const { name, namespace = '', finalizers = [], resourceVersion, deletionTimestamp } = rollout.metadata;
  if (deletionTimestamp !== undefined) return false;
  const moving = 'release' in record(rollout, 'status', 'state');
  const replicas = moving ? undefined : missingReplicas(rollout, stores);
  if (finalizers.includes(FINALIZER) && replicas === undefined) return false;
  const patch = {
    metadata: { resourceVersion, finalizers: [...new Set([...finalizers, FINALIZER])] },
    ...(replicas === undefined ? {} : { spec: { replicas } }),
  };
  stores.rollouts.noteWrite(
    await api.mergePatch({ resource: ROLLOUT, namespace, name }, patch, { fieldManager: 'headgate' }),
  );
  return true;
}

/** An autoscaler that reads no replicas reads 0, and stops: what somebody takes out in the middle of a release comes back. */
async function refill({ api, stores, log }: ReconcileDeps, { metadata }: KubeObject): Promise<void> {
  const { name, namespace = '' } = metadata;
  const rollout = stores.rollouts.get({ namespace, name });
  if (rollout === undefined || rollout.metadata.deletionTimestamp !== undefined) return;
  const replicas = missingReplicas(rollout, stores);
  if (replicas === undefined || !('release' in record(rollout, 'status', 'state'))) return;
  const patch = { metadata: { resourceVersion: rollout.metadata.resourceVersion }, spec: { replicas } };
  await api.mergePatch({ resource: ROLLOUT, namespace, name }, patch, { fieldManager: 'headgate' }).then(
    (written) => stores.rollouts.noteWrite(written),
    (error: unknown) => log.warn('replicas could not be filled in', { rollout: keyOf(rollout), error: String(error) }),
  );
}
