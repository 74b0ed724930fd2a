import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GateContext, GateReading, ProbeSli } from '#core/gate.ts';
import type { ProbeOutcome } from '#core/probe.ts';
import { foldProbeTick, judgeProbes, probe, probeForecastMs } from '#gates/probe.ts';
import { loadProbeGate, type ProbeGate, saveProbeGate, startProbeGate } from '#gates/probe-state.ts';
import { short } from './drill.ts';
import { binomial, seeded } from './random.ts';
import { context, gate } from './service.ts';

const sli: ProbeSli = {
  kind: 'probe',
  suite: 'prompts',
  checks: ['greet', 'pay', 'refund'],
  samples: 1,
  everyMs: 15_000,
  tolerate: 0.05,
};

type Answers = [bad: number, total: number];

/** A suite of three checks and a tick of 15 s: what each of them is answered, every round. */
class ProbeDrill {
  context: GateContext;
  state: ProbeGate = startProbeGate();
  now = 1_700_000_000_000;

  constructor(more: Partial<ProbeSli> = {}, given: Partial<GateContext> = {}, base: GateContext = context) {
    const slo = { ...gate.slo, name: 'answers', sli: { ...sli, ...more }, objective: 0 };
    this.context = { ...base, raisedAt: this.now, ...given, gate: { ...gate, name: 'answers', slo } };
  }

  /** One round: the same answers to each check. */
  round(canary: Answers, stable: Answers, checks: readonly string[] = sli.checks): GateReading {
    return this.tick(checks.map((check) => this.outcome(check, canary, stable)));
  }

  rounds(count: number, canary: Answers, stable: Answers): GateReading[] {
    return Array.from({ length: count }, () => this.round(canary, stable));
  }

  outcome(check: string, [bad, total]: Answers, [stableBad, stableTotal]: Answers): ProbeOutcome {
    const { epoch, stepEpoch } = this.context;
    const fault = bad > 0 ? { fault: `check ${check} on pod c-1: status 500, expected 200` } : {};
    const counts = { canary: { total, bad }, stable: { total: stableTotal, bad: stableBad } };
    return { at: this.now + 1000, epoch, stepEpoch, check, ...counts, ...fault };
  }

  tick(probes: readonly ProbeOutcome[]): GateReading {
    this.now += this.context.tickMs;
    const at = Math.floor(this.now / 15_000) * 15_000;
    this.state = foldProbeTick(this.state, { at, names: [], samples: [], targets: [], probes }, [], this.context);
    return this.judge();
  }

  judge(): GateReading {
    return judgeProbes(this.state, this.context, this.now);
  }
}

const right: Answers = [0, 1];
const wrong: Answers = [1, 1];
const nobody: Answers = [0, 0];
const { nextWeight: _, ...leaving } = context;

test.each([
  { name: 'no answer yet', drill: () => new ProbeDrill().tick([]), want: 'NoData/CatchingUp' },
  { name: 'stable alone', drill: () => new ProbeDrill().round(nobody, right), want: 'NoData/CatchingUp' },
  { name: 'no stable pod', drill: () => new ProbeDrill().round(right, nobody), want: 'NoData/NoTraffic' },
  {
    name: 'a check is missing',
    drill: () => new ProbeDrill().round(right, right, ['pay', 'refund']),
    want: 'Inconclusive/TooFewSamples',
    says: /has not passed check greet yet$/,
  },
  {
    name: 'no traffic is due yet',
    drill: () => new ProbeDrill({}, { arrived: false, weight: 0 }).rounds(40, right, right).at(-1),
    want: 'Inconclusive/TooFewSamples',
    says: /no user traffic is due/,
  },
  {
    name: 'a few clean answers, on the way to 30 %',
    drill: () => new ProbeDrill().rounds(8, right, right).at(-1),
    want: 'Pass',
    says: /^an excess of wrong answers of 16.7% over stable is excluded: the canary passed 24 of 24 at this step, stable/,
  },
  {
    name: 'the same at the last step',
    drill: () => new ProbeDrill({}, { nextWeight: 0 }).rounds(6, right, right).at(-1),
    want: 'Inconclusive/TooFewSamples',
    says: /^not yet excluded: an excess of wrong answers of 5% over stable; .* log evidence 0\.\d\d of 3\.00$/,
  },
  { name: 'silence', drill: silence, want: 'NoData/Stale', says: /answered no probe of suite prompts for 1m30s/ },
  { name: 'an outage of both', drill: outage, want: 'Inconclusive/BothArmsBad', says: /^shared outage: .*nobody is/ },
])('$name: $want', ({ drill, want, says = /./ }) => {
  // kills: silence that counts as good, a pass before users are due, an outage blamed on the canary.
  const reading = drill();
  expect(reading === undefined ? '' : short(reading)).toBe(want);
  expect(reading?.message).toMatch(says);
});

