import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LATE_SHARE, LATE_SPREAD } from '#gates/bounds.ts';
import { foldStopTest, logEvidence, startStopTest } from '#gates/eprocess.ts';
import { latency } from '#gates/latency.ts';
import { chooseBounds } from '#gates/latency-bounds.ts';
import { loadLatencyGate, saveLatencyGate, startLatencyGate } from '#gates/latency-state.ts';
import { foldBoundTest, startBoundTest, strongestBound } from '#gates/latency-stop.ts';
import { sampleRatio } from '#gates/sample-ratio.ts';
import type { ArmCounts } from '#gates/samples.ts';
import { short } from './drill.ts';
import oracle from './fixtures/sequences.json' with { type: 'json' };
import { defaults, LatencyDrill, latencyContext, sli } from './latency-drill.ts';

//                    5ms 10 25 50  100 250 500 1s …
const calm = { canary: [0, 0, 0, 20, 100, 29, 1], stable: [0, 0, 0, 180, 900, 260, 10] };
const slower = { canary: [0, 0, 0, 10, 70, 60, 10], stable: calm.stable };
const { nextWeight: _, ...leavingLast } = latencyContext;

/** Two minutes of stable alone, so that it has a past. */
function settled(more: ConstructorParameters<typeof LatencyDrill>[0] = {}): LatencyDrill {
  const drill = new LatencyDrill(more);
  drill.serve(
    'stable',
    calm.stable.map((count) => count * 8),
  );
  drill.tick();
  return drill;
}

/** E of the evidence since each start: half of its weight is on the first, the rest spread over the later ones. */
function mixed(since: readonly number[]): number {
  const [first = 0, ...later] = since.map(Math.exp);
  const spread = LATE_SPREAD;
  const weights = later.map((_, index) => spread / ((index + spread) * (index + 1 + spread)));
  const begun = later.reduce((sum, e, index) => sum + e * (weights[index] ?? 0), 0);
  return (1 - LATE_SHARE) * first + LATE_SHARE * (begun + spread / (later.length + spread));
}

test('tests over ticks agree with SciPy', () => {
  for (const { name, tickMs, ticks, since } of oracle.stop) {
    let state = startStopTest();
    for (const [index, [canary = 0, stable = 0, bad = 0, stableBad = 0]] of ticks.entries()) {
      const tick = { canary: { total: canary, bad }, stable: { total: stable, bad: stableBad } };
      state = foldStopTest(state, tick, index * tickMs);
    }
    expect(Math.abs(logEvidence(state) - Math.log(mixed(since))), name).toBeLessThan(1e-6);
  }
  for (const { name, tickMs, ticks, since } of oracle.bounds) {
    let state = startBoundTest(3);
    for (const [index, { canary, stable, slower: slow }] of ticks.entries()) {
      const counts = slow.map(([c = 0, s = 0]) => ({
        canary: { total: canary, bad: c },
        stable: { total: stable, bad: s },
      }));
      state = foldBoundTest(state, { counts, elapsedMs: index * tickMs, tickMs });
    }
    const each = since.map(mixed);
    const want = Math.log(each.reduce((sum, e) => sum + e, 0) / each.length);
    // Logs are kept in single precision.
    expect(Math.abs(logEvidence(state) - want), name).toBeLessThan(1e-6 * Math.max(1, Math.abs(want)));
    expect(strongestBound(state)).toBe(each.indexOf(Math.max(...each)));
  }
});

test('the sample ratio agrees with savvi', () => {
  for (const { share, counts, logOdds } of oracle.savvi.filter(({ k }) => k === 100)) {
    const [canary = 0, stable = 0] = counts;
    const step = { canary: { total: canary, bad: 0 }, stable: { total: stable, bad: 0 } };
    expect(Math.abs((sampleRatio(step, share * 100_000)?.logE ?? Number.NaN) - logOdds)).toBeLessThan(1e-9);
  }
});

const past = (slow: readonly number[], total = 100_000) => ({
  total,
  bounds: defaults,
  upTo: slow.map((share) => Math.round(total * (1 - share))),
});

