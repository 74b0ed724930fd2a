import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { GateContext, GateReading, Slo } from '#core/gate.ts';
import type { PodInfo } from '#gates/samples.ts';
import { OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import { createGateEngine, type GateEngine, type Watched } from '#operator/gate-engine.ts';
import type { Log } from '#ports/log.ts';
import { type FakeProcess, type FakePrometheus, fakePrometheus } from '#test/support/fake-prometheus.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';
import { createVirtualClock, type VirtualClock } from '#test/support/virtual-clock.ts';

const TICK = 10_000;
const SCRAPE = 5000;
const START = 1_700_000_000_000; // a multiple of the tick
const KEY = 'shop/checkout';
const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

const engines: GateEngine[] = [];
afterEach(() => {
  for (const engine of engines.splice(0)) engine.stop();
});

/** A pod that finishes `rps` requests a second, of which the share `badShare` fails, as whole numbers. */
function pod(name: string, { rps, badShare = 0, offsetMs = 0 }: { rps: number; badShare?: number; offsetMs?: number }) {
  const bornAt = START - 3_600_000;
  const total = (at: Millis) => Math.max(0, Math.floor(((at - bornAt) / 1000) * rps));
  const process: FakeProcess = { pod: name, bornAt, offsetMs, total, bad: (at) => Math.floor(total(at) * badShare) };
  return process;
}

const good = [
  pod('checkout-aaa-1', { rps: 45, badShare: 0.001, offsetMs: 700 }),
  pod('checkout-aaa-2', { rps: 45, badShare: 0.001, offsetMs: 4100 }),
  pod('checkout-bbb-1', { rps: 10, badShare: 0.001, offsetMs: 2300 }),
];

function infoOf({ pod: name, bornAt }: FakeProcess): PodInfo {
  const arm = name.includes('bbb') ? 'canary' : 'stable';
  return { pod: name, arm, available: true, containers: [{ name: 'app', startedAt: bornAt }] };
}

function context(changes: Partial<GateContext> & { name?: string; source?: string; total?: string } = {}): GateContext {
  const { name = 'availability', source, total: metric = 'http_requests_total', ...rest } = changes;
  const total = { metric, matchers: [] };
  const bad = { metric, matchers: [{ label: 'code', op: '=~' as const, value: '5..' }] };
  const slo: Slo = {
    name,
    sli: { kind: 'events', total, bad },
    arms: { by: 'Pod' },
    objective: 0.99,
    windowMs: 2_419_200_000,
    ...(source === undefined ? {} : { source }),
  };
  return {
    gate: { name, role: 'Guardrail', slo, tolerate: 0.01, maxWaitMs: 1_800_000 },
    epoch: 'checkout-1/1',
    stepEpoch: 'checkout-1/1/step0/1',
    attempt: 1,
    weight: 10_000,
    nextWeight: 30_000,
    raisedAt: START - 60_000,
    arrived: true,
    reactionMs: 20_000,
    tickMs: TICK,
    targetSpend: 0.001,
    maxSpend: 0.01,
    ...rest,
  };
}

interface World {
  clock: VirtualClock;
  sources: Map<string | undefined, FakePrometheus>;
  main: FakePrometheus;
  heard: string[];
  telemetry: ReturnType<typeof recordTelemetry>;
  engine: GateEngine;
  watch(changes?: Partial<Watched>, key?: string): void;
  reading(key?: string): GateReading;
}

function world(clock = createVirtualClock({ wall: START }), scrapeMs = SCRAPE): World {
  const main = fakePrometheus({ clock, scrapeMs });
  main.processes = [...good];
  const sources = new Map<string | undefined, FakePrometheus>([[undefined, main]]);
  const heard: string[] = [];
  const telemetry = recordTelemetry();
  const engine = createGateEngine({
    clock,
    sourceFor: (name) => sources.get(name),
    log: silent,
    telemetry,
    onReading: (key) => heard.push(key),
  });
  engines.push(engine);
  const watched = (): Watched => ({
    contexts: [context()],
    scope: { namespace: 'shop', replicaSets: ['checkout-aaa', 'checkout-bbb'] },
    pods: () => main.processes.map(infoOf),
    scrapeMs: SCRAPE,
  });
  return {
    clock,
    sources,
    main,
    heard,
    telemetry,
    engine,
    watch: (changes, key = KEY) => engine.watch(key, { ...watched(), ...changes }),
    reading(key = KEY) {
      const [reading] = engine.readings(key);
      if (reading === undefined) throw new Error('no reading');
      return reading;
    },
  };
}

test('a good release: counts are exact, stable meets, the gate passes', async () => {
  const { clock, watch, reading, heard } = world();
  watch();
  expect(reading()).toMatchObject({ verdict: 'NoData', cause: 'CatchingUp' });
  await clock.advance(120_000);
  const { verdict, stable, evidence } = reading();
  expect({ verdict, stable }).toEqual({ verdict: 'Pass', stable: 'Meets' });
  // Instants from START − 10 s, the newest on the grid that is a scrape old, to START + 110 s: 120 s of traffic.
  expect(evidence).toMatchObject({ at: START + 110_000, ticks: 12 });
  const [, , canary] = good;
  // Each process was scraped at its own offset; the canary's newest scrapes were at −12.7 s and at 107.3 s.
  const bad = (canary?.bad(START + 107_300) ?? 0) - (canary?.bad(START - 12_700) ?? 0);
  expect(evidence.canary).toEqual({ total: 1200, bad });
  expect(evidence.stable.total).toBe(10_800);
  expect(heard).toHaveLength(13);
});

test('instants lie on the grid, a scrape in the past, and each is asked once', async () => {
  const { clock, watch, main } = world(createVirtualClock({ wall: START + 3333 }));
  watch();
  await clock.advance(40_000);
  const counts = main.asked.filter(({ promql }) => promql.startsWith('sum by') && !promql.includes('code'));
  expect(counts.map(({ from, to }) => [from - START, to - START])).toEqual(
    // Stable's past first, in one question. kills: the past asked for at every tick, or counted for the attempt
    [[-3_610_000, -70_000], ...[-10_000, 0, 10_000, 20_000, 30_000].map((at) => [at, at])],
  );
});

test('gates that share counters ask once: total, bad, targets, and the scrape times of both', async () => {
  const { clock, watch, main, engine } = world();
  watch({ contexts: [context({ name: 'a' }), context({ name: 'b' })] });
  await clock.advance(0);
  // Five about the last hour, five about now.
  expect(main.asked).toHaveLength(10);
  expect(engine.readings(KEY).map(({ gate }) => gate)).toEqual(['a', 'b']);
  // Each of the two bears half of them. kills: the whole of a shared query told to each of its users
  expect(engine.readings(KEY).map(({ cost }) => cost?.queries)).toEqual([5, 5]);
  expect(engine.costs()).toMatchObject([
    { key: KEY, gate: 'a' },
    { key: KEY, gate: 'b' },
  ]);
});

test('watching again changes nothing, whatever the rhythm of reconciles', async () => {
  const [calm, hectic] = [world(), world()];
  calm.watch();
  await calm.clock.advance(60_000);
  for (let now = 0; now < 60_000; now += 500) {
    hectic.watch();
    await hectic.clock.advance(500);
  }
  // kills: a tick folded again when `watch` is called between two ticks
  expect(hectic.reading()).toEqual(calm.reading());
  expect(hectic.main.asked).toEqual(calm.main.asked);
});

test('before any canary traffic: stable is counted and meets its objective', async () => {
  const { clock, watch, reading } = world();
  const { raisedAt: _, ...atZero } = context({ weight: 0, arrived: false });
  watch({ contexts: [atZero] });
  await clock.advance(60_000);
  expect(reading()).toMatchObject({ verdict: 'Inconclusive', stable: 'Meets' });
  expect(reading().evidence.stable.total).toBeGreaterThan(4000);
});

test.each([
  { targets: 0, cause: 'NotScraped', fix: 'let a ServiceMonitor, PodMonitor or job select it' },
  { targets: 2, cause: 'ScrapedTwice', fix: 'keep one ServiceMonitor, PodMonitor or job for it' },
])('a canary pod with $targets targets: $cause', async ({ targets, cause, fix }) => {
  const { clock, watch, reading, main } = world();
  main.processes = good.map((one) =>
    one.pod.includes('bbb') ? { ...one, targets, total: () => 0, bad: () => 0 } : one,
  );
  watch();
  await clock.advance(30_000);
  expect(reading()).toMatchObject({ verdict: 'NoData', cause });
  expect(reading().message).toContain('checkout-bbb-1');
  expect(reading().message).toContain(fix);
});

test('a bad canary fails, and stays failed when the source goes away', async () => {
  const { clock, watch, reading, main } = world();
  main.processes = [...good.slice(0, 2), pod('checkout-bbb-1', { rps: 10, badShare: 0.3, offsetMs: 2300 })];
  watch();
  await clock.advance(60_000);
  expect(reading()).toMatchObject({ verdict: 'Fail', cause: 'Worse' });
  main.failure = new OperatorError('SOURCE_UNREACHABLE', 'main: gone');
  await clock.advance(60_000);
  // kills: an error that overwrites a breach before a reconcile has seen it
  expect(reading()).toMatchObject({ verdict: 'Fail', cause: 'Worse' });
});

test.each([
  { code: 'SOURCE_UNREACHABLE', cause: 'SourceDown' },
  { code: 'SOURCE_THROTTLED', cause: 'SourceDown' },
  { code: 'SOURCE_QUERY', cause: 'BadQuery' },
  { code: 'SOURCE_ANSWER', cause: 'BadQuery' },
  { code: 'SOURCE_TOO_LARGE', cause: 'BadQuery' },
] as const)('$code is Error/$cause with the source’s words', async ({ code, cause }) => {
  const { clock, watch, reading, main, telemetry } = world();
  watch();
  await clock.advance(60_000);
  main.failure = new OperatorError(code, 'main: what it said');
  await clock.advance(10_000);
  expect(reading()).toMatchObject({ verdict: 'Error', cause, message: 'main: what it said', stable: 'Unknown' });
  expect(telemetry.total('headgate_source_errors_total', { source: 'main', code })).toBeGreaterThan(0);
});

test('an outage of the source loses nothing and counts nothing twice', async () => {
  const [calm, broken] = [world(), world()];
  for (const { watch } of [calm, broken]) watch();
  await broken.clock.advance(60_000);
  broken.main.failure = new OperatorError('SOURCE_UNREACHABLE', 'main: gone');
  await broken.clock.advance(120_000);
  expect(broken.reading()).toMatchObject({ verdict: 'Error', cause: 'SourceDown' });
  expect(broken.reading().evidence.ticks).toBe(6);
  broken.main.failure = undefined;
  await broken.clock.advance(60_000);
  await calm.clock.advance(240_000);
  // kills: starting again at the newest instant, which pools the outage into one tick
  expect(broken.reading()).toEqual(calm.reading());
});

test('law: stopped at any time and started from its checkpoint, the engine says what it would have said', async () => {
  const span = 300_000;
  const calm = world();
  calm.watch();
  await calm.clock.advance(span);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: span - 20_000 }),
      fc.integer({ min: 0, max: 250_000 }),
      async (stopAt, awayMs) => {
        const before = world();
        before.watch();
        await before.clock.advance(stopAt);
        const checkpoint = before.engine.checkpoint(KEY);
        before.engine.stop();
        const away = Math.min(awayMs, span - 20_000 - stopAt);
        const after = world(createVirtualClock({ wall: START + stopAt + away }));
        after.watch({ checkpoint });
        expect(after.reading()).toMatchObject({ verdict: 'NoData', cause: 'CatchingUp' });
        await after.clock.advance(span - stopAt - away);
        // kills: a first tick after the start that is counted, or one that is left out
        expect(after.reading()).toEqual(calm.reading());
      },
    ),
    { numRuns: 25 },
  );
}, 60_000);

