import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CONFIRM_TICKS } from '#core/bad-pod.ts';
import { decide } from '#core/decide.ts';
import { eventOf } from '#core/events.ts';
import type { GateReading } from '#core/gate.ts';
import type { Plan, ReleaseState, State } from '#core/model.ts';
import type { Seen } from '#core/seen.ts';
import { FAULTS, gate, releasing, type World, type WorldPod } from './world.ts';

/** A release whose canary has one bad pod: it is named at every tick for as long as it is there, and fails at each. */

const half: Plan['steps'] = [{ weight: 50_000, holdMs: 5000 }];
const spared: Plan['steps'] = [{ weight: 5000, holdMs: 5000, canaryReplicas: 3 }];

const canaries = (world: World): WorldPod[] => world.pods.filter((pod) => pod.set === 'shop-v2');
const release = (world: World): ReleaseState | undefined => world.state.release;

/** Names the first pod of the canary that `isBad`, among those that were there, and says so with new failures. */
function blaming(world: World, isBad: (pod: WorldPod) => boolean): void {
  world.verdict = (now) => {
    const bad = canaries(now).find(isBad);
    const failed = (now.counts.canary?.bad ?? 0) + (bad === undefined ? 0 : 3);
    now.counts = { at: now.now, canary: { total: 1000, bad: failed } };
    if (bad === undefined) return { verdict: 'Pass', stable: 'Meets' };
    return { verdict: 'Inconclusive', stable: 'Meets', cause: 'SinglePod', pod: bad.name };
  };
}

interface Given {
  steps?: Plan['steps'];
  plan?: Partial<Plan>;
}

/** The canary stands on its step, and the first of its pods is bad from here on. */
function withBadPod({ steps = half, plan = {} }: Given = {}): { world: World; victim: string } {
  const world = releasing();
  world.plan = { ...world.plan, steps, ...plan };
  world.runUntil((now) => release(now)?.stage === 'Holding');
  const victim = canaries(world)[0]?.name ?? '';
  blaming(world, ({ name }) => name === victim);
  return { world, victim };
}

const serving = (world: World, victim: string) =>
  canaries(world).filter((pod) => world.available(pod) && pod.name !== victim).length;

test('one bad pod of four is replaced once its successor serves, and the release goes on', () => {
  const { world, victim } = withBadPod();
  const others: number[] = [];
  world.runUntil((now) => {
    const pod = canaries(now).find(({ name }) => name === victim);
    // kills: a pod that goes before the others can carry half of the traffic
    if (pod === undefined || pod.terminating !== undefined) others.push(serving(now, victim));
    return now.state.phase === 'Healthy' && now.state.stable === 'v2';
  });
  expect(Math.min(...others.slice(0, 3))).toBeGreaterThanOrEqual(4);
  expect(world.state.releases, 'it was not stopped for it').toBe(1);
  expect(world.timeline.join('\n')).toContain(`pod ${victim} is being replaced`);
  expect(world.violations).toEqual([]);
  expect(world.sets.find(({ revision }) => revision === 'v2')?.replicas, 'the one pod more is gone').toBe(4);
});

test('where enough pods are there already, the bad one goes at once', () => {
  const { world, victim } = withBadPod({ steps: spared });
  world.run(CONFIRM_TICKS);
  expect(world.pods.find(({ name }) => name === victim)?.terminating).toBeDefined();
  expect(world.sets.find(({ revision }) => revision === 'v2')?.replicas).toBe(3);
  world.runUntil((now) => now.state.stable === 'v2');
  expect(world.state.releases).toBe(1);
});

// kills: a bad pod that is not available takes the place of its own successor
test.each([1, 2])('it is replaced though it is not available, where %d may be coming up at once', (pods) => {
  const { world, victim } = withBadPod({ plan: { maxSurge: { pods } } });
  const isAvailable = world.available.bind(world);
  world.available = (pod) => pod.name !== victim && isAvailable(pod);
  world.runUntil((now) => now.state.phase === 'Healthy' && now.state.stable === 'v2');
  expect(world.state.releases, 'it was not stopped for it').toBe(1);
  expect(world.violations).toEqual([]);
});

test('the record and the event name pod, node and evidence', () => {
  const { world, victim } = withBadPod({ steps: spared });
  world.run(CONFIRM_TICKS - 1);
  const seen = world.seen();
  for (const { pods } of seen.replicaSets) for (const pod of pods) pod.node = 'node-7';
  world.now += 1000;
  const before = world.state;
  world.reconcile('none', { ...seen, gates: world.seen().gates });
  const [replaced] = release(world)?.replaced ?? [];
  expect(replaced).toMatchObject({ pod: victim, uid: `uid-${victim}`, node: 'node-7', gate: 'availability' });
  expect(eventOf(before, world.state)).toEqual({
    type: 'Warning',
    reason: 'PodReplaced',
    message: `pod ${victim} on node node-7 is replaced: availability: Inconclusive`,
  });
});

