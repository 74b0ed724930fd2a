import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GateContext, GateReading } from '#core/gate.ts';
import { loadErrorGate, saveErrorGate, startErrorGate } from '#gates/error-state.ts';
import { foldErrorTick, judgeErrors } from '#gates/errors.ts';
import { joinCounters } from '#gates/evidence.ts';
import type { TickSamples } from '#gates/samples.ts';
import { Drill, type Load, short } from './drill.ts';
import { context } from './service.ts';

const good: Load = { canary: [150, 0], stable: [1350, 2] };
const worse: Load = { canary: [150, 8], stable: [1350, 2] };
const outage: Load = { canary: [150, 8], stable: [1350, 68] };
const { nextWeight: _, ...leavingLast } = context;

test('a good canary holds until the excess is excluded, then passes', () => {
  const drill = new Drill({}, leavingLast);
  expect(short(drill.judge())).toBe('Inconclusive/TooFewSamples');
  const said = drill.ticks(6, good).map(short);
  // 0.5 % with β = 0.05 takes about 600 clean requests: four ticks of 150 and the uncertainty of stable's rate.
  expect(said.slice(0, 3)).toEqual(Array(3).fill('Inconclusive/TooFewSamples'));
  expect(said.slice(4)).toEqual(['Pass', 'Pass']);
  const { evidence, stable } = drill.judge();
  expect(stable).toBe('Meets');
  expect(evidence).toMatchObject({
    ticks: 6,
    canary: { total: 900, bad: 0 },
    stable: { total: 8100, bad: 12 },
    rps: 100,
    share: 0.1,
  });
  expect(evidence.advanceExcess).toBe(0.005);
});

test('an early step asks for less than the last one', () => {
  // 0.1 % of the 0.5 % budget of 30 days is worth 96 % at 30 %: bounded to half of what stable does right.
  const drill = new Drill();
  expect(short(drill.tick(good))).toBe('Pass');
  expect(drill.judge().evidence.advanceExcess).toBeCloseTo(0.5, 2);
});

test('a worse canary is stopped, and nothing takes it back but a new attempt', () => {
  const drill = new Drill();
  const said = drill.ticks(3, worse).map(short);
  expect(said).toContain('Fail/Worse');
  // kills: a stop that is forgotten when the evidence fades, the source dies or the operator restarts.
  expect(drill.ticks(40, good).map(short)).toEqual(Array(40).fill('Fail/Worse'));
  drill.prometheus = false;
  expect(short(drill.ticks(20, {}).at(-1) ?? drill.judge())).toBe('Fail/Worse');
  drill.gate = loadErrorGate(saveErrorGate(drill.gate)) ?? startErrorGate();
  expect(short(drill.judge())).toBe('Fail/Worse');
  drill.context = { ...drill.context, epoch: 'r-1/2', stepEpoch: 'r-1/2/step0/3', attempt: 2 };
  expect(drill.judge().evidence).toMatchObject({ ticks: 0, canary: { total: 0, bad: 0 }, spend: 0 });
  expect(drill.judge().evidence.advanceLimit).toBeCloseTo(Math.log(40), 9);
  expect(drill.judge().verdict).not.toBe('Fail');
});

test('a step begins its own advance evidence and keeps the stop evidence', () => {
  const drill = new Drill({}, leavingLast);
  drill.ticks(4, good);
  const before = drill.judge().evidence;
  drill.context = { ...drill.context, stepEpoch: 'r-1/1/step1/2', raisedAt: drill.now + 1 };
  drill.tick(good);
  // The first tick began before the step arrived: it counts for the release, not for the step.
  expect(drill.judge().evidence).toMatchObject({ advanceLogE: 0, step: { canary: { total: 0, bad: 0 } }, ticks: 5 });
  drill.tick(good);
  expect(drill.judge().evidence.step.canary.total).toBe(150);
  expect(drill.judge().evidence.stopLogE).toBeLessThan(before.stopLogE);
});

