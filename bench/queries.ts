import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { PodInfo } from '#gates/samples.ts';
import { addCost, createPass, noCost } from '#operator/gate-asks.ts';
import { createGateEngine } from '#operator/gate-engine.ts';
import { readTicks } from '#operator/gate-samples.ts';
import { createLane, createSend } from '#operator/gate-send.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { MetricSource } from '#ports/metric-source.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { systemClock } from '#runtime/system-clock.ts';
import { createPrometheusSource } from '#sources/prometheus.ts';
import { contextsOf, RELEASES, type Release, releases } from './queries-fleet.ts';

/** What a tick of the whole fleet takes of its source, over real HTTP, with the planner and without. */

const TICK_MS = 15_000;
const SCRAPE_MS = 15_000;
const TICKS = 5;
/** Releases that are read gate by gate for comparison; the rest follows by multiplication. */
const SAMPLE = 50;

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => quiet };
const nobody: Telemetry = { count() {}, gauge() {}, observe() {} };

export interface QueryFigures {
  gates: number;
  /** Of one tick. */
  queries: number;
  bytes: number;
  seconds: number;
  cpuSeconds: number;
  /** Longest turn of the event loop, as time that this process computed: a busy machine does not count. */
  worstBlockMs: number;
  /** Every gate asks for itself. */
  single: { queries: number; bytes: number; seconds: number };
  /** Heap for one gate with its evidence. */
  bytesPerGate: number;
}

export async function benchQueries(): Promise<QueryFigures> {
  const server = fork(new URL('./queries-server.ts', import.meta.url), { stdio: 'inherit' });
  const [port] = await once(server, 'message');
  const source = createPrometheusSource({
    ...{ name: 'bench', url: `http://127.0.0.1:${String(port)}`, clock: systemClock },
    limits: { timeoutMs: 60_000 },
  });
  try {
    const single = await readAlone(source);
    return { ...(await readTogether(source)), single };
  } finally {
    source.close();
    server.disconnect();
  }
}

/** Counts what passes through. */
function counted(inner: MetricSource): MetricSource & { queries: number; bytes: number } {
  const noted = async <A extends { cost: { bytes: number } }>(answer: Promise<A>): Promise<A> => {
    const { cost } = await answer;
    counter.queries += 1;
    counter.bytes += cost.bytes;
    return answer;
  };
  const counter = {
    ...inner,
    ...{ queries: 0, bytes: 0 },
    query: (promql: string, options: Parameters<MetricSource['query']>[1]) => noted(inner.query(promql, options)),
    range: (promql: string, options: Parameters<MetricSource['range']>[1]) => noted(inner.range(promql, options)),
  };
  return counter;
}

async function readAlone(inner: MetricSource): Promise<QueryFigures['single']> {
  const source = counted(inner);
  const at = Math.floor(Date.now() / TICK_MS) * TICK_MS;
  const began = performance.now();
  for (const { key, scope } of releases.slice(0, SAMPLE)) {
    await Promise.all(
      contextsOf(key, TICK_MS).map(({ gate: { slo } }) => {
        const pass = createPass(
          createSend({ source, lane: createLane(source), clock: systemClock, telemetry: nobody }),
        );
        const wanted = { slo, scope, scrapeMs: SCRAPE_MS };
        return pass.read(async (asks) => void (await readTicks(asks, wanted, { from: at, to: at, stepMs: TICK_MS })));
      }),
    );
  }
  const times = RELEASES / SAMPLE;
  const seconds = (performance.now() - began) / 1000;
  return { queries: source.queries * times, bytes: source.bytes * times, seconds: seconds * times };
}

async function readTogether(inner: MetricSource): Promise<Omit<QueryFigures, 'single'>> {
  const source = counted(inner);
  const clock = handClock(Math.floor(Date.now() / TICK_MS) * TICK_MS);
  let left = new Set<string>();
  let allRead = Promise.withResolvers<void>();
  const engine = createGateEngine({
    ...{ clock, log: quiet, telemetry: nobody, sourceFor: () => source },
    onReading(key) {
      left.delete(key);
      if (left.size === 0) allRead.resolve();
    },
  });
  const tick = async (step: () => void) => {
    left = new Set(releases.map(({ key }) => key));
    allRead = Promise.withResolvers();
    step();
    await allRead.promise;
  };
  const before = await heap();
  await tick(() => {
    for (const release of releases) engine.watch(release.key, watchedOf(release));
    clock.pass(0);
  });
  const rounds: Round[] = [];
  for (let index = 0; index < TICKS; index += 1) {
    const [queries, bytes] = [source.queries, source.bytes];
    const lag = watchLoop();
    const cpu = process.cpuUsage();
    const began = performance.now();
    await tick(() => clock.pass(TICK_MS));
    const { user, system } = process.cpuUsage(cpu);
    rounds.push({
      queries: source.queries - queries,
      bytes: source.bytes - bytes,
      seconds: (performance.now() - began) / 1000,
      cpuSeconds: (user + system) / 1_000_000,
      worstBlockMs: lag(),
    });
  }
  const costs = engine.costs().reduce((sum, { cost }) => addCost(sum, cost), noCost);
  const readings = releases.flatMap(({ key }) => engine.readings(key));
  const useless = readings.filter(({ verdict, evidence }) => verdict === 'Error' || evidence.ticks < TICKS);
  const last = rounds.at(-1);
  if (last === undefined || useless.length > 0)
    throw new Error(`${useless.length} gates were not read: ${useless[0]?.message}`);
  // What gates are told that they took is what was taken.
  if (Math.abs(costs.queries - last.queries) > 0.01) throw new Error(`gates were told of ${costs.queries} queries`);
  const gates = readings.length;
  readings.length = 0;
  const bytesPerGate = ((await heap()) - before) / gates;
  engine.stop();
  const middle = (of: (round: Round) => number) => rounds.map(of).sort((a, b) => a - b)[TICKS >> 1] ?? 0;
  return {
    gates,
    queries: last.queries,
    bytes: last.bytes,
    seconds: middle(({ seconds }) => seconds),
    cpuSeconds: middle(({ cpuSeconds }) => cpuSeconds),
    worstBlockMs: middle(({ worstBlockMs }) => worstBlockMs),
    bytesPerGate,
  };
}

type Round = Pick<QueryFigures, 'queries' | 'bytes' | 'seconds' | 'cpuSeconds' | 'worstBlockMs'>;

function watchedOf({ key, scope, pods }: Release) {
  const infos: PodInfo[] = pods.map(({ pod, arm }) => {
    return { pod, arm, available: true, containers: [{ name: 'app', startedAt: 1000 }] };
  });
  return { contexts: contextsOf(key, TICK_MS), scope, pods: () => infos, scrapeMs: SCRAPE_MS };
}

/** Moves when it is told to; the network goes on in real time. */
function handClock(start: number): Clock & { pass(ms: number): void } {
  let now = start;
  let timers: { at: number; fire: () => void }[] = [];
  return {
    now: () => now,
    monotonic: () => now,
    timer(delayMs, fire) {
      const timer = { at: now + delayMs, fire };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    pass(ms) {
      now += ms;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { fire } of due) fire();
    },
  };
}

/** Longest turn of the event loop from now until the returned function is called, in milliseconds of computing. */
function watchLoop(): () => number {
  const computed = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  let worst = 0;
  let last = computed();
  let next = setImmediate(turn);
  function turn(): void {
    const now = computed();
    worst = Math.max(worst, now - last);
    last = now;
    next = setImmediate(turn);
  }
  return () => {
    clearImmediate(next);
    return worst;
  };
}

/** What is in use once everything that can go has gone. */
async function heap(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
}
