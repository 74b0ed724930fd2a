import type { Counts } from '#core/gate.ts';
import type { ProbeOutcome, ProbeRequest, ProbeSuite } from '#core/probe.ts';
import { canonicalJson } from '#lib/json.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { ProbeOutcomes } from '#ports/probe-outcomes.ts';
import type { Random } from '#ports/random.ts';
import type { ProbeResult, ProbeTarget } from '#probes/define.ts';

/** Outcomes are kept this long for the gates, and so many of them for each gate. */
const KEPT_MS: Millis = 600_000;
const KEPT_MOST = 4096;

/** A gate of probes, and the requests that it counts. */
export interface Sampled {
  gate: string;
  suite: ProbeSuite;
  /** How often each request is sent to each arm in one round. */
  samples: number;
}

/** Whom to ask, and on whose behalf. */
export interface SampleWish {
  /** Attempt and stay: outcomes carry both, so that none is counted for another. */
  attempt: string;
  epoch: string;
  /** Name of the release: marks requests. */
  release: string;
  sampled: readonly Sampled[];
  /** Empty while no canary pod may be asked. */
  canary: readonly ProbeTarget[];
  stable: readonly ProbeTarget[];
}

export interface SamplerDeps {
  clock: Clock;
  random: Random;
  log: Log;
  /** Sends one request once. Never rejects. */
  ask(call: {
    request: ProbeRequest;
    target: ProbeTarget;
    release: string;
    allowed: readonly string[];
  }): Promise<ProbeResult>;
}

/**
 * Asks both arms the same at the same moment, for the gates that count answers. Each request is sent once and never
 * again: a retry would hide what is to be measured. Pods of an arm are asked in turn, so that the load does not depend
 * on their number; every pod by itself is what `probes` of the Rollout is for.
 */
export interface Sampler extends ProbeOutcomes {
  /** Cheap and idempotent: call it at every reconcile. */
  watch(key: string, wish: SampleWish): void;
  unwatch(key: string): void;
}

interface Lane {
  sampled: Sampled;
  live: boolean;
  /** How many pods of each arm were asked so far: whose turn it is. */
  turn: number;
  outcomes: ProbeOutcome[];
  cancel?: () => void;
}

interface Entry {
  wish: SampleWish;
  /** By gate. */
  lanes: Map<string, Lane>;
}

export function createSampler(deps: SamplerDeps): Sampler {
  const entries = new Map<string, Entry>();
  const close = (lane: Lane): void => {
    lane.live = false;
    lane.cancel?.();
  };
  return {
    watch(key, wish) {
      const entry = entries.get(key) ?? { wish, lanes: new Map<string, Lane>() };
      entries.set(key, entry);
      const before = entry.wish.release;
      entry.wish = wish;
      for (const [gate, lane] of entry.lanes) {
        const same = wish.sampled.some((one) => canonicalJson(one) === canonicalJson(lane.sampled));
        if (same && before === wish.release) continue;
        close(lane);
        entry.lanes.delete(gate);
      }
      for (const sampled of wish.sampled) {
        if (entry.lanes.has(sampled.gate) || sampled.suite.requests.length === 0) continue;
        const lane: Lane = { sampled, live: true, turn: 0, outcomes: [] };
        entry.lanes.set(sampled.gate, lane);
        runLane(deps, entry, lane).catch((error: unknown) => {
          deps.log.error('sampling ended early', { key, gate: sampled.gate, error: String(error) });
        });
      }
    },
    unwatch(key) {
      for (const lane of entries.get(key)?.lanes.values() ?? []) close(lane);
      entries.delete(key);
    },
    outcomes(key, gate, from) {
      return (entries.get(key)?.lanes.get(gate)?.outcomes ?? []).filter(({ at }) => at >= from);
    },
  };
}

async function runLane(deps: SamplerDeps, entry: Entry, lane: Lane): Promise<void> {
  const { clock, random } = deps;
  const { suite } = lane.sampled;
  while (lane.live) {
    for (const request of suite.requests) {
      const outcome = await askBoth(deps, entry, lane, request);
      if (!lane.live) return;
      if (outcome !== undefined) keep(lane, outcome);
    }
    // Spread by a tenth, so that releases that began together do not ask together for ever.
    await new Promise<void>((resolve) => {
      const cancelTimer = clock.timer(suite.everyMs * (0.95 + random() / 10), resolve);
      lane.cancel = () => {
        cancelTimer();
        resolve();
      };
    });
  }
}

/** All samples of one check in one round. Undefined when the release moved on meanwhile, or nobody was there. */
async function askBoth(
  deps: SamplerDeps,
  entry: Entry,
  lane: Lane,
  request: ProbeRequest,
): Promise<ProbeOutcome | undefined> {
  const { attempt, epoch, canary, stable } = entry.wish;
  const from = lane.turn;
  lane.turn += lane.sampled.samples;
  const askArm = (arm: readonly ProbeTarget[]): Promise<Asked[]> => {
    const targets = Array.from({ length: lane.sampled.samples }, (_, index) => arm[(from + index) % arm.length]);
    return Promise.all(targets.flatMap((target) => (target === undefined ? [] : [ask(deps, entry, request, target)])));
  };
  const [canaries, stables] = await Promise.all([askArm(canary), askArm(stable)]);
  // A pod that left while it was asked failed for that reason alone.
  const own = staying(canaries, entry.wish.canary);
  const control = staying(stables, entry.wish.stable);
  if (own.length + control.length === 0) return undefined;
  const wrong = own.find(({ result }) => !result.ok);
  return {
    at: deps.clock.now(),
    epoch: attempt,
    stepEpoch: epoch,
    check: request.name,
    canary: countsOf(own),
    stable: countsOf(control),
    ...(wrong === undefined
      ? {}
      : { fault: `check ${request.name} on pod ${wrong.target.pod}: ${wrong.result.reason}` }),
  };
}

interface Asked {
  target: ProbeTarget;
  result: ProbeResult;
}

async function ask(deps: SamplerDeps, entry: Entry, request: ProbeRequest, target: ProbeTarget): Promise<Asked> {
  const { release, canary, stable } = entry.wish;
  const allowed = [...canary, ...stable].map(({ ip }) => ip);
  return { target, result: await deps.ask({ request, target, release, allowed }) };
}

function staying(asked: readonly Asked[], arm: readonly ProbeTarget[]): Asked[] {
  return asked.filter(({ target }) => arm.some(({ pod, ip }) => pod === target.pod && ip === target.ip));
}

function countsOf(asked: readonly Asked[]): Counts {
  return { total: asked.length, bad: asked.filter(({ result }) => !result.ok).length };
}

function keep(lane: Lane, outcome: ProbeOutcome): void {
  const kept = lane.outcomes.filter(({ at }) => at > outcome.at - KEPT_MS);
  lane.outcomes = [...kept, outcome].slice(-KEPT_MOST);
}
