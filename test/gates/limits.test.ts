import { expect, test } from 'vitest';
import { stopLimit } from '#gates/eprocess.ts';
import { loadErrorGate, saveErrorGate, startErrorGate } from '#gates/error-state.ts';
import { foldErrorTick, judgeErrors } from '#gates/errors.ts';
import { emptyLedger, foldLedger, overspent, spendOf } from '#gates/ledger.ts';
import { Drill, type Load, short } from './drill.ts';
import { context } from './service.ts';

const good: Load = { canary: [150, 0], stable: [1350, 2] };
const { nextWeight: _, ...leavingLast } = context;

test('a pod whose scrape comes late is waited for, and its tick counts whole', () => {
  // kills: a tick counted without the pod, which would show the canary a share of traffic that it did not have.
  const drill = new Drill({}, leavingLast);
  drill.tick(good);
  drill.frozen.add('c-1');
  const late = drill.tick(good);
  expect(short(late)).toBe('Inconclusive/TooFewSamples');
  expect(late).toMatchObject({ message: 'waiting for the scrape of pod c-1', evidence: { ticks: 1 } });
  drill.frozen.clear();
  expect(drill.tick(good).evidence).toMatchObject({
    ticks: 2,
    canary: { total: 450 },
    stable: { total: 4050 },
    share: 0.1,
  });
});

test('a source that comes back and has been to stable only does not make the canary dark', () => {
  // kills: what was due during the outage of the source held against a canary that is merely scraped later.
  const drill = new Drill({}, leavingLast);
  drill.ticks(4, good);
  drill.prometheus = false;
  drill.ticks(8, good);
  drill.service.scrape(drill.now + 10_000, ['s-1', 's-2']);
  expect(drill.tick(good).verdict).toBe('NoData');
  drill.prometheus = true;
  drill.tick(good);
  const { canary, stable } = drill.judge().evidence;
  expect({ canary, stable }).toEqual(drill.service.truth);
  expect(drill.gate.fired).toBeUndefined();
});

test('a source that comes back to a first scrape that fails does not hold the outage against the canary', () => {
  // kills: `silentSince` not asked: the first late scrape after an outage of minutes is a canary dark for minutes.
  const drill = new Drill({}, leavingLast);
  drill.ticks(4, good);
  drill.prometheus = false;
  drill.ticks(8, good);
  drill.prometheus = true;
  drill.frozen.add('c-1');
  drill.ticks(2, good);
  drill.frozen.clear();
  drill.tick(good);
  const { canary, stable } = drill.judge().evidence;
  expect({ canary, stable }).toEqual(drill.service.truth);
  expect(drill.gate.fired).toBeUndefined();
});

test('a canary that hangs when the source comes back is dark as soon as its scrapes are overdue', () => {
  // kills: a silence that begins anew with every tick.
  const drill = new Drill({}, leavingLast);
  drill.ticks(4, good);
  drill.prometheus = false;
  drill.ticks(8, { stable: [1350, 2] });
  drill.prometheus = true;
  drill.frozen.add('c-1');
  const said = drill.ticks(5, { stable: [1350, 2] }).map(short);
  expect(said.indexOf('Fail/DarkCanary')).toBe(3);
});

test('a canary that is older than the first look after a restart is not dark at its first scrape', () => {
  // kills: requests due before the first scrape held against a canary whose answers to them cannot be told.
  const drill = new Drill();
  drill.ticks(2, {});
  drill.service.pods.delete('c-1');
  const canary = drill.service.add('c-2', 'canary', drill.now);
  canary.targets = 0;
  drill.gate = loadErrorGate(saveErrorGate(drill.gate)) ?? startErrorGate();
  drill.ticks(3, good);
  canary.targets = 1;
  expect(drill.tick(good).evidence.canary).toEqual({ total: 0, bad: 0 });
  expect(drill.gate.fired).toBeUndefined();
  expect(drill.tick({ stable: [1350, 2] }).verdict, 'silence from there on is its own').toBe('Fail');
});

