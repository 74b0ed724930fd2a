import { expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import { stepEpochOf } from '#core/epoch.ts';
import type { Seen } from '#core/seen.ts';
import { gate, releasing, type World, type WorldRoute } from './world.ts';

/** What goes wrong in the middle of a release, and must neither lose a request nor be waited for in vain. */

const holdingAt = (step: number) => (world: World) =>
  world.state.release?.stage === 'Holding' && world.state.release.step === step;
const settledOn = (revision: string) => (world: World) =>
  world.state.phase === 'Healthy' && world.state.stable === revision && world.state.release === undefined;
const first = (world: World): WorldRoute => world.routes[0] as WorldRoute;

function holding(step: number, arrange?: (world: World) => void): World {
  const world = releasing();
  arrange?.(world);
  world.runUntil(holdingAt(step));
  return world;
}

// kills: routes read from the live spec
test('a route that leaves spec.traffic in the middle is given back with the others', () => {
  const world = holding(1, (w) => {
    w.routes.push({ ...first(w), name: 'admin' });
    w.spec = { ...w.spec, routes: ['shop', 'admin'] };
  });
  expect(world.routes.map(({ weight }) => weight)).toEqual([20_000, 20_000]);
  world.spec = { ...world.spec, routes: ['shop'] };
  world.runUntil(settledOn('v2'));
  expect(world.routes.map(({ weight }) => weight)).toEqual([0, 0]);
});

// kills: an ending that keeps whatever face the state had
test('a retreat whose template left and came back is a retreat again', () => {
  const world = holding(0);
  world.act('retreat');
  world.tick();
  world.spec = { ...world.spec, revision: 'v3' };
  world.tick();
  world.spec = { ...world.spec, revision: 'v2' };
  world.run(20);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'User', release: { ending: { kind: 'Retreat' } } });
});

// kills: a resume that leaves the route below its fence, and pauses again at once
test.each([0, 5000])('a resume after the traffic was taken back to %d begins at the first step', (weight) => {
  const world = holding(1);
  Object.assign(first(world), { weight, manager: 'kubectl-edit', version: 900 });
  world.run(3);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'RouteChanged' });
  world.act('resume');
  world.tick();
  expect(first(world).weight).toBe(0);
  world.runUntil(settledOn('v2'));
  expect(world.violations).toEqual([]);
});

// kills: a lost raise that moves a paused release out of reach of every verb
test('a raise that was lost during a pause of the plan is found after promote', () => {
  const steps = [{ weight: 5000, holdMs: 2000, pause: {} }];
  const world = releasing();
  world.plan = { ...world.plan, steps };
  world.runUntil((w) => w.state.phase === 'Paused');
  Object.assign(first(world), { weight: 0, fence: { release: 'shop-1', n: 1, weight: 0 }, version: 900 });
  world.run(5);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'Step' });
  world.act('promote');
  world.runUntil(settledOn('v2'));
});

// kills: a pause of the plan that outlives its step
test('both arms bad during a pause of the plan: the release comes back by itself', () => {
  const world = releasing();
  world.plan = { ...world.plan, steps: [{ weight: 5000, holdMs: 2000, pause: {} }] };
  world.runUntil((w) => w.state.phase === 'Paused');
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' });
  world.run(2);
  expect(world.state).toMatchObject({ phase: 'Progressing', release: { stage: 'Probing', weight: 0 } });
});

// kills: waiting for a gate that counts in pods to see that there are none
// kills: a return by itself to a weight that a person had taken back a moment before
test('both arms bad while somebody takes the traffic back: it returns by a word alone', () => {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' });
  const [route] = world.routes;
  if (route !== undefined) Object.assign(route, { weight: 0, version: route.version + 1, manager: 'kubectl-edit' });
  world.run(1);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'RouteChanged', release: { weight: 0 } });
  world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
  world.run(60);
  expect(world.routes[0]?.weight).toBe(0);
  world.act('resume');
  world.runUntil(({ routes }) => (routes[0]?.weight ?? 0) > 0);
});

test('a canary without a ready pod gets nothing: once without blame, the second time it is a breach', () => {
  const world = holding(1);
  world.pods = world.pods.filter(({ set }) => set !== 'shop-v2');
  world.reconcile();
  expect(first(world).weight).toBe(0);
  expect(world.state).toMatchObject({ phase: 'Progressing', release: { stage: 'Probing', autoResumed: true } });
  world.runUntil(holdingAt(0));
  world.pods = world.pods.filter(({ set }) => set !== 'shop-v2');
  world.reconcile();
  expect(first(world).weight).toBe(0);
  expect(world.state).toMatchObject({ reason: 'GateBreached', release: { ending: { cause: 'DarkCanary' } } });
});