test('a gateway is not read while new pods join, and its verdict blames nobody', async () => {
  // kills: counts of both arms read as one arm's once canary pods answer for stable too
  const { clock, watch, reading, main } = world();
  const edge = context({ mixed: true });
  edge.gate.slo.arms = { by: 'Label', label: 'service', stable: 'shop-80', canary: 'shop-canary-80' };
  watch({ contexts: [edge] });
  await clock.advance(60_000);
  expect(main.asked).toEqual([]);
  const message = expect.stringMatching(/cannot tell the arms apart/);
  expect(reading()).toMatchObject({ verdict: 'Inconclusive', message });
});

test.each([
  { name: 'nothing', checkpoint: '' },
  { name: 'noise', checkpoint: '{"v":1,"gates":{"availability":"{}","x":3}}' },
  { name: 'another version', checkpoint: '{"v":99,"gates":{}}' },
  { name: 'half of it', checkpoint: '{"v":1,"gates":{"avail' },
])('a checkpoint of $name starts afresh', async ({ checkpoint }) => {
  const { clock, watch, reading } = world();
  watch({ checkpoint });
  await clock.advance(20_000);
  expect(reading().evidence.ticks).toBe(2);
});

test('a checkpoint is at most 10 KiB', async () => {
  const { clock, watch, engine } = world();
  watch({ contexts: Array.from({ length: 30 }, (_, index) => context({ name: `slo-${index}` })) });
  await clock.advance(60_000);
  const checkpoint = engine.checkpoint(KEY);
  expect(Buffer.byteLength(checkpoint)).toBeLessThanOrEqual(10_240);
  expect(Object.keys(JSON.parse(checkpoint).gates).length).toBeGreaterThanOrEqual(9);
  expect(engine.checkpoint('shop/other')).toBe('');
});

