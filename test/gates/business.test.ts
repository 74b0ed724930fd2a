import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BusinessSli } from '#core/gate.ts';
import { foldBusinessTick, judgeBusiness } from '#gates/business.ts';
import { advanceGain, exposuresToExclude, marginOf, regressionToExclude, stopOptions } from '#gates/business-count.ts';
import { loadBusiness, saveBusiness, startBusiness } from '#gates/business-state.ts';
import { foldStopTest, logEvidence, startStopTest, stopLimit } from '#gates/eprocess.ts';
import { BusinessDrill, contextFor, orders, revenue } from './business-drill.ts';
import { short } from './drill.ts';
import { binomial, poisson, seeded } from './random.ts';

const leaving = { weight: 50_000 };
const refunds: BusinessSli = { ...orders, worse: 'Higher' };

/** Binomial law of the canary's part of `events`, when its true ratio to stable's rate is `r`. */
function expectation(events: number, [n, m, r]: [number, number, number], valueAt: (own: number) => number): number {
  const theta = (r * n) / (r * n + m);
  let sum = 0;
  for (let own = 0, chance = (1 - theta) ** events; own <= events; own += 1) {
    sum += chance * valueAt(own);
    chance *= ((events - own) / (own + 1)) * (theta / (1 - theta));
  }
  return sum;
}

const worlds = fc.tuple(
  fc.constantFrom(orders, refunds),
  fc.integer({ min: 1, max: 400 }),
  fc.integer({ min: 1, max: 400 }),
  fc.integer({ min: 0, max: 12 }),
  fc.double({ min: 0, max: 1, noNaN: true }),
);

test('law: both tests expect at most 1 on the boundary and on its good side, exactly summed', () => {
  fc.assert(
    fc.property(worlds, ([sli, canary, stable, events, ease]) => {
      const tick = (own: number) => ({
        canary: { total: canary, bad: own },
        stable: { total: stable, bad: events - own },
      });
      const margin = marginOf(sli.worse, sli.tolerate);
      const [inside, outside] =
        sli.worse === 'Lower' ? [margin + ease, margin * (1 - ease)] : [margin * (1 - ease), margin + ease];
      const options = stopOptions(sli, 1);
      // kills: the margin on the wrong side, a grid above 1 for what falls, arms exchanged.
      const stop = expectation(events, [canary, stable, inside], (own) =>
        Math.exp(logEvidence(foldStopTest(startStopTest(options), tick(own), 0, options))),
      );
      expect(stop).toBeLessThanOrEqual(1 + 1e-9);
      const advance = expectation(events, [canary, stable, outside], (own) => Math.exp(advanceGain(tick(own), margin)));
      expect(advance).toBeLessThanOrEqual(1 + 1e-9);
    }),
    { numRuns: 400, seed: 8 },
  );
});

test('a tick by hand', () => {
  // θ(1) = ½ and θ(0.8) = 4/9: ln P = 10·ln(½ / (4/9)) + 12·ln(½ / (5/9)).
  const tick = { canary: { total: 100, bad: 10 }, stable: { total: 100, bad: 12 } };
  expect(advanceGain(tick, 0.8)).toBeCloseTo(10 * Math.log(9 / 8) + 12 * Math.log(9 / 10), 12);
  expect(advanceGain({ canary: { total: 0, bad: 0 }, stable: { total: 10, bad: 3 } }, 0.8)).toBe(0);
});

test.each([
  { name: 'leaving the last step', sli: orders, nextWeight: undefined, want: 0.2 },
  { name: 'half of the traffic', sli: orders, nextWeight: 50_000, want: 0.4 },
  { name: 'a tenth: everything but a collapse', sli: orders, nextWeight: 10_000, want: 0.9 },
  { name: 'a rise has no ceiling', sli: refunds, nextWeight: 10_000, want: 2 },
])('regression to exclude: $name', ({ sli, nextWeight, want }) => {
  expect(regressionToExclude(sli, nextWeight === undefined ? {} : { nextWeight })).toBeCloseTo(want, 12);
});

test('what must be counted is known before it is', () => {
  const random = seeded(41);
  const question = { stable: { total: 20_000, bad: 4000 }, share: 0.5, m: 0.8 };
  const needed = exposuresToExclude(question);
  const taken = Array.from({ length: 200 }, () => {
    let [logP, total] = [0, 0];
    for (; logP < Math.log(20); total += 50) {
      logP += advanceGain(
        {
          canary: { total: 50, bad: binomial(random, 50, 0.2) },
          stable: { total: 50, bad: binomial(random, 50, 0.2) },
        },
        0.8,
      );
    }
    return total;
  });
  const mean = taken.reduce((a, b) => a + b, 0) / 200;
  expect(mean / needed).toBeGreaterThan(0.8);
  expect(mean / needed).toBeLessThan(1.25);
  expect(exposuresToExclude({ ...question, stable: { total: 100, bad: 0 } })).toBe(Number.POSITIVE_INFINITY);
});