// kills: a breach that stands before its own canary's last pod
test('a breach that keeps its weight gives it back when no pod is left to carry it, and stays paused', () => {
  const world = holding(1, (w) => {
    w.plan = { ...w.plan, onBreach: 'Pause' };
  });
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.run(3);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
  expect(first(world).weight).toBe(20_000);
  world.pods = world.pods.filter(({ set }) => set !== 'shop-v2');
  world.reconcile();
  expect(first(world).weight).toBe(0);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
  world.run(30);
  expect(first(world).weight, 'only a person lets it go on').toBe(0);
});

// kills: a fence that is planted while the record of the hand beneath it is lost
test('a fall that was stored and not written, a hand in its place, and a lost record: the hand is seen still', () => {
  const world = holding(1);
  const route = first(world);
  const well = world.verdict;
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' });
  world.reconcile('crash-after-store');
  expect({ stored: world.state.release?.weight, sent: route.weight }).toEqual({ stored: 0, sent: 20_000 });
  Object.assign(route, { weight: 0, manager: 'kubectl-edit' });
  world.verdict = well;
  world.reconcile('drop-store');
  world.run(40);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'RouteChanged' });
  expect(world.state.message).toContain('kubectl-edit');
  expect(route.weight, 'never corrected upward').toBe(0);
});

test.each([
  { name: 'one rule above the wish', spread: { least: 1000, most: 50_000 }, verdict: 'Pass', lowered: 1000 },
  { name: 'all below the wish', spread: { least: 0, most: 5000 }, verdict: 'Pass', lowered: undefined },
  { name: 'a breach', spread: { least: 0, most: 5000 }, verdict: 'Fail', lowered: 0 },
] as const)('rules that disagree, $name: lowered to the least, never raised', ({ spread, verdict, lowered }) => {
  const world = holding(1);
  world.verdict = () => ({ verdict, stable: 'Meets' });
  const seen = world.seen();
  const { weight: _, ...route } = seen.routes[0] as Seen['routes'][number];
  const { effects } = decide(world.state, { ...seen, routes: [{ ...route, spread }] }, world.now);
  const set = effects.find((effect) => effect.kind === 'SetWeight');
  expect(set?.weight).toBe(lowered);
  expect(set?.raise ?? false).toBe(false);
});

// kills: a spec that cannot be read standing before everything else
test('a spec that cannot be read lifts no pause, and stops no breach', () => {
  const world = holding(1);
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  const { spec: _, ...blind } = world.seen();
  const breach = decide(world.state, blind, world.now);
  expect(breach.next).toMatchObject({ phase: 'Paused', reason: 'GateBreached', release: { weight: 0 } });
  world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
  world.act('pause');
  world.tick();
  const { spec: __, ...later } = world.seen();
  expect(decide(world.state, later, world.now).next).toMatchObject({ phase: 'Paused', reason: 'User' });
});

// kills: a face that outlives its reason, with which no raise is written
test('a raise that was granted before the spec could not be read is written once it can', () => {
  const world = holding(0);
  world.runUntil(({ state }) => state.release?.stage === 'Shifting');
  Object.assign(first(world), { weight: 5000, fence: { release: 'shop-1', n: 2, weight: 5000 }, version: 900 });
  const seen = world.seen.bind(world);
  world.seen = () => {
    const { spec: _, ...blind } = seen();
    return blind;
  };
  world.run(3);
  expect(world.state).toMatchObject({ phase: 'Degraded', reason: 'InvalidSpec', release: { stage: 'Shifting' } });
  world.seen = seen;
  world.runUntil(settledOn('v2'));
});

// kills: "Recording the release" over a pause
test('a Release that is deleted by hand lifts no pause', () => {
  const world = holding(1);
  world.act('pause');
  world.tick();
  world.releases.delete('shop-1');
  world.run(30);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'User' });
  expect(world.releases.has('shop-1'), 'it is written again').toBe(true);
});

// kills: a probe's answer that outlives the resume
test('a resume is not breached again by what the probes said before it', () => {
  const world = holding(0, (w) => {
    w.plan = { ...w.plan, onBreach: 'Pause', gates: [gate] };
  });
  const epoch = () => (world.state.release === undefined ? '' : stepEpochOf(world.state.release));
  world.probes = { result: 'CanaryFailed', message: 'GET / fails', epoch: epoch() };
  world.tick();
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
  world.act('resume');
  world.tick();
  expect(world.state).toMatchObject({ phase: 'Progressing', release: { attempt: 2 } });
});