function silence(): GateReading {
  const drill = new ProbeDrill();
  drill.rounds(30, right, right);
  return Array.from({ length: 8 }, () => drill.tick([])).at(-1) ?? drill.judge();
}

/** Long clean, then both fail all: by their lives alone the canary, which was asked less, would be the worse one. */
function outage(): GateReading {
  const drill = new ProbeDrill();
  drill.rounds(60, nobody, right);
  drill.rounds(2, right, right);
  return drill.rounds(8, wrong, wrong).at(-1) ?? drill.judge();
}

test('a clean suite needs no second look, a flaky one does', () => {
  const clean = new ProbeDrill();
  clean.rounds(40, nobody, right);
  const flaky = new ProbeDrill();
  flaky.rounds(38, nobody, right);
  flaky.rounds(2, nobody, wrong);
  flaky.rounds(20, nobody, right);
  expect(short(clean.round(wrong, right, ['pay']))).toBe('Fail/Worse');
  expect(clean.judge().message).toMatch(
    /^probes say that the canary is worse than stable: 1 of 1 \(100%, .*\) against 0 of 121 .*limit 3\.91; last check pay on pod c-1: status 500, expected 200$/,
  );
  const looks = [1, 2, 3].map(() => short(flaky.round(wrong, right, ['pay'])));
  expect(looks).toEqual(['Inconclusive/TooFewSamples', 'Fail/Worse', 'Fail/Worse']);
});

test('a late defect is found in less than a minute', () => {
  const drill = new ProbeDrill();
  drill.rounds(160, right, right);
  const found = drill.rounds(4, wrong, right).findIndex(({ verdict }) => verdict === 'Fail');
  expect(found).toBeGreaterThanOrEqual(0);
  expect(found).toBeLessThanOrEqual(2);
});

test('a stop stands until the attempt ends, whatever comes', () => {
  const drill = new ProbeDrill();
  drill.rounds(30, right, right);
  drill.rounds(4, wrong, right);
  expect(drill.rounds(40, right, right).every((reading) => short(reading) === 'Fail/Worse')).toBe(true);
  drill.context = { ...drill.context, epoch: 'r-1/2', stepEpoch: 'r-1/2/step0/4', attempt: 2 };
  expect(short(drill.round(right, right))).toBe('Inconclusive/TooFewSamples');
  // kills: an attempt that costs nothing.
  expect(drill.judge().evidence.advanceLimit).toBeCloseTo(Math.log(40), 9);
});

test('answers of another attempt or stay are not counted for this one', () => {
  const drill = new ProbeDrill();
  const late = drill.outcome('pay', wrong, right);
  drill.context = { ...drill.context, stepEpoch: 'r-1/1/step1/2' };
  drill.tick([late]);
  expect(drill.judge().evidence).toMatchObject({ canary: { total: 1, bad: 1 }, step: { canary: { total: 0 } } });
  drill.context = { ...drill.context, epoch: 'r-1/2', stepEpoch: 'r-1/2/step0/3' };
  drill.tick([late]);
  expect(drill.judge().evidence.canary.total).toBe(0);
});

test('all samples of a round are one answer, their mean', () => {
  // kills: samples of one prompt counted one by one.
  const one = new ProbeDrill();
  const ten = new ProbeDrill({ samples: 10 });
  one.rounds(5, right, right);
  ten.rounds(5, [0, 10], [0, 10]);
  expect(ten.judge()).toEqual(one.judge());
  ten.round([5, 10], [0, 10]);
  expect(ten.state.all.canary).toEqual({ total: 18, bad: 1.5 });
});

/** Rounds until the gate passes or fails; both arms' checks have their own difficulty. */
function ends(more: Partial<ProbeSli>, arms: { canary: number; stable: number }, seed: number): [string, number] {
  const drill = new ProbeDrill(more, {}, leaving);
  const random = seeded(seed);
  for (let round = 1; round <= 500; round += 1) {
    const asked = sli.checks.map((check) =>
      drill.outcome(check, [binomial(random, 1, arms.canary), 1], [binomial(random, 1, arms.stable), 1]),
    );
    const reading = drill.tick(asked);
    if (reading.verdict === 'Pass' || reading.verdict === 'Fail') return [short(reading), round];
  }
  return ['open', 500];
}