interface World {
  sli: BusinessSli;
  /** Events per exposure of canary and stable. */
  rates: [number, number];
  perTick: number;
}

/** Ticks until a verdict, at weight 50 %. */
function play(random: () => number, { sli, rates, perTick }: World, ticks = 240): { verdict: string; ticks: number } {
  const { nextWeight: _, ...context } = contextFor(sli, leaving);
  const drill = new BusinessDrill(sli);
  drill.context = context;
  for (let tick = 1; tick <= ticks; tick += 1) {
    const swing = perTick * (1 + 0.8 * Math.sin(tick / 40));
    const arm = (rate: number): [number, number] => {
      const total = poisson(random, swing);
      const events = binomial(random, total, rate * (1 + 0.3 * Math.sin(tick / 25)));
      return [total, sli.value === undefined ? events : earned(random, events)];
    };
    const reading = drill.tick(arm(rates[0]), arm(rates[1]));
    if (reading.verdict === 'Fail' || reading.verdict === 'Pass') return { verdict: short(reading), ticks: tick };
  }
  return { verdict: 'open', ticks };
}

/** Orders of very different worth: log-normal. */
function earned(random: () => number, events: number): number {
  let sum = 0;
  for (let event = 0; event < events; event += 1) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    sum += Math.exp(3 + 0.8 * normal);
  }
  return sum;
}

test.each([
  { name: 'as many orders', sli: orders, rates: [0.2, 0.2], verdict: 'Pass', least: 58, because: 'β and α' },
  { name: 'a collapse', sli: orders, rates: [0.08, 0.2], verdict: 'Fail/Worse', least: 60, because: 'far beyond' },
  {
    name: 'a fifth fewer, just tolerated',
    sli: orders,
    rates: [0.16, 0.2],
    verdict: 'Fail/Worse',
    least: 0,
    because: 'α',
  },
  {
    name: 'refunds double',
    sli: refunds,
    rates: [0.1, 0.05],
    verdict: 'Fail/Worse',
    least: 58,
    because: 'worse: Higher',
  },
  {
    name: 'refunds halve',
    sli: refunds,
    rates: [0.025, 0.05],
    verdict: 'Pass',
    least: 58,
    because: 'better is no breach',
  },
  {
    name: 'half of the revenue',
    sli: revenue,
    rates: [0.1, 0.2],
    verdict: 'Fail/Worse',
    least: 57,
    because: 'by value',
  },
  { name: 'as much revenue', sli: revenue, rates: [0.2, 0.2], verdict: 'Pass', least: 50, because: 'within the hour' },
] as const)('$name: $verdict', ({ sli, rates, verdict, least, because }) => {
  const random = seeded(42);
  const endings = Array.from({ length: 60 }, () => play(random, { sli, rates: [...rates], perTick: 150 }));
  const hits = endings.filter((ending) => ending.verdict === verdict).length;
  if (least > 0) expect(hits, because).toBeGreaterThanOrEqual(least);
  else expect(hits, because).toBeLessThanOrEqual(4);
});

test('a good release is stopped at most once in fifty, by events and by value', () => {
  for (const sli of [orders, refunds, revenue]) {
    const random = seeded(43);
    const bad = Array.from({ length: 150 }, () => play(random, { sli, rates: [0.05, 0.05], perTick: 60 }, 120));
    expect(bad.filter(({ verdict }) => verdict === 'Fail/Worse').length, sli.worse).toBeLessThanOrEqual(7);
  }
});

test('values are not judged before thirty ticks, whatever they say', () => {
  const drill = new BusinessDrill(revenue, leaving);
  const said = Array.from({ length: 30 }, (_, tick) => drill.tick([100, 10 + (tick % 3)], [100, 1000 + (tick % 7)]));
  // The first tick began under another weight. kills: the normal law at two ticks.
  expect(said.every(({ verdict }) => verdict === 'Inconclusive')).toBe(true);
  expect(said.at(-1)?.message).toMatch(/values need 30 ticks at least, 29 counted/);
  expect(short(drill.tick([100, 11], [100, 1002]))).toBe('Fail/Worse');
  expect(drill.judge().message).toMatch(
    /difference -99% \(-[\d.]+% to -[\d.]+%\), worse than a drop of 20%, which is tolerated/,
  );
});

