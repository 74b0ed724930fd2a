import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CONTEST_WINDOW_MS, noteServing, notYetTaken } from '#core/adopt.ts';
import { conditionsOf } from '#core/conditions.ts';
import type { Seen } from '#core/seen.ts';
import { AdoptWorld, adopted } from './adopt-world.ts';
import { badDay, type Fault } from './world.ts';

/** A running Deployment becomes a Rollout, and one again: nobody of its users may notice. */

const ours = (world: AdoptWorld) => world.pods.filter(({ terminating }) => terminating === undefined).length;
const theirs = (world: AdoptWorld) => world.theirs.filter(({ terminating }) => terminating === undefined).length;

test('our pods serve beside those of the Deployment before it goes to 0, and narrowing waits for the last of them', () => {
  const world = new AdoptWorld();
  const order: string[] = [];
  const note = (what: string) => order.at(-1) !== what && !order.includes(what) && order.push(what);
  for (let tick = 0; tick < 40; tick++) {
    if (ours(world) === 4) note('our pods are there');
    if (world.state.adopted !== undefined) note('recorded');
    if (world.deployment?.replicas === 0) note('scaled to 0');
    if (theirs(world) === 0) note('its pods are gone');
    if (world.narrowed) note('narrowed');
    world.tick();
  }
  expect(order).toEqual(['our pods are there', 'recorded', 'scaled to 0', 'its pods are gone', 'narrowed']);
  expect(world.state).toMatchObject({ phase: 'Healthy', adopted: { deployment: 'web', replicas: 4, emptied: true } });
  expect(world.violations).toEqual([]);
  expect(world.effects()).toEqual([]);
});

test('our pods that die before the Deployment went to 0 keep it up', () => {
  const world = new AdoptWorld();
  world.runUntil(({ state }) => state.adopted !== undefined);
  world.broken.add('v1');
  world.run(10);
  expect(world.deployment?.replicas).toBe(4);
  expect(world.violations).toEqual([]);
  world.broken.clear();
  world.runUntil(({ state, narrowed }) => state.phase === 'Healthy' && narrowed);
});

test('nothing begins while the Deployment is in the middle of a rollout of its own', () => {
  const world = new AdoptWorld();
  world.theirs = world.theirs.map((pod, index) => (index === 0 ? { ...pod, revision: 'v0' } : pod));
  world.tick();
  expect(world.sets).toEqual([]);
  expect(world.state.message).toContain('Deployment web');
});

test.each([
  { name: 'its controller has not looked yet', but: { observed: false } },
  { name: 'a pod is of an older template', but: { updated: 3 } },
  { name: 'an older pod is still there', but: { pods: 5 } },
  { name: 'a pod is not available', but: { available: 3 } },
])('nothing is taken over while $name', ({ but }) => {
  const seen = new AdoptWorld().seen();
  const { deployment } = seen.workload ?? {};
  if (deployment === undefined) throw new Error('the world has a Deployment');
  const settled = { ...deployment, observed: true, updated: 4, pods: 4, available: 4 };
  expect(notYetTaken({ ...seen, workload: { name: 'web', deployment: settled } })).toBeUndefined();
  const unsettled = { ...seen, workload: { name: 'web', deployment: { ...settled, ...but } } };
  expect(notYetTaken(unsettled)).toContain('Waiting for Deployment web');
});

test('nothing begins while anything is wrong, and the sentence says what', () => {
  const world = new AdoptWorld();
  world.problems = [{ field: 'spec.gates[0].slo', message: 'no such objective' }];
  world.run(5);
  // kills: a Deployment that is taken over by a Rollout that could not make a release
  expect(world.sets).toEqual([]);
  expect(world.state).toMatchObject({ phase: 'Degraded', message: 'spec.gates[0].slo: no such objective' });
});

test('a template that changes before the Service is narrowed makes no canary', () => {
  const world = new AdoptWorld();
  world.runUntil(({ state }) => state.adopted !== undefined);
  world.write({ revision: 'v2' });
  world.run(2);
  expect(world.state).toMatchObject({ phase: 'Progressing', stable: 'v1' });
  expect(world.state.release).toBeUndefined();
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2');
  expect(world.violations.filter((text) => text.includes('canary'))).toEqual([]);
});

test('a release goes its way, and a give-back follows: the Deployment serves before our pods leave', () => {
  const world = adopted();
  world.write({ revision: 'v2' });
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2' && state.release === undefined);
  world.deleting = true;
  const order: string[] = [];
  const note = (what: string) => !order.includes(what) && order.push(what);
  for (let tick = 0; tick < 60 && !world.finalized; tick++) {
    world.tick();
    if (!world.narrowed) note('wide');
    if ((world.deployment?.replicas ?? 0) === 4) note('scaled up');
    if (world.state.adopted?.servesSince !== undefined) note('serves');
    if (ours(world) === 0) note('our pods left');
    if (world.finalized) note('let go');
  }
  expect(order).toEqual(['wide', 'scaled up', 'serves', 'our pods left', 'let go']);
  world.run(10);
  expect(world.violations).toEqual([]);
  expect({ ours: ours(world), theirs: theirs(world) }).toEqual({ ours: 0, theirs: 4 });
});

