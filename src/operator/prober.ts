import type { ProbeRequest, ProbeSuite } from '#core/probe.ts';
import type { ProbeReading } from '#core/seen.ts';
import { canonicalJson } from '#lib/json.ts';
import type { Millis } from '#lib/units.ts';
import { type Clock, sleep } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { ProbeOutcomes } from '#ports/probe-outcomes.ts';
import type { Random } from '#ports/random.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { Probe, ProbeCall, ProbeResult, ProbeTarget } from '#probes/define.ts';
import { judge, type ProbeCell } from '#probes/suite.ts';
import { createLimit, type Limit } from './limit.ts';
import { createSampler, type Sampled, type Sampler } from './probe-sampler.ts';

/** Between a failed request and its repetition: longer than a lost packet, shorter than any step. */
export const RETRY_MS: Millis = 500;
/** Requests under way at one time, over all rollouts: of suites that must pass, and as many of those that gates count. */
export const CONCURRENCY = 32;

export interface ProberDeps {
  clock: Clock;
  random: Random;
  run: Probe;
  log: Log;
  telemetry: Telemetry;
  /** The verdict or the set of passed pods changed: look at this rollout again. */
  onReading(key: string): void;
}

export interface ProbeWish {
  /** Names attempt and step: when it changes, every pod must pass every request once more. */
  epoch: string;
  /** Name of the release: marks requests. Pods that passed stay passed as long as it is the same. */
  release: string;
  suites: readonly ProbeSuite[];
  /** Canary pods that are ready. */
  canary: readonly ProbeTarget[];
  /** Stable pods that are ready; they are asked in turn, and only what a canary pod has just failed. */
  stable: readonly ProbeTarget[];
  /** BeforeTraffic: a pod that joins must pass before the reading is Passed again. Off: nothing is sent. */
  at: 'BeforeTraffic' | 'Steps' | 'Off';
  /** Overrides the suites' own interval. */
  everyMs?: Millis;
  /** What gates count: `attempt` is that part of the epoch that names it. Default: nothing. */
  sampled?: { attempt: string; gates: readonly Sampled[] };
}

/** Probes out of band of reconciles, which only say what is wished and ask what is known. */
export interface Prober extends ProbeOutcomes {
  /** Cheap and idempotent: call it at every reconcile. */
  watch(key: string, wish: ProbeWish): void;
  reading(key: string): ProbeReading;
  /** Canary pods that passed every request at least once in this release: only these may meet users. */
  passedPods(key: string): ReadonlySet<string>;
  unwatch(key: string): void;
}

const nothing: ProbeReading = { result: 'None', message: 'no probe suite' };
const nobody: ReadonlySet<string> = new Set();

interface Entry {
  key: string;
  wish: ProbeWish;
  /** What a lane depends on: when it changes, all begin anew. */
  identity: string;
  /** By pod and suite. */
  lanes: Map<string, Lane>;
  /** By pod, suite and request; only of this epoch. */
  cells: Map<string, ProbeCell>;
  passed: Set<string>;
  /** Every canary pod has passed everything once in this epoch. */
  settled: boolean;
  /** Whose turn it is among the stable pods. */
  turn: number;
  reading: ProbeReading;
}

/** One suite on one pod, round after round, until it is closed. */
interface Lane {
  target: ProbeTarget;
  suite: ProbeSuite;
  live: boolean;
  cancel?: () => void;
}