test('ticks of two weights are never pooled into one', () => {
  // kills: evidence from an outage that a joined tick shows at a weight the canary did not have.
  const drill = new Drill({}, leavingLast);
  drill.tick(good);
  drill.frozen.add('c-1');
  drill.ticks(2, good);
  const before = drill.judge().evidence;
  drill.context = { ...drill.context, weight: 30_000, stepEpoch: 'r-1/1/step1/2', raisedAt: drill.now };
  drill.frozen.clear();
  const after = drill.tick({ canary: [450, 9], stable: [1050, 2] }).evidence;
  expect(after.stopLogE).toBe(before.stopLogE);
  expect(after.canary, 'the ledger and the counts lose nothing').toEqual({ total: 150 * 3 + 450, bad: 9 });
  expect(drill.tick({ canary: [450, 9], stable: [1050, 2] }).evidence.stopLogE).toBeGreaterThan(before.stopLogE);
});

test('a stop keeps its first cause and time', () => {
  const drill = new Drill();
  drill.ticks(6, { canary: [150, 15], stable: [1350, 2] });
  const { fired } = drill.gate;
  expect(fired?.cause).toBe('Worse');
  drill.ticks(6, { canary: [150, 150], stable: [1350, 2] });
  expect(drill.gate.fired).toEqual(fired);
});

test('nothing is excluded while stable has said too little about its rate', () => {
  // kills: a rate of one half, plugged in from no requests at all, that forgives every error.
  const drill = new Drill({}, leavingLast);
  const said = drill.ticks(9, { canary: [600, 0], stable: [20, 0] });
  expect(said.map(({ evidence }) => evidence.advanceLogE)).toEqual(Array(9).fill(0));
  expect(said.at(-1)?.verdict).toBe('Inconclusive');
});

test('an excess that matters to nobody stops nobody', () => {
  const drill = new Drill({ alpha: 0.02 });
  const tiny = drill.ticks(4, { canary: [1_000_000, 200], stable: [9_000_000, 900] }).at(-1);
  expect(tiny?.evidence.stopLogE).toBeGreaterThan(stopLimit(0.02));
  expect(tiny?.verdict).not.toBe('Fail');
  const large: Load = { canary: [1_000_000, 3000], stable: [9_000_000, 900] };
  // kills: one burst that stops a release.
  expect(drill.ticks(2, large).map(short)).toEqual(['Inconclusive', 'Fail/Worse']);
});

test('a gate that is not folded any more goes stale, and stable with it', () => {
  const drill = new Drill({}, leavingLast);
  drill.ticks(8, good);
  const at = (now: number) => judgeErrors(drill.gate, drill.context, now);
  expect(at(drill.now + 60_000)).toMatchObject({ verdict: 'Pass', stable: 'Meets' });
  expect(at(drill.now + 60_001)).toMatchObject({ verdict: 'NoData', cause: 'Stale', stable: 'Unknown' });
  const slow = { ...drill.context, scrapeMs: 60_000 };
  expect(judgeErrors(drill.gate, slow, drill.now + 60_001).verdict, 'scrapes may be slower than ticks').toBe('Pass');
});

test('a stable that serves nobody is no control, and no reason to raise', () => {
  const drill = new Drill({ weight: 0, arrived: false });
  expect(drill.tick({})).toMatchObject({ verdict: 'NoData', cause: 'NoTraffic', stable: 'Unknown' });
  expect(drill.tick({}).message, 'a wrong metric looks the same').toMatch(/spec\.sli of ServiceLevelObjective/);
  expect(drill.tick(good)).toMatchObject({ verdict: 'Inconclusive', stable: 'Meets' });
});

test('the ledger charges excess tick by tick, by stable of the same tick', () => {
  const tick = (canary: [number, number], stable: [number, number]) => ({
    canary: { total: canary[0], bad: canary[1] },
    stable: { total: stable[0], bad: stable[1] },
  });
  const none = { total: 0, bad: 0 };
  const bad = foldLedger(emptyLedger, tick([100, 6], [1000, 10]), none);
  expect(bad).toEqual({ charged: 5, net: 5 });
  // kills: luck that pays back what users have lost.
  expect(foldLedger(bad, tick([100, 0], [1000, 40]), none)).toEqual({ charged: 5, net: 1 });
  expect(foldLedger(emptyLedger, tick([100, 6], [0, 0]), { total: 1000, bad: 50 }).charged).toBe(1);
  const month = { objective: 0.999, windowMs: 2_592_000_000 };
  // 100 rps: 259.2 million requests in 30 days, of which 259,200 may fail.
  expect(spendOf({ charged: 259.2, net: 0 }, { ...month, requests: 6000, elapsedMs: 60_000 })).toBeCloseTo(0.001, 12);
  expect(spendOf(emptyLedger, { ...month, requests: 0, elapsedMs: 0 })).toBe(0);
  expect(spendOf({ charged: 1, net: 1 }, { ...month, objective: 1, requests: 1, elapsedMs: 1 })).toBe(1);
  expect([overspent({ charged: 4, net: 4 }, 1, 0.01), overspent({ charged: 5, net: 5 }, 0.01, 0.01)]).toEqual([
    false,
    true,
  ]);
});