test('a shared outage blames nobody, is seen to begin at once, and is seen to end', () => {
  const drill = new Drill({}, leavingLast);
  drill.ticks(8, good);
  const during = drill.ticks(20, outage);
  // kills: Worse by pooling, a Pass in an outage, a test of stable over its whole life (it would never recover).
  expect(during.map(({ stable }) => stable)).toEqual(Array(20).fill('Misses'));
  expect(during[0]?.verdict, 'eight failures may still be chance').toBe('Inconclusive');
  expect(during.slice(1).map(short)).toEqual(Array(19).fill('Inconclusive/BothArmsBad'));
  expect(during[1]?.message).toMatch(/^shared outage: stable misses its objective 99.5%/);
  const after = drill.ticks(12, good);
  const ended = after.findIndex(({ stable }) => stable === 'Meets');
  expect(ended).toBeGreaterThan(0);
  expect(ended, 'within two minutes').toBeLessThanOrEqual(8);
  expect(after.slice(ended).map(({ stable }) => stable)).toEqual(Array(12 - ended).fill('Meets'));
  expect(after.every(({ verdict }) => verdict !== 'Fail')).toBe(true);
});

test('stable alone in trouble holds the canary without blaming either', () => {
  const drill = new Drill();
  const said = drill.tick({ canary: [150, 0], stable: [1350, 68] });
  expect(said).toMatchObject({ verdict: 'Inconclusive', stable: 'Misses' });
  expect(said.cause).toBeUndefined();
});

test('a canary that is far worse in an outage is still worse', () => {
  const drill = new Drill();
  expect(drill.ticks(2, { canary: [150, 75], stable: [1350, 68] }).map(short)).toContain('Fail/Worse');
});

interface Dark {
  name: string;
  because: string;
  more?: Partial<GateContext>;
  loads: Load[];
  arrange?: (drill: Drill) => unknown;
  want: string;
}

const silent: Load = { stable: [1350, 2] };

test.each<Dark>([
  {
    name: 'a hanging canary with live counters',
    because: '150 requests a tick were due',
    loads: [silent, silent, silent],
    want: 'Fail/DarkCanary',
  },
  {
    name: 'a frozen canary',
    because: 'its target is down while stable reports',
    loads: [silent, silent, silent],
    arrange: (drill) => drill.frozen.add('c-1'),
    want: 'Fail/DarkCanary',
  },
  {
    name: 'a canary that is no longer available',
    because: 'it serves nobody and the weight is still there',
    loads: [silent, silent, silent],
    arrange: (drill) => Object.assign(drill.service.pod('c-1'), { available: false }),
    want: 'Fail/DarkCanary',
  },
  {
    name: 'a canary without a scrape target',
    because: 'what nobody looks at is not known to be silent',
    loads: Array(8).fill(silent),
    arrange: (drill) => Object.assign(drill.service.pod('c-1'), { targets: 0 }),
    want: 'NoData/NotScraped',
  },
  {
    name: 'before the reaction time has passed',
    because: 'requests on the way have had no time to finish',
    more: { raisedAt: 15_000, reactionMs: 60_000 },
    loads: [silent, silent, silent],
    want: 'Inconclusive/TooFewSamples',
  },
  {
    name: 'a share too small to tell',
    because: 'nine due is not ten',
    loads: Array(9).fill({ stable: [9, 0] }),
    want: 'Inconclusive/TooFewSamples',
  },
  {
    name: 'the tenth request due',
    because: 'the line is inclusive',
    loads: Array(10).fill({ stable: [9, 0] }),
    want: 'Fail/DarkCanary',
  },
  {
    name: 'no route, and nobody has called it yet',
    because: 'clients keep their connections to old pods: nothing is due',
    more: { unrouted: true },
    loads: Array(8).fill(silent),
    want: 'Inconclusive/TooFewSamples',
  },
  {
    name: 'no route, and it fell silent',
    because: 'its usual share is due while stable goes on',
    more: { unrouted: true },
    loads: [good, good, silent, silent, silent],
    want: 'Fail/DarkCanary',
  },
  {
    name: 'sticky sessions, and nobody new has come',
    because: 'kills: a good canary called dark because everybody stays with stable',
    more: { sticky: true },
    loads: Array(8).fill(silent),
    want: 'Inconclusive/TooFewSamples',
  },
  {
    name: 'sticky sessions, and it fell silent',
    because: 'whoever met it stays with it: its usual share is due',
    more: { sticky: true },
    loads: [good, good, silent, silent, silent],
    want: 'Fail/DarkCanary',
  },
  {
    name: 'weight 0',
    because: 'nothing is due',
    more: { weight: 0, arrived: false },
    loads: [silent, silent, silent],
    want: 'Inconclusive/TooFewSamples',
  },
  {
    name: 'not arrived',
    because: 'the route has not taken the weight',
    more: { arrived: false },
    loads: [silent, silent, silent, silent],
    want: 'Inconclusive/TooFewSamples',
  },
  {
    name: 'all traffic',
    because: 'stable is no measure of what is due',
    more: { weight: 100_000 },
    loads: [silent, silent, silent, silent],
    want: 'Inconclusive/TooFewSamples',
  },
  {
    name: 'silence after an answer',
    because: 'a pause between two answers is no fault',
    loads: [{ canary: [1, 0], stable: [9, 0] }, ...Array(29).fill({ stable: [9, 0] })],
    want: 'Inconclusive/TooFewSamples',
  },
  {
    name: 'long silence after an answer',
    because: 'thirty due cannot be chance',
    loads: [{ canary: [1, 0], stable: [9, 0] }, ...Array(30).fill({ stable: [9, 0] })],
    want: 'Fail/DarkCanary',
  },
  {
    name: 'a gateway that stalls while clients of the Service go on',
    because: 'they bring half of what stable serves, and owe the canary nothing',
    // kills: all of stable's requests taken for the route's
    loads: [...Array(4).fill({ canary: [50, 0], stable: [900, 0] }), ...Array(20).fill({ stable: [450, 0] })],
    want: 'Pass',
  },
  {
    name: 'a canary that falls silent while clients of the Service go on',
    because: 'the other half is still due',
    loads: [...Array(4).fill({ canary: [50, 0], stable: [900, 0] }), { stable: [950, 0] }],
    want: 'Fail/DarkCanary',
  },
  {
    name: 'both arms silent',
    because: 'a dead source or a quiet hour blames nobody',
    loads: Array(30).fill({}),
    want: 'NoData/NoTraffic',
  },
  {
    name: 'both arms unscraped',
    because: 'the source is silent, not the canary',
    loads: Array(8).fill(silent),
    arrange: ({ frozen }) => frozen.add('c-1').add('s-1').add('s-2'),
    want: 'NoData/Stale',
  },
])('dark canary: $name', ({ more, loads, arrange, want, because }) => {
  const drill = new Drill(more);
  arrange?.(drill);
  for (const load of loads) drill.tick(load);
  expect(short(drill.judge()), because).toBe(want);
});