export function createProber(deps: ProberDeps): Prober {
  const entries = new Map<string, Entry>();
  const limit = createLimit(CONCURRENCY);
  // A limit of its own: prompts that take long must not hold up what a first raise waits for.
  const samples = createLimit(CONCURRENCY);
  const sampler = createSampler({ ...deps, ask: (call) => askOnce({ ...deps, limit: samples }, call) });
  const start = (entry: Entry, lane: Lane): void => {
    runLane({ ...deps, limit }, entry, lane).catch((error: unknown) => {
      deps.log.error('probing ended early', { key: entry.key, pod: lane.target.pod, error: String(error) });
    });
  };
  return {
    watch(key, wish) {
      const entry = entries.get(key) ?? createEntry(key, wish);
      entries.set(key, entry);
      for (const lane of adopt(entry, wish)) start(entry, lane);
      refresh(entry);
      sample(sampler, key, wish);
    },
    outcomes: (key, gate, from) => sampler.outcomes(key, gate, from),
    reading(key) {
      const entry = entries.get(key);
      return entry === undefined ? nothing : { ...entry.reading, epoch: entry.wish.epoch };
    },
    passedPods: (key) => entries.get(key)?.passed ?? nobody,
    unwatch(key) {
      sampler.unwatch(key);
      const entry = entries.get(key);
      entries.delete(key);
      if (entry !== undefined) closeLanes(entry, () => true);
    },
  };
}

function createEntry(key: string, wish: ProbeWish): Entry {
  return {
    key,
    wish,
    identity: '',
    lanes: new Map(),
    cells: new Map(),
    passed: new Set(),
    settled: false,
    turn: 0,
    reading: nothing,
  };
}

/** Makes the entry fit the wish and returns the lanes that are new. */
function adopt(entry: Entry, wish: ProbeWish): Lane[] {
  const identity = canonicalJson([wish.epoch, wish.release, wish.suites, wish.everyMs, wish.at === 'Off']);
  if (entry.wish.release !== wish.release) entry.passed.clear();
  const targets = new Map(wish.canary.map((target) => [target.pod, canonicalJson(target)]));
  const known = new Map(entry.wish.canary.map((target) => [target.pod, canonicalJson(target)]));
  // A pod of the same name at another address is another pod.
  const gone = [...known].filter(([pod, address]) => targets.get(pod) !== address).map(([pod]) => pod);
  for (const pod of gone) entry.passed.delete(pod);
  const renewed = entry.identity !== identity;
  closeLanes(entry, ({ target }) => renewed || gone.includes(target.pod));
  if (renewed) entry.settled = false;
  entry.identity = identity;
  entry.wish = wish;
  return wish.at === 'Off' ? [] : openLanes(entry);
}

function closeLanes(entry: Entry, which: (lane: Lane) => boolean): void {
  for (const [id, lane] of entry.lanes) {
    if (!which(lane)) continue;
    lane.live = false;
    lane.cancel?.();
    entry.lanes.delete(id);
    for (const request of lane.suite.requests) entry.cells.delete(cellId(lane, request));
  }
}

function openLanes(entry: Entry): Lane[] {
  const opened: Lane[] = [];
  for (const target of entry.wish.canary) {
    for (const suite of entry.wish.suites) {
      const id = JSON.stringify([target.pod, suite.name]);
      if (entry.lanes.has(id)) continue;
      const lane = { target, suite, live: true };
      entry.lanes.set(id, lane);
      opened.push(lane);
    }
  }
  return opened;
}

type LaneDeps = ProberDeps & { limit: Limit };

async function runLane(deps: LaneDeps, entry: Entry, lane: Lane): Promise<void> {
  const { clock, random } = deps;
  while (lane.live) {
    for (const request of lane.suite.requests) {
      const cell = await ask(deps, entry, lane, request);
      // A pod that left while it was asked failed for that reason alone.
      if (!lane.live) return;
      record(deps, entry, lane, cell);
    }
    // Spread by a tenth, so that pods that came up together are not asked together for ever.
    const everyMs = (entry.wish.everyMs ?? lane.suite.everyMs) * (0.95 + random() / 10);
    await new Promise<void>((resolve) => {
      const cancelTimer = clock.timer(everyMs, resolve);
      lane.cancel = () => {
        cancelTimer();
        resolve();
      };
    });
  }
}

/** The canary's answer, and where it is wrong at once the same from stable: older control would blame the innocent. */
async function ask(deps: LaneDeps, entry: Entry, lane: Lane, request: ProbeRequest): Promise<ProbeCell> {
  const name = { pod: lane.target.pod, suite: lane.suite.name, request: request.name };
  const canary = await insist(deps, entry, lane, { request, target: lane.target });
  if (canary.ok || !lane.live) return { ...name, canary };
  const { stable } = entry.wish;
  const target = stable[entry.turn % Math.max(1, stable.length)];
  entry.turn += 1;
  if (target === undefined) return { ...name, canary };
  const control = await insist(deps, entry, lane, { request, target });
  return { ...name, canary, control: { pod: target.pod, ok: control.ok, reason: control.reason } };
}

