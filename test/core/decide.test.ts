import { expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import { releasing, settled, TICK_MS, type World } from './world.ts';

const weightOf = (world: World) => world.routes[0]?.weight;
const holdingAt = (step: number) => (world: World) =>
  world.state.release?.stage === 'Holding' && world.state.release.step === step;
const settledOn = (revision: string) => (world: World) =>
  world.state.phase === 'Healthy' &&
  world.state.stable === revision &&
  world.state.release === undefined &&
  world.routes[0]?.fence === undefined;

test('a good release climbs every step, joins in-cluster clients and ends at rest', () => {
  const world = releasing();
  const weights = new Set<number>();
  world.runUntil((w) => {
    weights.add(w.routes[0]?.weight ?? -1);
    return settledOn('v2')(w);
  });
  world.run(10);
  expect([...weights]).toEqual([0, 5000, 20_000, 50_000]);
  expect(world.violations).toEqual([]);
  expect(world.pods.filter((pod) => pod.arms.stable && !pod.arms.canary)).toHaveLength(4);
  expect(world.pods, 'the old pods are gone').toHaveLength(4);
  expect(world.releases.get('shop-1')?.outcome).toBe('Promoted');
  expect(decide(world.state, world.seen(), world.now).effects, 'at rest there is nothing to do').toEqual([]);
});

test('a breach reaches weight 0 in one pass, keeps one pod and waits for a person', () => {
  const world = releasing();
  world.runUntil(holdingAt(1));
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.tick();
  expect(weightOf(world)).toBe(0);
  world.run(200);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
  expect(world.quarantined).toHaveLength(1);
  expect(world.pods.filter((pod) => pod.set === 'shop-v2')).toEqual([]);
  expect(weightOf(world)).toBe(0);
  expect(world.violations).toEqual([]);
});

test('a lost status write does not stop the lowering, and the breach is found again', () => {
  const world = releasing();
  world.runUntil(holdingAt(1));
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.tick('drop-store');
  expect(weightOf(world), 'kills: waiting for the store before lowering').toBe(0);
  expect(world.state.phase).toBe('Progressing');
  world.verdict = () => ({ verdict: 'NoData', stable: 'Unknown', cause: 'CatchingUp' });
  world.run(20);
  expect(weightOf(world), 'kills: raising past a newer fence').toBe(0);
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.run(20);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
  expect(world.violations).toEqual([]);
});

test.each([
  { name: 'silence', verdict: 'NoData' as const, because: 'silence is not success' },
  { name: 'a broken source', verdict: 'Error' as const, because: 'an error is not success' },
  { name: 'too little evidence', verdict: 'Inconclusive' as const, because: 'nothing bad seen is no evidence' },
])('$name holds the step: $because', ({ verdict }) => {
  const world = releasing();
  world.runUntil(holdingAt(0));
  world.verdict = () => ({ verdict, stable: 'Meets' });
  world.run(100);
  expect(weightOf(world)).toBe(5000);
  expect(world.state.phase).toBe('Progressing');
  world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
  world.runUntil(settledOn('v2'));
});

test('a gate that cannot tell pauses after its longest wait', () => {
  const world = releasing();
  world.runUntil(holdingAt(0));
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Meets' });
  world.run(1900);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'NoData' });
  expect(weightOf(world), 'a pause keeps the weight').toBe(5000);
});

test('no traffic before stable meets its objective', () => {
  const world = releasing();
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Misses' });
  world.run(60);
  expect(weightOf(world)).toBe(0);
  expect(world.state.release?.stage).toBe('Probing');
});

test.each(['Running', 'CanaryFailed', 'BothFailed'] as const)('no traffic while probes are %s', (result) => {
  const world = releasing();
  world.plan = { ...world.plan, probes: ['smoke'] };
  world.probes = { result, message: result };
  world.run(200);
  expect(weightOf(world)).toBe(0);
  expect(world.state.phase).toBe(result === 'CanaryFailed' ? 'Paused' : 'Progressing');
});

test('pods that never get ready end the release at its deadline without any traffic', () => {
  const world = releasing();
  world.broken.add('v2');
  world.run(100);
  expect(world.state).toMatchObject({ phase: 'Degraded', reason: 'DeadlineExceeded' });
  expect(world.releases.get('shop-1')?.recorded).toContain('Abort');
  expect(weightOf(world)).toBe(0);
  expect(world.pods.filter((pod) => pod.set === 'shop-v2')).toEqual([]);
});

test('both arms bad after a raise: to 0 without blame, one return, and the second time is a breach', () => {
  const world = releasing();
  world.runUntil(holdingAt(1));
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' });
  world.run(30);
  expect(weightOf(world)).toBe(0);
  expect(world.state).toMatchObject({ phase: 'Progressing', release: { stage: 'Probing', autoResumed: true } });
  world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
  world.runUntil(holdingAt(0));
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' });
  world.run(3);
  expect(world.state).toMatchObject({
    phase: 'Paused',
    reason: 'GateBreached',
    release: { ending: { cause: 'Correlated' } },
  });
  expect(world.violations).toEqual([]);
});

test('traffic taken back by hand pauses, names who, and is not raised until resumed', () => {
  const world = releasing();
  world.runUntil(holdingAt(1));
  Object.assign(world.routes[0] ?? {}, { weight: 0, manager: 'kubectl-edit', version: 900 });
  world.run(50);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'RouteChanged' });
  expect(world.state.message).toContain('kubectl-edit');
  expect(weightOf(world), 'kills: correcting upward').toBe(0);
  world.act('resume');
  world.runUntil(settledOn('v2'));
});