interface Refusal {
  name: string;
  because: string;
  given?: Given;
  /** Changes what is seen or known before the tick that would decide. */
  but?: (world: World) => void;
  reads?: Partial<GateReading>;
}

const refusals: Refusal[] = [
  { name: 'it is turned off', because: 'replaceBadPods: 0', given: { plan: { replaceBadPods: 0 } } },
  {
    name: 'a signal says so',
    because: 'only guardrails act',
    given: { plan: { gates: [{ ...gate, role: 'Signal' }] } },
  },
  {
    name: 'the gate counts at the edge',
    because: 'a label of arms knows no pods',
    given: { plan: { gates: [edgeGate()] } },
  },
  {
    name: 'there are two pods',
    because: 'nobody can tell which one is the odd one',
    given: { steps: [{ weight: 5000, holdMs: 5000, canaryReplicas: 2 }] },
  },
  { name: 'it names nobody of the canary', because: 'a pod of stable is never deleted', reads: { pod: 'shop-v1-0' } },
  { name: 'the reading is of another attempt', because: 'its pods are others', reads: { epoch: 'shop-1/0' } },
  {
    name: 'a person has paused it',
    because: 'who looks at a pod wants to find it there',
    but: (world) => {
      world.state = { ...world.state, phase: 'Paused', reason: 'User' };
    },
  },
  {
    name: 'the Rollout is being deleted',
    because: 'the canary leaves anyway',
    but: (world) => {
      world.deleting = true;
    },
  },
  {
    name: 'its pods come to serve in-cluster clients',
    because: 'the bad one may be the next of them',
    but: (world) => {
      const last = canaries(world).at(-1)?.name;
      blaming(world, ({ name }) => name === last);
      const known = release(world);
      if (known !== undefined) world.state = { ...world.state, release: { ...known, stage: 'Promoting', joined: 1 } };
    },
  },
];

function edgeGate(): Plan['gates'][number] {
  return { ...gate, slo: { ...gate.slo, arms: { by: 'Label', label: 'service', stable: 'shop', canary: 'canary' } } };
}

const deleted = (state: State, seen: Seen, now: number): string[] =>
  decide(state, seen, now).effects.flatMap((effect) =>
    effect.kind === 'DeletePod' && effect.uid !== undefined ? [effect.uid] : [],
  );

// kills: a gate without pods that is trusted; a signal that acts; one of two; deleting behind the user's Service
test.each(refusals)('nothing is replaced when $name', ({ because, given = {}, but, reads = {} }) => {
  const { world } = withBadPod({ steps: spared, ...given });
  but?.(world);
  const found = new Set<string>();
  for (let tick = 0; tick < 6; tick++) {
    world.now += 1000;
    const seen = world.seen();
    const said = { ...seen, gates: seen.gates.map((reading) => ({ ...reading, ...reads })) };
    for (const uid of deleted(world.state, said, world.now)) found.add(uid);
    world.reconcile('none', said);
  }
  expect([...found], because).toEqual([]);
  expect(release(world)?.replaced).toBeUndefined();
  expect(release(world)?.breach, 'and nobody is to blame for it').toBeUndefined();
});

test('the same failures seen twice are no second opinion', () => {
  const { world } = withBadPod({ steps: spared });
  world.run(1);
  const { counts } = world;
  const said = world.verdict(world);
  // kills: a confirmation by looking again, without a failure since
  world.verdict = () => said;
  world.counts = counts;
  for (let tick = 0; tick < 5; tick++) {
    world.counts = { ...counts, at: world.now };
    world.tick();
  }
  expect(release(world)?.replaced).toBeUndefined();
});

test('a source that is silent for a while takes nothing back, and a tick without the name does', () => {
  const { world } = withBadPod({ steps: spared });
  world.run(1);
  const blames = world.verdict;
  world.verdict = () => ({ verdict: 'NoData', stable: 'Unknown', cause: 'SourceDown' });
  world.run(2);
  expect(release(world)?.suspect).toMatchObject({ ticks: 1 });
  world.verdict = (now) => {
    now.counts = { ...now.counts, at: now.now };
    return { verdict: 'Inconclusive', stable: 'Meets', cause: 'TooFewSamples' };
  };
  world.run(1);
  expect(release(world)?.suspect).toBeUndefined();
  world.verdict = blames;
  world.run(1);
  expect(release(world)?.replaced).toBeUndefined();
});

test.each([
  { name: 'its successor', because: 'the same release on another process', next: 'successor' },
  { name: 'another pod', because: 'two bad nodes are no coincidence', next: 'another' },
])('when $name is bad again it is a breach', ({ because, next }) => {
  const { world, victim } = withBadPod({ steps: spared });
  const siblings = canaries(world).map(({ name }) => name);
  const isNext = ({ name }: WorldPod) =>
    next === 'another' ? name === siblings[1] : !siblings.includes(name) && name !== victim;
  world.runUntil((now) => !canaries(now).some(({ name }) => name === victim) && canaries(now).length >= 3);
  blaming(world, isNext);
  world.runUntil((now) => release(now)?.ending !== undefined, 20);
  expect(release(world), because).toMatchObject({
    weight: 0,
    breach: { cause: 'BadPodAgain' },
    ending: { kind: 'Retreat' },
  });
  expect(release(world)?.ending?.why).toContain(victim);
  expect(release(world)?.replaced).toHaveLength(1);
  expect(world.routes[0]?.weight).toBe(0);
});