test.each([
  { name: 'clean', more: {}, arms: { canary: 0, stable: 0 }, want: 'Pass', least: 12, median: 26 },
  { name: 'fails 20 %', more: {}, arms: { canary: 0.2, stable: 0 }, want: 'Fail/Worse', least: 12, median: 20 },
  { name: 'both 5 %', more: {}, arms: { canary: 0.05, stable: 0.05 }, want: 'Pass', least: 11, median: 160 },
  {
    name: 'a pass rate of 98 % where 95 % are asked for',
    more: { passRate: 0.95 },
    arms: { canary: 0.02, stable: 0.02 },
    want: 'Pass',
    least: 11,
    median: 110,
  },
  {
    name: 'a pass rate of 80 % where 95 % are asked for',
    more: { passRate: 0.95 },
    arms: { canary: 0.2, stable: 0.03 },
    want: 'Fail/Worse',
    least: 12,
    median: 40,
  },
  {
    name: 'hard prompts, as good',
    more: { paired: true as const, tolerate: 0.2 },
    arms: { canary: 0.3, stable: 0.3 },
    want: 'Pass',
    least: 10,
    median: 120,
  },
  {
    name: 'hard prompts, far worse',
    more: { paired: true as const },
    arms: { canary: 0.7, stable: 0.3 },
    want: 'Fail/Worse',
    least: 12,
    median: 30,
  },
])('$name: $want', ({ more, arms, want, least, median }) => {
  // kills: the arms exchanged, ties counted as pairs, the pass rate taken for a failure rate.
  const all = Array.from({ length: 12 }, (_, seed) => ends(more, arms, seed));
  expect(all.filter(([end]) => end === want).length).toBeGreaterThanOrEqual(least);
  expect(all.map(([, rounds]) => rounds).toSorted((a, b) => a - b)[6]).toBeLessThanOrEqual(median);
});

test('stable that misses its pass rate lets nothing in, and a canary no better is not blamed', () => {
  const drill = new ProbeDrill({ passRate: 0.95 });
  drill.rounds(20, right, right);
  const readings = drill.rounds(6, right, wrong);
  expect(readings.at(-1)).toMatchObject({ verdict: 'Inconclusive', stable: 'Misses' });
  expect(readings.at(-1)?.cause).toBeUndefined();
});

test('a first raise waits until the canary has passed every check once', () => {
  // kills: a canary that cannot pass one of its checks met by users, because evidence takes a while.
  const drill = new ProbeDrill({}, { arrived: false, weight: 0 });
  drill.rounds(2, nobody, right);
  expect(drill.judge().stable).toBe('Unknown');
  expect(drill.round(right, right, ['greet', 'pay']).stable).toBe('Unknown');
  expect(drill.round(right, right).stable).toBe('Meets');
  expect(drill.judge().message).toMatch(/no user traffic is due on the canary yet/);
});

const answers = fc.constantFrom<Answers>(nobody, right, wrong, [1, 3]);

test('what is saved is at most 1 KiB, goes on bit by bit, and waits for an answer before it speaks', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(answers, answers), { maxLength: 20 }), fc.boolean(), (rounds, paired) => {
      const long = 'a'.repeat(52);
      const drill = new ProbeDrill(paired ? { paired } : {}, {
        epoch: `${long}-100000/1000`,
        stepEpoch: `${long}-100000/1000/step12/999999`,
      });
      for (const [canary, stable] of rounds) drill.round(canary, stable);
      drill.state = { ...drill.state, fault: '€"\\'.repeat(200) + 'x'.repeat(2000) };
      const text = saveProbeGate(drill.state);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
      const loaded = loadProbeGate(text);
      expect(loaded).toBeDefined();
      if (loaded === undefined) return;
      const { evidence } = drill.judge();
      const again = judgeProbes(loaded, drill.context, drill.now);
      expect(again.evidence).toEqual(evidence);
      // kills: a restart of the operator taken for silence of the canary, which onNoData would punish.
      if (again.verdict !== 'Fail') expect(short(again)).toBe('NoData/CatchingUp');
    }),
    { numRuns: 60 },
  );
});

test.each(['', '{}', '[]', '{"v":"p1"}', '{"v":"p1","e":["a","b"],"f":"AAAA","r":[]}', '{"v":1,"n":[]}'])(
  'text of another version is no state: %s',
  (text) => expect(probe.load(text)).toBeUndefined(),
);

test('a tick that was counted changes nothing the second time', () => {
  const drill = new ProbeDrill();
  drill.round(right, right);
  const at = drill.state.at;
  const tick = { at, names: [], samples: [], targets: [], probes: [drill.outcome('pay', wrong, right)] };
  expect(foldProbeTick(drill.state, tick, [], drill.context)).toBe(drill.state);
});

test('the forecast is what clean arms need, or what a pass rate twice as good does', () => {
  expect(probeForecastMs(sli, 1)).toBeCloseTo((77 / 3) * 15_000, 3);
  expect(probeForecastMs({ ...sli, passRate: 0.95 }, 1)).toBeGreaterThan(probeForecastMs(sli, 1));
  expect(probeForecastMs(sli, 3)).toBeGreaterThan(probeForecastMs(sli, 1));
});