test('a Service that is applied with our label stays narrow, and finds the pods of the Deployment by it', () => {
  const world = adopted();
  world.declares = true;
  world.deleting = true;
  const words = new Set<string>();
  for (let tick = 0; tick < 80 && !world.finalized; tick++) {
    world.tick();
    words.add(world.state.message);
  }
  expect(world.finalized).toBe(true);
  world.run(10);
  expect({ ours: ours(world), theirs: theirs(world) }).toEqual({ ours: 0, theirs: 4 });
  // kills: a Service that is widened again and again while Git narrows it; our pods gone before theirs are found
  expect(world.violations).toEqual([]);
  expect([...words].join('\n')).toContain(
    'Service shop is applied with headgate.dev/stable in its selector, so they get that label: take it out there',
  );
});

test('law: whatever is lost while a Service keeps our label, its clients find pods that carry them', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...badDay), { minLength: 10, maxLength: 60 }), (faults) => {
      const world = adopted();
      world.declares = true;
      world.deleting = true;
      for (const fault of faults) if (!world.finalized) world.tick(fault);
      for (let tick = 0; tick < 80 && !world.finalized; tick++) world.tick();
      world.run(10);
      expect(world.violations, world.timeline.join('\n')).toEqual([]);
      expect({ done: world.finalized, ours: ours(world), theirs: theirs(world) }).toEqual({
        done: true,
        ours: 0,
        theirs: 4,
      });
    }),
    { numRuns: 100, seed: 20_261_123 },
  );
});

test('where nobody has looked at its pods yet our own stay', () => {
  const world = adopted();
  world.deleting = true;
  world.runUntil(({ state }) => state.adopted?.servesSince !== undefined);
  const { workload: { deployment } = {}, service, ...seen } = world.seen();
  if (deployment === undefined || service === undefined) throw new Error('the world has both');
  const narrow = { ...service, narrowed: true, declared: true as const };
  const later = { ...seen, service: narrow, workload: { name: 'web', deployment } };
  expect(noteServing(world.state, later, world.now).adopted?.servesSince).toBeUndefined();
});

// kills: pods that come back in the pass that lets go
test('pods that have left do not come back at the end, in the middle of a release or not', () => {
  const committed = adopted();
  committed.write({ revision: 'v2' });
  committed.runUntil(({ state }) => state.release?.committed === true);
  for (const world of [adopted(), committed]) {
    world.deleting = true;
    world.runUntil(({ finalized }) => finalized);
    expect(world.sets.filter(({ replicas }) => replicas > 0)).toEqual([]);
  }
});

// kills: a Service that is widened over what another template left behind
test('pods that somebody brought up with an unproven template are gone before the Service is widened', () => {
  const world = adopted();
  world.write({ revision: 'v2' });
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  world.deleting = true;
  world.write({ replicas: 4 });
  world.run(40);
  expect(world.theirs.map(({ revision }) => revision)).toContain('v2');
  world.write({ revision: 'v1' });
  for (let ticks = 0; !world.finalized && ticks < 100; ticks += 1) {
    world.tick();
    expect(world.behind().filter(({ revision }) => revision === 'v2')).toEqual([]);
  }
  expect(world.finalized).toBe(true);
  expect(world.violations).toEqual([]);
});

test('a template that no release has proven is not given to anybody: the give-back waits for its author', () => {
  const world = adopted();
  world.write({ revision: 'v2' });
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  world.deleting = true;
  world.run(40);
  // kills: a give-back that brings the Deployment up with whatever template it has
  expect(world.violations).toEqual([]);
  expect(world).toMatchObject({ finalized: false, narrowed: true });
  expect(world.state).toMatchObject({ phase: 'Degraded', message: expect.stringContaining('kubectl rollout undo') });
  world.write({ revision: 'v1' });
  world.runUntil(({ finalized }) => finalized);
  expect(world.violations).toEqual([]);
});

test.each([
  {
    name: 'a Deployment that is gone keeps nobody',
    because: 'there is nothing to give back to',
    spoil: (world: AdoptWorld) => Object.assign(world, { deployment: undefined, theirs: [] }),
  },
  {
    name: 'a namespace that ends keeps nobody',
    because: 'who waits for pods there waits for ever',
    spoil: (world: AdoptWorld) => Object.assign(world, { terminatingNamespace: true }),
  },
])('$name', ({ spoil, because }) => {
  const world = adopted();
  spoil(world);
  world.deleting = true;
  world.tick();
  expect(world.finalized, because).toBe(true);
});