// kills: a delay that counts from the decision
test('pods of the canary outlive the route that a gateway takes late', () => {
  const world = holding(1);
  world.act('abort');
  world.tick();
  first(world).acceptedAt = world.now + 20_000;
  world.runUntil((w) => w.now >= first(w).acceptedAt);
  world.run(4);
  expect(world.sets.find(({ revision }) => revision === 'v2')?.replicas).toBeGreaterThan(0);
  world.run(10);
  expect(world.sets.find(({ revision }) => revision === 'v2')?.replicas).toBe(0);
});

// kills: lowering whatever is above an older record
test('a new leader whose cache is a step behind leaves the traffic alone', () => {
  const world = holding(0);
  const before = world.state;
  world.runUntil(holdingAt(1));
  const { effects } = decide(before, world.seen(), world.now);
  expect(effects.filter(({ kind }) => kind === 'SetWeight')).toEqual([]);
});

// kills: waiting without an end while clients in the cluster move
test('a promotion whose pods do not come back pauses', () => {
  const world = releasing();
  world.runUntil((w) => (w.state.release?.joined ?? 0) > 0);
  // A quota that gives out no more pods.
  const early = new Set(world.pods.map(({ name }) => name));
  const able = world.available.bind(world);
  world.available = (pod) => able(pod) && (pod.set !== 'shop-v2' || early.has(pod.name));
  world.spec = { ...world.spec, replicas: 5 };
  world.runUntil(({ state }) => state.phase !== 'Progressing', 2500);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'NoData', release: { stage: 'Promoting' } });
});

// kills: a second retry in one pass, which drops the outcome of the first release
test('retries in one breath begin one release', () => {
  const world = holding(0);
  world.act('abort');
  world.run(2);
  world.act('retry');
  world.act('abort');
  world.act('retry');
  world.tick();
  expect(world.state.releases).toBe(2);
  world.run(20);
  expect(world.releases.get('shop-1')?.outcome).toBe('Aborted');
});

// kills: a retry that forgets a route which its release will not split
test('a retry waits for a route that left spec.traffic and still sends', () => {
  const world = holding(1, (w) => {
    w.routes.push({ ...first(w), name: 'admin' });
    w.spec = { ...w.spec, routes: ['shop', 'admin'] };
  });
  world.spec = { ...world.spec, routes: ['shop'] };
  world.act('abort');
  world.act('retry');
  world.tick();
  world.run(3);
  expect(world.routes.map(({ weight }) => weight)).toEqual([0, 0]);
  expect(world.state.actions[0]).toMatchObject({ result: 'Refused', message: expect.stringContaining('admin') });
});

// kills: a grant in the pass that has to lower what somebody else gave
test.each([
  { name: 'before the first raise', stage: 'Probing' as const, step: 0, leaves: 0 },
  { name: 'at a step', stage: 'Holding' as const, step: 1, leaves: 20_000 },
])('a weight given by hand in the pass that would grant less, $name: a lost store leaves what is on record', (row) => {
  const world = releasing();
  // The pass that would grant the next weight is the first that sees the hand.
  world.runUntil((w) => {
    const { release } = w.state;
    if (release?.stage !== row.stage || release.step !== row.step) return false;
    const granted = decide(w.state, w.seen(), w.now + 1000).next.release?.weight ?? 0;
    return granted > row.leaves;
  });
  world.now += 1000;
  Object.assign(first(world), { weight: 90_000, manager: 'kubectl-edit', version: 900 });
  world.reconcile('drop-store');
  expect(first(world).weight).toBe(row.leaves);
  world.runUntil(settledOn('v2'));
  expect(world.violations).toEqual([]);
});

// kills: nothing can be taken back of what the record grants no more by now
test.each([0, 1000])('a weight set to %i by hand before a stored fall was written waits for a person', (weight) => {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  for (const pod of world.pods) if (pod.set === 'shop-v2') pod.terminating = world.now;
  world.tick('crash-after-store');
  const { stage, weight: granted } = world.state.release ?? {};
  const [route] = world.routes;
  Object.assign(route ?? {}, { weight, version: 900, manager: 'kubectl-edit' });
  world.run(40);

  expect({ stage, granted }).toEqual({ stage: 'Probing', granted: 0 });
  expect(world.state).toMatchObject({
    phase: 'Paused',
    reason: 'RouteChanged',
    message: "HTTPRoute shop: the canary's traffic was taken back by kubectl-edit",
  });
  expect(route?.weight).toBe(0);
});