test('a Prometheus outage holds, counts no phantoms and loses nothing', () => {
  const drill = new Drill({}, leavingLast);
  drill.ticks(2, good);
  drill.prometheus = false;
  const said = drill.ticks(8, good).map(short);
  expect(said.every((verdict) => verdict !== 'Pass' && !verdict.startsWith('Fail'))).toBe(true);
  expect(said.slice(4)).toEqual(Array(4).fill('NoData/Stale'));
  drill.prometheus = true;
  drill.tick(good);
  const { canary, stable } = drill.judge().evidence;
  expect({ canary, stable }).toEqual(drill.service.truth);
  expect(short(drill.tick(good))).toBe('Pass');
});

test('one dead exporter neither passes a release nor blinds the stop test', () => {
  const drill = new Drill({}, leavingLast);
  drill.service.add('c-2', 'canary', -60_000, { total: 5, bad: 0 });
  drill.tick(good);
  drill.frozen.add('c-2');
  const said = drill.ticks(20, good).map(short);
  expect(said).not.toContain('Pass');
  expect(said.at(-1)).toBe('NoData/Stale');
  expect(drill.judge().message).toBe('pod c-2 has a scrape target and no sample since three scrapes');
  expect(drill.ticks(3, worse).map(short).at(-1)).toBe('Fail/Worse');
});

test.each([
  {
    name: 'two targets',
    because: 'its numbers are counted twice',
    arrange: (drill: Drill) => Object.assign(drill.service.pod('c-1'), { targets: 2 }),
    want: 'NoData/ScrapedTwice',
  },
  {
    name: 'an answer that is no number',
    because: 'NaN would compare false and pass',
    arrange: (drill: Drill) => Object.assign(drill.service.pod('c-1'), { bad: Number.NaN }),
    want: 'Error/BadQuery',
  },
  {
    name: 'an infinite answer',
    because: 'no counter is infinite',
    arrange: (drill: Drill) => Object.assign(drill.service.pod('s-1'), { total: Number.POSITIVE_INFINITY }),
    want: 'Error/BadQuery',
  },
])('a tick with $name does not pass', ({ arrange, want, because }) => {
  const drill = new Drill({}, leavingLast);
  drill.ticks(8, good);
  expect(drill.judge().verdict).toBe('Pass');
  arrange(drill);
  expect(short(drill.tick(good)), because).toBe(want);
});