test('traffic raised by hand is lowered at once to what was granted', () => {
  const world = releasing();
  world.runUntil(holdingAt(0));
  Object.assign(world.routes[0] ?? {}, { weight: 50_000, manager: 'kubectl-edit', version: 900 });
  world.tick();
  expect(weightOf(world)).toBe(5000);
  world.runUntil(settledOn('v2'));
  expect(world.violations).toEqual([]);
});

test.each([
  { name: "stable's own template comes back", revision: 'v1', stable: 'v1', outcome: 'Returned' },
  { name: 'a third revision arrives', revision: 'v3', stable: 'v3', outcome: 'Superseded' },
])('in the middle $name: stable first', ({ revision, stable, outcome }) => {
  const world = releasing();
  world.runUntil(holdingAt(1));
  world.spec = { ...world.spec, revision };
  world.tick();
  expect(weightOf(world)).toBe(0);
  world.runUntil(settledOn(stable));
  world.run(2);
  expect(world.releases.get('shop-1')?.outcome).toBe(outcome);
  expect(world.violations).toEqual([]);
});

test.each([
  {
    name: 'before the commit point falls back to the old revision',
    when: (w: World) => (w.state.release?.joined ?? 0) > 0,
    stable: 'v1',
  },
  {
    name: 'after the commit point stays with the new revision',
    when: (w: World) => w.state.release?.committed === true,
    stable: 'v2',
  },
])('a breach $name', ({ when, stable }) => {
  const world = releasing();
  world.runUntil(when);
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.run(100);
  expect(world.state.stable).toBe(stable);
  expect(weightOf(world)).toBe(0);
  expect(world.pods.filter((pod) => pod.arms.stable).every((pod) => pod.set === `shop-${stable}`)).toBe(true);
  expect(world.violations).toEqual([]);
});

test('a third revision after the commit point waits for the promotion to finish', () => {
  const world = releasing();
  world.runUntil((w) => w.state.release?.committed === true);
  world.spec = { ...world.spec, revision: 'v3' };
  world.runUntil(settledOn('v3'));
  expect(world.releases.get('shop-1')?.outcome).toBe('Promoted');
  expect(world.violations).toEqual([]);
});

test('an abort scales the canary down; retry begins a new attempt with the higher bar', () => {
  const world = releasing();
  world.runUntil(holdingAt(0));
  world.act('abort');
  world.run(30);
  expect(world.state).toMatchObject({ phase: 'Degraded', reason: 'Aborted' });
  expect(world.pods.filter((pod) => pod.set === 'shop-v2')).toEqual([]);
  world.act('retry');
  world.runUntil((w) => w.state.release?.attempt === 2 && holdingAt(0)(w));
  expect(world.state.release).toMatchObject({ name: 'shop-2', attempt: 2 });
  world.runUntil(settledOn('v2'));
  expect(world.violations).toEqual([]);
});

test('a pause of the plan waits for promote, and a word replaces evidence for one step only', () => {
  const world = releasing();
  world.plan = {
    ...world.plan,
    steps: [
      { weight: 5000, holdMs: 5000, pause: {} },
      { weight: 50_000, holdMs: 5000 },
    ],
  };
  world.runUntil((w) => w.state.phase === 'Paused');
  expect(world.state.reason).toBe('Step');
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Meets' });
  world.act('promote');
  world.runUntil(holdingAt(1));
  world.run(50);
  expect(world.state.release, 'the word was for step 1').toMatchObject({ step: 1, stage: 'Holding' });
});

test('an action works once, is refused with the reason, and expires', () => {
  const world = releasing();
  world.runUntil(holdingAt(0));
  world.act('resume');
  world.act('pause', { releaseUid: 'uid-of-another' });
  world.act('pause', { createdAt: world.now - 3_600_000 });
  world.tick();
  expect(world.state.actions.map((done) => done.result).sort()).toEqual(['Expired', 'Refused', 'Refused']);
  expect(world.state.phase).toBe('Progressing');
});

test('deletion gives the traffic back, drains the canary, widens the Service and lets go', () => {
  const world = releasing();
  world.runUntil(holdingAt(1));
  world.deleting = true;
  world.runUntil((w) => w.finalized);
  expect(world.routes[0]).toMatchObject({ weight: 0, fence: undefined });
  expect(world.narrowed).toBe(false);
  expect(world.pods.filter((pod) => pod.set === 'shop-v2')).toEqual([]);
});

test('a deletion does not wait for ever for a gateway that answers no more', () => {
  const world = releasing();
  world.runUntil(holdingAt(1));
  world.gatewayDead = true;
  world.deleting = true;
  world.run(Math.floor(world.spec.progressDeadlineMs / TICK_MS) - 1);
  // kills: giving up at once, while the gateway may still send to the canary
  expect(world).toMatchObject({ finalized: false });
  expect(world.pods.some((pod) => pod.set === 'shop-v2')).toBe(true);
  world.runUntil((w) => w.finalized, 400);
  expect(world.routes[0]).toMatchObject({ weight: 0, fence: undefined });
});

test('an edit that is invalid replaces nothing', () => {
  const world = settled();
  world.spec = { ...world.spec, revision: 'v2' };
  world.problems = [{ field: 'spec.template', message: 'invalid', barsPods: true }];
  world.run(30);
  expect(world.state).toMatchObject({ phase: 'Degraded', reason: 'InvalidSpec', stable: 'v1' });
  expect(world.sets.map((set) => set.revision)).toEqual(['v1']);
});

test('a deletion whose Release went first makes no other one, and ends', () => {
  const world = releasing();
  world.runUntil(holdingAt(1));
  world.deleting = true;
  // The garbage collector orphans or deletes it before the finalizer has run.
  world.releases.clear();
  world.runUntil((w) => w.finalized);
  expect(world.releases.size, 'kills: a record that is made again at every pass').toBe(0);
  expect(world.routes[0]).toMatchObject({ weight: 0, fence: undefined });
});