test.each([
  {
    name: 'what most exceed, and what none ever exceeded',
    because: 'the first cannot show a ratio, the others repeat the lowest of them',
    slow: [1, 1, 0.95, 0.7, 0.3, 0.05, 0.002, 0, 0, 0, 0],
    threshold: 0.25,
    want: [0.1, 0.25, 0.5, 1, 2.5],
  },
  {
    name: 'a threshold that most exceed stays',
    because: 'the objective is judged there',
    slow: [1, 1, 0.95, 0.7, 0.3, 0.05, 0.002, 0, 0, 0, 0],
    threshold: 0.01,
    want: [0.01, 0.1, 0.25, 0.5, 1, 2.5],
  },
  {
    name: 'a threshold that none ever exceeded stays',
    because: 'the same',
    slow: [0.5, 0.1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    threshold: 10,
    want: [0.005, 0.01, 0.025, 0.05, 10],
  },
  {
    name: 'the most alike go where there are too many',
    because: 'neighbours with nearly the same share say the same',
    slow: [0.55, 0.5, 0.45, 0.4, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001, 0.0001],
    threshold: 0.01,
    want: [0.005, 0.01, 0.1, 0.5, 1, 2.5, 5, 10],
  },
])('bounds: $name', ({ slow, threshold, want, because }) => {
  expect(chooseBounds(past(slow), threshold), because).toEqual(want);
});

test('without a past all bounds are alike, and the threshold is among the chosen', () => {
  const chosen = chooseBounds(
    past(
      defaults.map(() => 0),
      0,
    ),
    0.1,
  );
  expect(chosen).toHaveLength(8);
  expect(chosen).toContain(0.1);
});

test('a slower canary is stopped, and the message names where', () => {
  const drill = settled();
  let reading = drill.judge();
  for (let tick = 0; tick < 8 && reading.verdict !== 'Fail'; tick += 1) reading = drill.tick(slower);
  expect(short(reading)).toBe('Fail/Worse');
  expect(reading.message).toBe(
    'the canary is slower than stable: above 100ms 70 of 150 (46.7%, between 30.5% and 63.4%) against 270 of 1,350 (20%, between 16.4% and 24%); p50 up to 250ms against up to 100ms, p99 over 100ms against 100ms to 500ms; log evidence 6.71, limit 3.91',
  );
  // kills: a stop that is forgotten once the canary is as fast as stable again.
  expect(short(drill.tick(calm))).toBe('Fail/Worse');
  drill.gate = { ...drill.gate, slower: { canary: [70, 60, 40, 40], stable: drill.gate.slower.stable } };
  expect(drill.judge().message, 'apart at the quantile too').toMatch(
    /p99 over 1s against 100ms to 500ms \(p below 0\.0001\)/,
  );
});

test('a canary that is as fast passes, and says what bad is', () => {
  const drill = settled(leavingLast);
  let reading = drill.judge();
  for (let tick = 0; tick < 60 && reading.verdict !== 'Pass'; tick += 1) reading = drill.tick(calm);
  expect(reading).toMatchObject({ verdict: 'Pass', stable: 'Meets' });
  expect(reading.message).toMatch(/; bad is slower than 250ms$/);
});

test('slow requests are those over the threshold', () => {
  const drill = settled();
  drill.tick(calm);
  // kills: the bucket next to the threshold, bad and good exchanged.
  expect(drill.judge().evidence).toMatchObject({ canary: { total: 150, bad: 1 }, stable: { total: 1350, bad: 10 } });
});

test.each([
  {
    name: 'between two bounds',
    threshold: 0.3,
    bounds: defaults,
    says: '300ms is no bucket bound of http_request_duration_seconds, which has 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 2.5s, 5s, 10s: set sli.latency.threshold of ServiceLevelObjective speed to 250ms or 500ms',
  },
  {
    name: 'no bound at all',
    threshold: 0.3,
    bounds: [],
    says: 'http_request_duration_seconds has no bucket bound that all pods share; is it a histogram everywhere?',
  },
])('a threshold that cannot be counted is an Error: $name', ({ threshold, bounds, says }) => {
  // kills: interpolation, the nearest bound taken instead, a pass without evidence.
  const slo = { ...latencyContext.gate.slo, sli: { ...sli, threshold } };
  const drill = settled({ ...latencyContext, bounds, gate: { ...latencyContext.gate, slo } });
  const reading = drill.tick(calm);
  expect(reading).toMatchObject({ verdict: 'Error', cause: 'BadQuery', message: says });
  expect(reading.evidence.ticks).toBe(0);
});

test('a bound that vanishes or comes back makes nothing look slow', () => {
  const drill = settled();
  for (let tick = 0; tick < 4; tick += 1) drill.tick(calm);
  // A pod with another layout: only what all of them share is in the answer.
  drill.bounds = defaults.filter((bound) => bound !== 0.1 && bound !== 0.5);
  for (let tick = 0; tick < 4; tick += 1) drill.tick(calm);
  drill.bounds = defaults;
  for (let tick = 0; tick < 4; tick += 1) drill.tick(calm);
  const { slower: seen, bounds, all, stop } = drill.gate;
  expect(all.canary.total).toBe(1800);
  // kills: a bound without a base counted as if nothing had been under it.
  expect(seen.canary[bounds.indexOf(0.1)], 'eight ticks less the one that had no base').toBe(7 * 30);
  expect(logEvidence(stop)).toBeLessThan(0.5);
  expect(drill.judge().verdict).not.toBe('Fail');
});

test('a threshold that comes late counts from there on', () => {
  const drill = settled({ bounds: [0.1, 1] });
  drill.tick(calm);
  expect(short(drill.judge())).toBe('Error/BadQuery');
  drill.bounds = defaults;
  drill.tick(calm);
  // kills: all requests since the last base called slow.
  expect(drill.judge().evidence).toMatchObject({ ticks: 0, canary: { total: 0, bad: 0 } });
  expect(drill.tick(calm).evidence).toMatchObject({ ticks: 1, canary: { total: 150, bad: 1 } });
});

test('a source that shows nothing is silent, not wrong', () => {
  const drill = settled();
  drill.tick(calm);
  drill.hidden = 'all';
  for (let tick = 0; tick < 6; tick += 1) drill.tick(calm);
  expect(drill.judge().verdict).toBe('NoData');
  drill.hidden = 'nothing';
  expect(drill.tick(calm).evidence, 'nothing is lost').toMatchObject({ canary: { total: 8 * 150, bad: 8 } });
});

test('series that are away for a while make nothing look slow when they come back', () => {
  const drill = settled();
  drill.tick(calm);
  drill.hidden = 'series';
  for (let tick = 0; tick < 3; tick += 1) drill.tick(calm);
  drill.hidden = 'nothing';
  // kills: bounds forgotten with the series, so that only the total had a base.
  expect(drill.tick(calm).evidence).toMatchObject({ canary: { total: 5 * 150, bad: 5 } });
  expect(drill.judge().verdict).not.toBe('Fail');
});

test('a service that had not served before its first look is compared at all bounds', () => {
  const drill = new LatencyDrill();
  drill.hidden = 'series';
  drill.tick();
  drill.hidden = 'nothing';
  drill.tick(slower);
  // kills: only the threshold tested for want of a past, the first requests of all lost.
  expect(drill.gate.bounds).toHaveLength(8);
  expect(drill.gate.slower.canary[drill.gate.bounds.indexOf(0.25)]).toBe(10);
  expect(drill.judge().evidence.canary).toEqual({ total: 150, bad: 10 });
});

test('a canary that is slower where the objective does not look is stopped', () => {
  const slo = { ...latencyContext.gate.slo, sli: { ...sli, threshold: 5 } };
  const drill = settled({ gate: { ...latencyContext.gate, slo } });
  for (let tick = 0; tick < 8; tick += 1) drill.tick(slower);
  // kills: the excess over the threshold alone, of which there is none, asked whether it matters.
  expect(short(drill.judge())).toBe('Fail/Worse');
  expect(drill.judge().evidence.canary.bad).toBe(0);
});

test("bounds are chosen by stable's past, whatever the canary did", () => {
  const other = new LatencyDrill();
  other.serve('canary', [90_000, 9000, 900, 90, 9, 1, 1, 1, 1, 1, 1]);
  other.serve(
    'stable',
    calm.stable.map((count) => count * 8),
  );
  other.tick();
  const drill = settled();
  for (const each of [drill, other]) each.tick(calm);
  // kills: the canary's counts in the past.
  expect(other.gate.bounds).toEqual(drill.gate.bounds);
});

test('law: however many pods an arm has, its evidence is that of all their requests', () => {
  const bucket = fc.array(fc.nat(40), { minLength: 11, maxLength: 12 });
  fc.assert(
    fc.property(fc.array(fc.record({ canary: bucket, stable: bucket }), { minLength: 1, maxLength: 12 }), (loads) => {
      const [few, many] = [new LatencyDrill(), new LatencyDrill()];
      for (const name of ['c-2', 'c-3']) many.add(name, 'canary', -60_000);
      many.add('s-3', 'stable', -900_000);
      for (const drill of [few, many]) {
        drill.tick();
        for (const load of loads) drill.tick(load);
      }
      // kills: shares averaged over pods, a pod's buckets taken for the arm's.
      expect(many.gate.stop).toEqual(few.gate.stop);
      expect(many.gate.slower).toEqual(few.gate.slower);
      expect(many.gate.all).toEqual(few.gate.all);
    }),
    { numRuns: 40, seed: 9 },
  );
});

test('a sum that single precision put above its total is no reason to be silent', () => {
  const drill = settled();
  for (let tick = 0; tick < 8; tick += 1) drill.tick(slower);
  const { all, bounds, slower: seen } = drill.gate;
  const canary = bounds.map(() => Math.fround(342_977_344));
  // kills: the sum taken as it is, for which the special functions throw.
  drill.gate = {
    ...drill.gate,
    all: { ...all, canary: { total: 342_977_333, bad: 0 } },
    slower: { canary, stable: seen.stable },
  };
  expect(drill.judge().message).toContain('342,977,333 of 342,977,333 (100%, between 100% and 100%)');
});

test('law: whatever is served, there is an answer', () => {
  const count = fc.oneof(fc.constant(0), fc.nat(9), fc.nat(1000), fc.integer({ min: 0, max: 10 ** 9 }));
  const load = fc.record({
    canary: fc.array(count, { minLength: 12, maxLength: 12 }),
    stable: fc.array(count, { minLength: 12, maxLength: 12 }),
  });
  fc.assert(
    fc.property(fc.array(load, { minLength: 1, maxLength: 5 }), fc.constantFrom(0.5, 0.99, 1), (loads, objective) => {
      const slo = { ...latencyContext.gate.slo, objective };
      const drill = settled({ gate: { ...latencyContext.gate, slo } });
      for (const each of loads) expect(drill.tick(each).message).not.toMatch(/NaN|undefined/);
      const loaded = loadLatencyGate(saveLatencyGate(drill.gate));
      expect(loaded?.stop).toEqual(drill.gate.stop);
    }),
    { numRuns: 150, seed: 10 },
  );
});

test('a tick that is read twice changes nothing', () => {
  const drill = settled();
  drill.tick(calm);
  const { gate } = drill;
  drill.bounds = [];
  drill.now -= drill.context.tickMs;
  drill.tick();
  expect(drill.gate).toEqual(gate);
});

test('a restart changes no digit', () => {
  const drill = settled();
  for (let tick = 0; tick < 5; tick += 1) drill.tick(tick < 3 ? calm : slower);
  const text = saveLatencyGate(drill.gate);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
  const { look: __, influence: ___, dispersion: ____, ...stored } = drill.gate;
  // kills: logs rounded only when they are stored.
  expect(loadLatencyGate(text)).toMatchObject(stored);
  expect(loadLatencyGate('{}')).toBeUndefined();
  expect(loadLatencyGate(text.replace('"b":[', '"b":[0.001,'))).toBeUndefined();
});

test('a gate that was stored goes on as if nothing had been', () => {
  const [whole, restarted] = [settled(), settled()];
  for (let tick = 0; tick < 12; tick += 1) {
    whole.tick(tick < 8 ? calm : slower);
    restarted.tick(tick < 8 ? calm : slower);
    if (tick !== 5) continue;
    restarted.gate = loadLatencyGate(saveLatencyGate(restarted.gate)) ?? startLatencyGate();
    // The last tick is read again, to set the bases.
    restarted.now -= restarted.context.tickMs;
    restarted.tick();
  }
  // kills: bounds chosen anew after a restart, by a past that holds the evidence.
  const { stop, slower: seen, bounds, all } = whole.gate;
  expect(restarted.gate).toMatchObject({ stop, slower: seen, bounds, all });
  expect(restarted.judge().message).toBe(whole.judge().message);
});

test('the state of eight bounds and a busy service fits', () => {
  const drill = settled();
  const big = { total: 987_654_321, bad: 98_765_432 };
  const arms = { canary: big, stable: big };
  const small = { total: 9_876_543, bad: 987_654 };
  const buckets = Array.from({ length: 5 }, () => ({ canary: small, stable: small }));
  const logs = startBoundTest(8).logs.map((_log, index) => Math.fround(-index * 1.2345));
  const bounds = defaults.slice(0, 8);
  const sums = bounds.map((_bound, index) => Math.fround(1e8 + index));
  drill.gate = {
    ...drill.gate,
    epoch: '3f0f7b9c-8c0e-4d1f-9a41-2f6f0a1b2c3d/12',
    stepEpoch: '3f0f7b9c-8c0e-4d1f-9a41-2f6f0a1b2c3d/12/step3/27',
    at: 1_795_000_000_000,
    startedAt: 1_794_000_000_000,
    ...{ all: arms, step: arms, alone: big, bounds, slower: { canary: sums, stable: sums } },
    stop: { logs, starts: 321 },
    recent: { bucket: 29_916_666, buckets },
    fired: { cause: 'ObjectiveMissed', at: 1_795_000_000_000 },
  };
  expect(Buffer.byteLength(saveLatencyGate(drill.gate))).toBeLessThanOrEqual(1024);
});

test('a new attempt begins with fresh evidence and bounds', () => {
  const drill = settled();
  for (let tick = 0; tick < 8; tick += 1) drill.tick(slower);
  expect(drill.judge().verdict).toBe('Fail');
  drill.context = { ...drill.context, epoch: 'r-1/2', stepEpoch: 'r-1/2/step0/9', attempt: 2 };
  // kills: a breach, logs or slow requests of the attempt before kept.
  expect(drill.judge().verdict).toBe('Inconclusive');
  drill.tick(calm);
  expect(drill.gate.fired).toBeUndefined();
  expect(
    drill.gate.slower.canary.every((sum, index) => sum <= (calm.canary.slice(index).reduce((a, b) => a + b, 0) || 150)),
  ).toBe(true);
});

test('the kind is closed over its state', () => {
  const live = latency.start();
  expect(live.at).toBe(0);
  expect(latency.load(live.save())?.at).toBe(0);
  expect(latency.load('not ours')).toBeUndefined();
  expect(startLatencyGate().bounds).toEqual([]);
});

const streams = fc.array(
  fc.tuple(fc.nat(300), fc.nat(300), fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { minLength: 3, maxLength: 3 })),
  { minLength: 1, maxLength: 40 },
);