test('a slow source skips ticks and then reads them; no gate is read twice at a time', async () => {
  const { clock, watch, reading, main } = world();
  watch();
  await clock.advance(30_000);
  main.delayMs = 24_000; // six queries, four at a time: about five ticks a pass
  await clock.advance(200_000);
  // kills: a pass that begins while the one before is under way
  expect(main.mostAtOnce).toBeLessThanOrEqual(4);
  const asked = main.asked.filter(({ promql }) => promql.startsWith('sum by') && !promql.includes('code'));
  for (const [index, { from }] of asked.entries()) expect(from).toBeGreaterThan(asked[index - 1]?.to ?? 0);
  main.delayMs = 0;
  await clock.advance(70_000);
  expect(reading().evidence).toMatchObject({ at: START + 290_000, ticks: 30 });
});

test('one broken source leaves the others alone, and one broken query its neighbours', async () => {
  const { clock, watch, reading, main, sources } = world();
  const other = fakePrometheus({ clock, scrapeMs: SCRAPE, name: 'other' });
  other.failure = new OperatorError('SOURCE_UNREACHABLE', 'other: gone');
  sources.set('other', other);
  main.failing = { text: 'other_total', error: new OperatorError('SOURCE_QUERY', 'main: no') };
  watch();
  watch({ contexts: [context({ source: 'other' })] }, 'shop/a');
  watch({ contexts: [context({ source: 'missing' })] }, 'shop/b');
  watch({ contexts: [context({ total: 'other_total' })] }, 'shop/c');
  await clock.advance(120_000);
  expect(reading()).toMatchObject({ verdict: 'Pass' });
  expect(reading('shop/a')).toMatchObject({ verdict: 'Error', cause: 'SourceDown', message: 'other: gone' });
  expect(reading('shop/b')).toMatchObject({ verdict: 'Error', cause: 'SourceDown' });
  expect(reading('shop/b').message).toBe(
    'MetricSource missing does not exist; ServiceLevelObjective availability names it in source',
  );
  expect(reading('shop/c')).toMatchObject({ verdict: 'Error', cause: 'BadQuery' });
});