test('a canary without control is held to the objective alone', () => {
  const drill = new Drill({ weight: 100_000, maxSpend: 1 });
  expect(drill.ticks(30, { canary: [100, 0] }).some(({ verdict }) => verdict === 'Fail')).toBe(false);
  expect(drill.ticks(12, { canary: [100, 5] }).map(short)).toContain('Fail/ObjectiveMissed');
});

test('what the release burnt of the budget stops it, whatever the other tests say', () => {
  // α as good as zero leaves the ledger alone to speak; 1e-4 of the budget of 30 days at 100 rps is 130 failures.
  const drill = new Drill({ alpha: 1e-300, maxSpend: 1e-4 });
  const said = drill.ticks(40, worse);
  const first = said.findIndex(({ verdict }) => verdict === 'Fail');
  expect(short(said[first] ?? drill.judge())).toBe('Fail/BudgetSpent');
  expect(said[first]?.evidence.spend).toBeGreaterThanOrEqual(1e-4);
  expect(said[first - 1]?.evidence.spend).toBeLessThan(1e-4);
});

test('at weight 0 the canary answers probes only, and stable says whether it meets its objective', () => {
  const drill = new Drill({ weight: 0, arrived: false });
  const said = drill.tick({ canary: [20, 20], stable: [1350, 2] });
  expect(said).toMatchObject({ verdict: 'Inconclusive', stable: 'Meets', evidence: { canary: { total: 0, bad: 0 } } });
  expect(said.message).toBe('no user traffic is due on the canary yet');
});

test('a saved state is small, exact, and goes on from the tick it ended at', () => {
  const drill = new Drill({}, leavingLast);
  drill.ticks(3, good);
  drill.tick({ canary: [150, 1], stable: [1350, 3] });
  const { look: _look, influence: _influence, dispersion: _dispersion, ...stored } = drill.gate;
  const text = saveErrorGate(drill.gate);
  expect(loadErrorGate(text)).toMatchObject(stored);
  const restarted = loadErrorGate(text) ?? startErrorGate();
  expect(short(judgeErrors(restarted, drill.context, drill.now))).toBe('NoData/CatchingUp');
  const primed = foldErrorTick(restarted, drill.service.tick(drill.now), drill.service.infos(), drill.context);
  expect(saveErrorGate(primed)).toBe(text);
  // kills: bases taken from a later tick, or counted a second time.
  const undisturbed = drill.tick(good);
  const resumed = foldErrorTick(primed, drill.service.tick(drill.now), drill.service.infos(), drill.context);
  expect(judgeErrors(resumed, drill.context, drill.now + 15_000)).toEqual(undisturbed);
});

test('the largest state fits into 1 KiB with room for its envelope', () => {
  const drill = new Drill();
  drill.context = {
    ...drill.context,
    epoch: `${'n'.repeat(63)}-1234/12`,
    stepEpoch: `${'n'.repeat(63)}-1234/12/step12/345`,
    alpha: 1e-300,
  };
  drill.ticks(20, { canary: [123_456_789, 1_234_567], stable: [1_234_567_890, 12_345_678] });
  drill.context = { ...drill.context, copied: true };
  drill.ticks(20, { canary: [123_456_789, 1_234_567], stable: [1_234_567_890, 12_345_678] });
  expect(JSON.stringify({ to: drill.now, gate: saveErrorGate(drill.gate) }).length).toBeLessThan(1024);
});

test.each([
  '',
  '{',
  '[]',
  'null',
  '{"v":1}',
  '{"v":2,"e":["",""],"n":[],"c":[],"f":""}',
  '{"v":1,"e":["",""],"n":[0],"c":[],"f":"!"}',
])('text that is no state is none: %s', (text) => expect(loadErrorGate(text)).toBeUndefined());