function counts([canary, stable, slow]: [number, number, [number, number][]]): ArmCounts[] {
  return slow.map(([c, s]) => ({
    canary: { total: canary, bad: Math.min(c, canary) },
    stable: { total: stable, bad: Math.min(s, stable) },
  }));
}

test('law: the order of the bounds is irrelevant, and E is the mean of what each bound alone shows', () => {
  fc.assert(
    fc.property(streams, fc.constantFrom(15_000, 200_000), (ticks, tickMs) => {
      const run = (pick: (at: ArmCounts[]) => ArmCounts[], bounds: number) => {
        let test = startBoundTest(bounds);
        for (const [index, tick] of ticks.entries())
          test = foldBoundTest(test, { counts: pick(counts(tick)), elapsedMs: index * tickMs, tickMs });
        return logEvidence(test);
      };
      const together = run((at) => at, 3);
      expect(run((at) => at.slice().reverse(), 3)).toBeCloseTo(together, 5);
      const alone = [0, 1, 2].map((bound) => Math.exp(run((at) => at.slice(bound, bound + 1), 1)));
      // kills: the largest E instead of the mean, which would stop good releases three times as often.
      const mean = alone.reduce((sum, e) => sum + e, 0) / 3;
      expect(Math.abs(Math.exp(together) / mean - 1)).toBeLessThan(1e-4);
    }),
    { numRuns: 150, seed: 12 },
  );
});