test('an answer that is too large is asked for in parts, and one that is by itself fails alone', async () => {
  const { clock, watch, reading, main } = world();
  main.failing = { text: 'checkout-huge', error: new OperatorError('SOURCE_TOO_LARGE', 'main: too large') };
  watch();
  const others = Array.from({ length: 20 }, (_, index) => `shop/app-${index}`);
  for (const key of others) watch({}, key);
  for (const index of others.keys()) {
    watch({ scope: { namespace: 'shop', replicaSets: ['checkout-aaa', 'checkout-bbb', `a-${index}`] } }, others[index]);
  }
  watch({ scope: { namespace: 'shop', replicaSets: ['checkout-huge'] } }, 'shop/huge');
  await clock.advance(120_000);
  // kills: a shared answer that takes all its gates with it
  for (const key of [KEY, ...others]) expect(reading(key)).toMatchObject({ verdict: 'Pass' });
  expect(reading('shop/huge')).toMatchObject({ verdict: 'Error', cause: 'BadQuery', message: 'main: too large' });
  main.asked = [];
  await clock.advance(TICK);
  // It is known by now: five questions that all others share, and its own five. kills: halving anew at every tick
  expect(main.asked).toHaveLength(10);
});

test('ticks that many gates missed are read in few queries', async () => {
  const { clock, watch, main, reading } = world();
  const keys = Array.from({ length: 30 }, (_, index) => `shop/app-${index}`);
  for (const key of keys) watch({}, key);
  await clock.advance(60_000);
  main.failure = new OperatorError('SOURCE_UNREACHABLE', 'main: gone');
  await clock.advance(200_000);
  main.failure = undefined;
  main.asked = [];
  await clock.advance(TICK);
  // kills: a range for each gate
  expect(main.asked).toHaveLength(5);
  for (const key of keys) expect(reading(key).evidence.canary.total).toBe(10 * 270);
});