test('orphaned pods stay beside the Deployment that serves again', () => {
  const world = adopted();
  Object.assign(world, { deleting: true, orphaning: true });
  world.runUntil(({ finalized }) => finalized);
  expect({ ours: ours(world), theirs: theirs(world), narrowed: world.narrowed }).toEqual({
    ours: 4,
    theirs: 4,
    narrowed: false,
  });
});

test('whoever sets the replicas up three times in ten minutes is named and let be, until it yields', () => {
  const world = adopted();
  for (const time of [1, 2, 3]) {
    world.write({ replicas: 4, manager: 'argocd-controller' });
    world.run(3);
    expect(world.deployment?.replicas).toBe(time < 3 ? 0 : 4);
  }
  expect(world.state.adopted).toMatchObject({ contested: 'argocd-controller' });
  expect(conditionsOf(world.state, world.seen())).toContainEqual(
    expect.objectContaining({ type: 'ReplicasContested', message: expect.stringContaining('argocd-controller') }),
  );
  world.write({ replicas: 0 });
  world.run(2);
  expect(world.state.adopted).not.toHaveProperty('contested');
  expect(world.violations).toEqual([]);
});

// kills: pods that a narrowed Service hides, taken for pods that serve: ours would leave as soon as it is widened
test('a Deployment that somebody keeps up serves from the moment that the Service finds its pods', () => {
  const world = adopted();
  for (const _ of [1, 2, 3]) {
    world.write({ replicas: 4, manager: 'argocd-controller' });
    world.run(3);
  }
  world.run(20);
  const seen = world.seen();
  expect(noteServing(world.state, seen, world.now).adopted).not.toHaveProperty('servesSince');
  const wide = { ...seen, service: { ...seen.service, narrowed: false } } as Seen;
  expect(noteServing(world.state, wide, world.now).adopted).toHaveProperty('servesSince', world.now);
});

test('three times in more than ten minutes is no fight', () => {
  const world = adopted();
  for (const _ of [1, 2, 3, 4]) {
    world.write({ replicas: 4 });
    world.run(3);
    world.now += CONTEST_WINDOW_MS / 2;
  }
  expect(world.state.adopted).not.toHaveProperty('contested');
  expect(world.deployment?.replicas).toBe(0);
});

interface Story {
  faults: Fault[];
  /** When the template changes, when somebody sets the replicas up, and when the Rollout is deleted. */
  changesAt: number;
  resetsAt: number[];
  deletedAt: number;
}

const story: fc.Arbitrary<Story> = fc.record({
  faults: fc.array(fc.constantFrom(...badDay), { minLength: 20, maxLength: 120 }),
  changesAt: fc.integer({ min: 1, max: 160 }),
  resetsAt: fc.array(fc.integer({ min: 1, max: 160 }), { maxLength: 2 }),
  deletedAt: fc.integer({ min: 1, max: 150 }),
});

function play({ faults: plan, changesAt, resetsAt, deletedAt }: Story): AdoptWorld {
  const world = new AdoptWorld();
  for (let tick = 0; tick < 160; tick++) {
    // A rollout of the Deployment's own would bring unproven pods to its users: that is its business, before ours begins.
    if (tick === changesAt && world.narrowed && !world.deleting) world.write({ revision: 'v2' });
    if (resetsAt.includes(tick) && world.narrowed && !world.deleting) world.write({ replicas: 3 });
    if (tick === deletedAt) world.deleting = true;
    world.tick(plan[tick]);
  }
  if (world.deployment?.revision !== world.state.stable && !world.finalized)
    world.write({ revision: world.state.stable ?? 'v1' });
  for (let tick = 0; tick < 300 && !world.finalized; tick++) world.tick();
  world.run(10);
  return world;
}

// kills: the Deployment to 0 before our pods serve; narrowed while its pods carry; our pods down before it serves again;
// a canary before the Service is narrowed; no time for the data plane to learn of pods.
test('law: from a Deployment to a Rollout and back, whatever is lost, everybody is served by proven pods', () => {
  fc.assert(
    fc.property(story, (told) => {
      const world = play(told);
      expect(world.violations, world.timeline.join('\n')).toEqual([]);
      expect(world.finalized, `${world.timeline.join('\n')}\n${JSON.stringify(world.state)}`).toBe(true);
      expect({ ours: ours(world), theirs: theirs(world), narrowed: world.narrowed }, world.timeline.join('\n')).toEqual(
        {
          ours: 0,
          theirs: 4,
          narrowed: false,
        },
      );
    }),
    { numRuns: 200, seed: 5 },
  );
});