test('events that come late make no ramping canary look worse', () => {
  // Events come a minute after their exposure; the weight grows from 10 to 50 %.
  const play = (lagMs: number) => {
    const drill = new BusinessDrill({ ...orders, lagMs }, { weight: 10_000, raisedAt: 15_000 });
    const exposures: [number, number][] = [];
    const said: string[] = [];
    for (let tick = 0; tick < 40; tick += 1) {
      if (tick === 12)
        drill.context = { ...drill.context, weight: 50_000, raisedAt: drill.now, stepEpoch: 'r-1/1/step1/2' };
      const share = tick < 12 ? 0.1 : 0.5;
      exposures.push([2000 * share, 2000 * (1 - share)]);
      const [canary, stable] = exposures[tick - 4] ?? [0, 0];
      const now = exposures[tick] ?? [0, 0];
      said.push(short(drill.tick([now[0], canary * 0.1], [now[1], stable * 0.1])));
    }
    return said;
  };
  // kills: no lag; a lag that is not begun anew by the next weight.
  expect(play(0)).toContain('Fail/Worse');
  expect(play(60_000)).not.toContain('Fail/Worse');
  expect(play(60_000).at(-1)).toBe('Pass');
});

test('held ticks say until when', () => {
  const drill = new BusinessDrill({ ...orders, lagMs: 600_000 }, { raisedAt: 15_000 });
  expect(drill.tick([100, 10], [900, 90]).message).toBe(
    'events come up to 10m after their exposure: counting from 9m45s on',
  );
});

test.each([
  { name: 'no tick yet', ticks: [] as [number, number][], want: 'Inconclusive/TooFewSamples', says: /no whole tick/ },
  { name: 'stable has no session', ticks: Array(25).fill([0, 0]), want: 'NoData/NoTraffic', says: /sessions_total/ },
  {
    name: 'sessions without orders',
    ticks: Array(4).fill([100, 0]),
    want: 'Inconclusive/TooFewSamples',
    says: /stable has no orders_total to compare/,
  },
  {
    name: 'a few',
    ticks: Array(4).fill([100, 10]),
    want: 'Inconclusive/TooFewSamples',
    says: /a drop of 66.7%; that takes about [\d,]+ exposures of the canary at this share, 300 counted/,
  },
])('waiting: $name', ({ ticks, want, says }) => {
  const drill = new BusinessDrill(orders);
  const few = ticks.map(([total, events]: [number, number]) =>
    drill.tick([total, Math.min(1, events)], [total, Math.min(1, events)]),
  );
  const reading = few.at(-1) ?? drill.judge();
  expect(short(reading)).toBe(want);
  expect(reading.message).toMatch(says);
});

test('stable is fine while it is seen to serve: there is no objective to miss', () => {
  const drill = new BusinessDrill(orders, { weight: 0, arrived: false });
  expect(drill.tick([0, 0], [100, 0])).toMatchObject({ stable: 'Meets', verdict: 'Inconclusive' });
  expect(judgeBusiness(drill.gate, drill.context, drill.now + 600_000)).toMatchObject({
    stable: 'Unknown',
    cause: 'Stale',
  });
});

test('the state is small, exact, and goes on where it was', () => {
  const drill = new BusinessDrill(revenue, {
    ...leaving,
    epoch: `${'n'.repeat(63)}/12`,
    stepEpoch: `${'n'.repeat(63)}/12/step3/123`,
  });
  for (let tick = 0; tick < 20; tick += 1) drill.tick([100, 1000 + tick / 3], [100, 1000 + tick / 7]);
  const text = saveBusiness(drill.gate);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
  const loaded = loadBusiness(text) ?? startBusiness();
  expect(saveBusiness(loaded)).toBe(text);
  const primed = foldBusinessTick(loaded, drill.service.tick(drill.now), drill.service.infos(), drill.context);
  const undisturbed = drill.tick([100, 700], [100, 1000]);
  const resumed = foldBusinessTick(primed, drill.service.tick(drill.now), drill.service.infos(), drill.context);
  expect(judgeBusiness(resumed, drill.context, drill.now + 15_000)).toEqual(undisturbed);
  for (const noise of ['', '{}', 'null', '{"v":"b1","e":["",""],"f":"AAAA"}', text.slice(0, 90)])
    expect(loadBusiness(noise)).toBeUndefined();
});

test('a breach stands until the attempt ends, and the next one begins afresh', () => {
  const drill = new BusinessDrill(orders, leaving);
  for (let tick = 0; tick < 30; tick += 1) drill.tick([200, 2], [200, 60]);
  expect(short(drill.judge())).toBe('Fail/Worse');
  expect(drill.judge().evidence.stopLogE).toBeGreaterThan(stopLimit());
  expect(short(drill.tick([200, 60], [200, 60]))).toBe('Fail/Worse');
  drill.context = { ...drill.context, epoch: 'r-2/1', stepEpoch: 'r-2/1/step0/1' };
  // kills: evidence that outlives its attempt.
  expect(drill.judge()).toMatchObject({ verdict: 'Inconclusive', evidence: { ticks: 0, stopLogE: 0 } });
});