/** A probe never rejects; should one do so all the same, control fails alike and nobody is blamed. */
function unable(error: unknown): ProbeResult {
  return {
    ok: false,
    latencyMs: 0,
    reason: `the probe itself failed: ${error instanceof Error ? error.name : 'unknown'}`,
  };
}

async function askOnce(
  { run, telemetry, limit }: Pick<LaneDeps, 'run' | 'telemetry' | 'limit'>,
  call: ProbeCall,
): Promise<ProbeResult> {
  const result = await limit(() => run(call)).catch(unable);
  telemetry.count('headgate_probe_runs_total', { result: result.ok ? 'pass' : 'fail' });
  return result;
}

function sample(sampler: Sampler, key: string, { sampled, epoch, release, canary, stable, at }: ProbeWish): void {
  const { attempt = '', gates = [] } = sampled ?? {};
  // Stable may be asked before: the longer it is known, the sooner a canary's failure tells.
  sampler.watch(key, { attempt, epoch, release, sampled: gates, canary: at === 'Off' ? [] : canary, stable });
}

/** Asks until it passes or every retry is used. */
async function insist(
  { run, clock, telemetry, limit }: LaneDeps,
  entry: Entry,
  lane: Lane,
  asked: { request: ProbeRequest; target: ProbeTarget },
): Promise<ProbeResult> {
  const { release, canary, stable } = entry.wish;
  const allowed = [...canary, ...stable].map(({ ip }) => ip);
  let result: ProbeResult = { ok: false, latencyMs: 0, reason: 'not asked' };
  for (let left = lane.suite.retries; left >= 0 && lane.live; left -= 1) {
    result = await askOnce({ run, telemetry, limit }, { ...asked, release, allowed });
    if (result.ok) return result;
    if (left > 0) await sleep(clock, RETRY_MS);
  }
  return result;
}

function record({ log, onReading }: LaneDeps, entry: Entry, lane: Lane, cell: ProbeCell): void {
  const { key, wish, passed, cells } = entry;
  cells.set(cellId(lane, { name: cell.request }), cell);
  const before = { reading: entry.reading, passed: passed.size };
  const all = wish.suites.flatMap((suite) =>
    suite.requests.map((request) => cellId({ target: lane.target, suite }, request)),
  );
  if (all.every((id) => cells.get(id)?.canary.ok)) passed.add(cell.pod);
  refresh(entry);
  const { result, message } = entry.reading;
  const moved = result !== before.reading.result || (result !== 'Running' && message !== before.reading.message);
  if (moved) log.info('probe reading', { key, release: wish.release, result, message });
  if (moved || passed.size !== before.passed) onReading(key);
}

function refresh(entry: Entry): void {
  entry.reading = readingOf(entry);
  if (entry.reading.result === 'Passed') entry.settled = true;
}

function readingOf({ wish, cells, settled }: Entry): ProbeReading {
  if (wish.at === 'Off') return nothing;
  const requests = wish.suites.reduce((sum, suite) => sum + suite.requests.length, 0);
  const pods = wish.canary.map(({ pod }) => pod);
  const all = [...cells.values()];
  // Once the step has passed, a pod that joins is kept from users by passedPods, and holds up nobody else.
  const joining = (pod: string): boolean => {
    const own = all.filter((cell) => cell.pod === pod);
    return own.length < requests && own.every(({ canary }) => canary.ok);
  };
  const known = settled && wish.at === 'Steps' ? pods.filter((pod) => !joining(pod)) : pods;
  return judge({ pods: known.length > 0 ? known : pods, requests, cells: all });
}

function cellId({ target, suite }: Pick<Lane, 'target' | 'suite'>, { name }: Pick<ProbeRequest, 'name'>): string {
  return JSON.stringify([target.pod, suite.name, name]);
}