test('when the source is down, the rest of a pass fails at once', async () => {
  const { clock, watch, main, engine } = world();
  main.failure = new OperatorError('SOURCE_UNREACHABLE', 'main: gone');
  for (let index = 0; index < 50; index += 1) {
    watch({ scope: { namespace: 'shop', replicaSets: [`app-${index}`] } }, `shop/app-${index}`);
  }
  await clock.advance(0);
  expect(main.asked.length).toBeLessThan(10); // kills: fifty gates that wait a deadline each
  expect(engine.readings('shop/app-49')).toMatchObject([{ verdict: 'Error', cause: 'SourceDown' }]);
});

test('a source that asks for quiet gets it', async () => {
  const { clock, watch, main, reading } = world();
  main.failure = new OperatorError('SOURCE_THROTTLED', 'main: slow down', { retryAfterMs: 45_000 });
  watch();
  await clock.advance(0);
  const asked = main.asked.length;
  await clock.advance(40_000);
  expect(main.asked).toHaveLength(asked);
  main.failure = undefined;
  await clock.advance(60_000);
  expect(reading().evidence.ticks).toBeGreaterThan(0);
});

test('a source that answers and scrapes no more says nothing new, and then nothing is lost', async () => {
  const { clock, watch, reading, main } = world();
  main.processes = good.map((one) => ({ ...one, unscraped: { from: START + 60_000, to: START + 160_000 } }));
  watch();
  await clock.advance(60_000);
  expect(reading()).toMatchObject({ verdict: 'Pass' });
  await clock.advance(90_000);
  // kills: the last `up` of a target that is gone, read as a successful scrape of now
  expect(reading()).toMatchObject({ verdict: 'NoData', cause: 'Stale', stable: 'Unknown' });
  await clock.advance(60_000);
  expect(reading()).toMatchObject({ verdict: 'Pass' });
  expect(reading().evidence.canary.total).toBe(10 * 210);
});

test('scrapes that are further apart than ticks', async () => {
  const clock = createVirtualClock({ wall: START });
  const { watch, reading } = world(clock, 60_000);
  watch({ scrapeMs: 60_000 });
  const seen = new Set<string>();
  for (let now = 0; now < 600_000; now += TICK) {
    await clock.advance(TICK);
    if (now > 300_000) seen.add(reading().verdict);
  }
  // Between two scrapes it waits for the next. kills: a gate that expects a new sample at every tick, and says NoData
  expect([...seen].sort()).toEqual(['Inconclusive', 'Pass']);
});

test('a clock that is set back holds the release until it has come back', async () => {
  const { clock, watch, reading } = world();
  watch();
  await clock.advance(120_000);
  clock.jumpWall(-3_600_000);
  // kills: a Pass that looks new for an hour because its tick lies in the future
  expect(reading()).toMatchObject({ verdict: 'NoData', cause: 'Stale', stable: 'Unknown' });
  clock.jumpWall(3_600_000);
  await clock.advance(20_000);
  expect(reading()).toMatchObject({ verdict: 'Pass' });
});

test('a pod that leaves takes none of its counts with it, and none come after', async () => {
  const { clock, watch, reading, main } = world();
  watch();
  await clock.advance(60_000);
  const { stable } = reading().evidence;
  main.processes = good.filter(({ pod: name }) => name !== 'checkout-aaa-2');
  await clock.advance(60_000);
  expect(reading().evidence.stable.total - stable.total).toBe(45 * 60);
});

test('what is no longer watched says nothing, and an answer under way changes nothing', async () => {
  const { clock, watch, engine, main, heard } = world();
  main.delayMs = 5000;
  watch();
  await clock.advance(1000);
  engine.unwatch(KEY);
  await clock.advance(60_000);
  expect(engine.readings(KEY)).toEqual([]);
  expect(heard).toEqual([]);
  expect(clock.pending).toBe(0); // idle costs nothing
});

test('a new step begins a new stay at once, with its own evidence', async () => {
  const { clock, watch, reading } = world();
  watch();
  await clock.advance(60_000);
  watch({ contexts: [context({ stepEpoch: 'checkout-1/1/step1/2' })] });
  // kills: an old Pass handed out under the new stay's name
  expect(reading()).toMatchObject({ stepEpoch: 'checkout-1/1/step1/2', verdict: 'Inconclusive' });
  expect(reading().evidence.step.canary.total).toBe(0);
});