test('the same tick twice, and an older one, change nothing', () => {
  const drill = new Drill();
  drill.ticks(2, good);
  const tick = drill.service.tick(drill.now);
  const infos = drill.service.infos();
  expect(foldErrorTick(drill.gate, tick, infos, drill.context)).toBe(drill.gate);
  expect(foldErrorTick(drill.gate, { ...tick, at: tick.at - 15_000 }, infos, drill.context)).toBe(drill.gate);
});

const value = fc.oneof(fc.nat(1000), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1));
const garbage = fc.array(
  fc.record({
    pod: fc.constantFrom('c-1', 's-1', 'x'),
    total: value,
    bad: value,
    age: fc.nat(90_000),
    shown: fc.boolean(),
    up: fc.nat(2),
  }),
  { maxLength: 3 },
);

test('law: empty, partial and broken ticks never pass, and never throw', () => {
  const passes = (readings: GateReading[]) => readings.filter(({ verdict }) => verdict === 'Pass').length;
  fc.assert(
    fc.property(fc.array(garbage, { maxLength: 12 }), (all) => {
      const drill = new Drill({}, leavingLast);
      drill.ticks(2, good);
      const said = all.map((rows): GateReading => {
        drill.now += 15_000;
        // Never the samples of both arms whole: that would be evidence.
        const some = rows.filter(({ pod }) => pod !== 's-1');
        const sample = (part: 'total' | 'bad') =>
          some.flatMap((row) =>
            row.shown
              ? [
                  {
                    process: `n/${row.pod}/app/i`,
                    pod: row.pod,
                    container: 'app',
                    value: row[part],
                    scrapedAt: drill.now - row.age,
                  },
                ]
              : [],
          );
        const targets = some.map(({ pod, up }) => ({ pod, count: up, up }));
        const samples = joinCounters([sample('total'), sample('bad')]);
        const tick: TickSamples = { at: drill.now, names: ['total', 'bad'], samples, targets };
        drill.gate = foldErrorTick(drill.gate, tick, drill.service.infos(), drill.context);
        return drill.judge();
      });
      expect(passes(said)).toBe(0);
    }),
    { numRuns: 200, seed: 5 },
  );
});

test('what users meet on one route counts, though another carries nothing', () => {
  // kills: requests of users taken for those of probes, because the least that a route carries is 0
  const drill = new Drill({ weight: 0, arrived: false, exposed: true });
  const readings = drill.ticks(8, { canary: [50, 20], stable: [950, 0] });
  expect(short(readings.at(-1) as GateReading)).toBe('Fail/Worse');
  const probed = new Drill({ weight: 0, arrived: false });
  expect(probed.ticks(8, { canary: [50, 20], stable: [950, 0] }).map(short)).not.toContain('Fail/Worse');
});

const users = { canary: [50, 1], stable: [950, 0] } as const;

test('copies are evidence, and nobody pays for them', () => {
  const copies = new Drill({ weight: 0, arrived: true, exposed: true, copied: true }, leavingLast);
  const failing = copies.ticks(8, { canary: [1000, 400], stable: [1000, 0] });
  // kills: a canary that fails copies alone, let through
  expect(short(failing.at(-1) as GateReading)).toBe('Fail/Worse');
  // kills: copies charged to the error budget, or taken for requests of users
  expect(failing.at(-1)?.evidence).toMatchObject({ spend: 0, copied: { total: 8000, bad: 3200 } });
  expect(failing.at(-1)?.evidence.rps).toBe(1000 / (copies.context.tickMs / 1000));
});

test('a release that begins with copies has spent as much later as one without them', () => {
  const plain = new Drill({ weight: 0, arrived: true }, leavingLast);
  const copied = new Drill({ weight: 0, arrived: true, exposed: true, copied: true }, leavingLast);
  plain.ticks(8, { stable: [1000, 0] });
  copied.ticks(8, { canary: [1000, 0], stable: [1000, 0] });
  const [one, other] = [plain, copied].map((drill) => {
    const { exposed: _, copied: __, ...context } = drill.context;
    drill.context = { ...context, weight: leavingLast.weight };
    return drill.ticks(4, { canary: [...users.canary], stable: [...users.stable] }).at(-1)?.evidence.spend;
  });
  expect(one).toBeGreaterThan(0);
  // kills: copies in the traffic that the budget is estimated by
  expect(other).toBe(one);
  expect(loadErrorGate(saveErrorGate(copied.gate))?.copied).toEqual({ total: 8000, bad: 0 });
});