// kills: a deletion that forgets itself in a crash; one by name alone
test('a restart between record and deletion deletes that very pod, once, and no successor of its name', () => {
  const { world, victim } = withBadPod({ steps: spared });
  world.run(CONFIRM_TICKS - 1);
  world.tick('crash-after-store');
  expect(world.pods.every(({ terminating }) => terminating === undefined)).toBe(true);
  expect(deleted(world.state, world.seen(), world.now)).toEqual([`uid-${victim}`]);
  const seen = structuredClone(world.seen());
  for (const { pods } of seen.replicaSets) for (const pod of pods) if (pod.name === victim) pod.uid = 'uid-of-another';
  expect(deleted(world.state, seen, world.now)).toEqual([]);
  world.tick();
  expect(deleted(world.state, world.seen(), world.now), 'it is on its way out').toEqual([]);
});

const faults = fc.constantFrom('none', 'none', ...FAULTS);

const promoting = (known: ReleaseState): Partial<ReleaseState> => ({ ...known, stage: 'Promoting', joined: 1 });

// kills: deleting in the stage that moves pods behind the user's Service; a label that nobody looked at; an ended release
test.each([
  { name: 'it is promoting', because: 'the same pass may give the pod to in-cluster clients', change: promoting },
  {
    name: 'it goes back',
    because: 'one pod of it is kept for diagnosis',
    change: (): Partial<ReleaseState> => ({ ending: { kind: 'Retreat', at: 0, why: 'bad' } }),
  },
  { name: 'it is committed', because: 'the pod is stable now', change: () => ({ committed: true }) },
  {
    name: 'the pod has the stable label',
    because: 'it serves, whoever gave it that',
    arms: { stable: true, canary: true },
  },
  { name: 'the spec cannot be read', because: 'nobody knows what is needed', blind: true },
])('what was decided is left undone when $name', ({ because, change, arms, blind }) => {
  const { world, victim } = withBadPod({ steps: spared });
  world.run(CONFIRM_TICKS - 1);
  world.tick('crash-after-store');
  const known = release(world);
  if (known !== undefined) world.state = { ...world.state, release: { ...known, ...change?.(known) } };
  for (const pod of world.pods) if (pod.name === victim && arms !== undefined) pod.arms = arms;
  const { spec: _, ...rest } = world.seen();
  expect(deleted(world.state, blind ? rest : { ...rest, spec: world.spec }, world.now), because).toEqual([]);
});

/**
 * kills: one more than the plan allows; a pod that goes before its successor serves; a record that a crash doubles.
 * Whatever pods are bad and whatever is lost: at most one is deleted, none of stable, and never one that the weight needs.
 */
test('law: one pod of a release at most, never a stable one, never one that is needed', () => {
  const worlds = fc.record({
    bad: fc.array(fc.nat({ max: 9 }), { maxLength: 3 }),
    steps: fc.constantFrom(half, spared),
    lost: fc.array(faults, { minLength: 40, maxLength: 40 }),
  });
  fc.assert(
    fc.property(worlds, ({ bad, steps, lost }) => {
      const { world } = withBadPod({ steps });
      blaming(world, ({ name }) => bad.includes(Number(name.slice(-1))));
      const gone = watchDeletions(world, steps === half ? 4 : 1);
      for (const fault of lost) world.tick(fault);
      expect(gone.wrong).toEqual([]);
      expect(gone.uids.size).toBeLessThanOrEqual(1);
      expect(release(world)?.replaced?.length ?? 0).toBeLessThanOrEqual(1);
    }),
    { numRuns: 150, seed: 7 },
  );
});

/** Every deletion of a pod by its UID, and what was wrong with it. `needed` is what the weight asks for. */
function watchDeletions(world: World, needed: number): { uids: Set<string>; wrong: string[] } {
  const gone = { uids: new Set<string>(), wrong: [] as string[] };
  const apply = world.apply.bind(world);
  world.apply = (effect) => {
    if (effect.kind === 'DeletePod' && effect.uid !== undefined) {
      gone.uids.add(effect.uid);
      const pod = world.pods.find(({ name }) => name === effect.pod);
      if (pod?.set !== 'shop-v2' || pod.arms.stable) gone.wrong.push(`${effect.pod} is not the canary's alone`);
      if (serving(world, effect.pod) < needed) gone.wrong.push(`${effect.pod} was needed`);
    }
    apply(effect);
  };
  return gone;
}