test('after a restart an empty answer is no base', () => {
  // kills: counting nothing that was served between the checkpoint and a source that woke up late.
  const drill = new Drill({}, leavingLast);
  drill.ticks(3, good);
  const restarted = loadErrorGate(saveErrorGate(drill.gate)) ?? startErrorGate();
  const infos = drill.service.infos();
  const nothing = { at: drill.now, names: ['total', 'bad'], samples: [], targets: [] };
  const blind = foldErrorTick(restarted, nothing, infos, drill.context);
  expect(judgeErrors(blind, drill.context, drill.now)).toMatchObject({ verdict: 'NoData', cause: 'NotScraped' });
  const primed = foldErrorTick(blind, drill.service.tick(drill.now), infos, drill.context);
  const undisturbed = drill.tick(good);
  const resumed = foldErrorTick(primed, drill.service.tick(drill.now), infos, drill.context);
  expect(judgeErrors(resumed, drill.context, drill.now + 15_000)).toEqual(undisturbed);
});

test('an outage that is over does not excuse the canary', () => {
  // kills: stable's rate over the whole attempt, in which the outage forgives every later failure.
  const drill = new Drill({}, leavingLast);
  drill.ticks(20, { canary: [150, 8], stable: [1350, 68] });
  const before = drill.ticks(24, good).at(-1)?.evidence.advanceLogE ?? Number.NaN;
  const after = drill.tick({ canary: [150, 3], stable: [1350, 2] }).evidence.advanceLogE;
  expect(after - before).toBeLessThan(-3);
});

test('what the canary lost beside stable is not held against it when it is alone', () => {
  // kills: a shared outage that becomes the canary's own once stable has left.
  const drill = new Drill({ maxSpend: 1 });
  drill.ticks(8, { canary: [150, 8], stable: [1350, 68] });
  drill.context = { ...drill.context, weight: 100_000, stepEpoch: 'r-1/1/step3/9', raisedAt: drill.now };
  expect(drill.ticks(40, { canary: [150, 0] }).filter(({ verdict }) => verdict === 'Fail')).toEqual([]);
});

test('what was asked before a resume is no evidence of the attempt that it begins', () => {
  // kills: ticks that are read late, after a restart say, held against a canary that was mended meanwhile.
  const drill = new Drill({}, leavingLast);
  drill.ticks(2, { canary: [150, 30], stable: [1350, 2] });
  const saved = saveErrorGate(drill.gate);
  const missed = [drill.service.tick(drill.now)];
  for (let tick = 0; tick < 3; tick += 1) {
    drill.tick({ canary: [150, 30], stable: [1350, 2] });
    missed.push(drill.service.tick(drill.now));
  }
  // Somebody resumes in the middle of the next tick.
  const begunAt = drill.now + 5000;
  drill.context = { ...drill.context, epoch: 'r-1/2', stepEpoch: 'r-1/2/step0/3', attempt: 2, begunAt };
  const infos = drill.service.infos();
  const restarted = loadErrorGate(saved) ?? startErrorGate();
  drill.gate = missed.reduce((gate, tick) => foldErrorTick(gate, tick, infos, drill.context), restarted);
  expect(drill.tick({ canary: [150, 20], stable: [1350, 2] }).evidence).toMatchObject({
    ticks: 0,
    canary: { total: 0, bad: 0 },
    stopLogE: 0,
  });
  expect(drill.tick(good)).toMatchObject({ verdict: 'Inconclusive', evidence: { canary: { total: 150, bad: 0 } } });
});
