import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AFTERMATH_MS, type Blame, blameOf, COMMON_MS } from '#core/attribution.ts';
import type { Held } from '#core/breach.ts';
import type { GateReading } from '#core/gate.ts';
import type { State } from '#core/model.ts';
import type { GroupMember, GroupMode, MemberBreach } from '#core/sights.ts';
import type { Judgement } from '#core/verdict.ts';
import { memberOf } from '#operator/groups.ts';
import { settled, type World } from './world.ts';

/** Rollouts of a group that move at once: the one whose own arms differ is to blame, and the others hold. */

const now = 1_700_000_000_000;
const arms = { canary: { total: 310, bad: 31 }, stable: { total: 1200, bad: 2 } };
const breach: MemberBreach = { at: now - 5000, cause: 'Worse', gate: 'edge', arms };
const reading = { gate: 'edge' } as GateReading;
const moving: GroupMember = { rollout: 'b', carries: true, mode: 'Attribute' };
const bad: GroupMember = { ...moving, breach };
const culprit = { rollout: 'b', at: now - 5000, gate: 'edge', arms };

interface Row {
  name: string;
  because: string;
  mode?: GroupMode;
  members: GroupMember[];
  own?: Pick<Judgement, 'breach' | 'shared'>;
  held?: Held;
  want: Blame | undefined;
}

const bothBad = { shared: reading };

test.each<Row>([
  { name: 'all is well', because: 'nobody has an excess', members: [moving], want: undefined },
  { name: 'own excess', because: 'its own gates stop it', members: [bad], own: { breach: reading }, want: undefined },
  { name: "another's excess", because: 'its split shows it', members: [bad], want: { culprit } },
  {
    name: "another's excess in both of its own arms",
    because: 'it is the same fault',
    members: [bad],
    own: bothBad,
    want: { culprit },
  },
  {
    name: 'one that keeps its weight after its breach',
    because: 'users meet it still',
    members: [{ ...bad, breach: { ...breach, at: now - 86_400_000 } }],
    want: { culprit: { ...culprit, at: now - 86_400_000 } },
  },
  {
    name: 'two with an excess',
    because: 'the first one is named',
    members: [{ ...bad, rollout: 'c', breach: { ...breach, at: now - 9000 } }, bad],
    want: { culprit: { ...culprit, rollout: 'c', at: now - 9000 } },
  },
  {
    name: 'a culprit that is off',
    because: 'it is over',
    members: [{ ...bad, carries: false, breach: { ...breach, remediedAt: now - 1000 } }],
    want: undefined,
  },
  {
    name: 'a culprit that is off, and both arms bad',
    because: 'what it broke is in the last minutes still',
    members: [{ ...bad, carries: false, breach: { ...breach, remediedAt: now - 1000 } }],
    own: bothBad,
    want: { culprit, past: true },
  },
  {
    name: 'a culprit that is off for long, and both arms bad',
    because: 'that is another fault',
    members: [moving, { ...bad, rollout: 'c', carries: false, breach: { ...breach, remediedAt: now - AFTERMATH_MS } }],
    own: bothBad,
    want: {},
  },
  {
    name: 'both arms bad and no contrast',
    because: 'it is no release of the group',
    members: [moving],
    own: bothBad,
    want: {},
  },
  {
    name: 'both arms bad and no contrast for long',
    because: 'none will come: as if alone',
    members: [moving],
    own: bothBad,
    held: { since: now - COMMON_MS },
    want: { late: true },
  },
  {
    name: 'both arms bad, a hold for a culprit before',
    because: 'its time begins anew',
    members: [moving],
    own: bothBad,
    held: { since: now - COMMON_MS, culprit },
    want: {},
  },
  {
    name: 'both arms bad where nobody else has traffic',
    because: 'it is as if alone',
    members: [{ ...moving, carries: false }],
    own: bothBad,
    want: undefined,
  },
  {
    name: 'both arms bad twice by another',
    because: 'no split has shown that',
    members: [{ ...bad, breach: { ...breach, cause: 'Correlated' } }],
    own: bothBad,
    want: {},
  },
  {
    name: 'a group that takes turns',
    because: 'there is one suspect at a time',
    mode: 'Serialise',
    members: [bad],
    own: bothBad,
    want: undefined,
  },
])('$name: $because', ({ mode = 'Attribute', members, own = {}, held, want, because }) => {
  const seen = { group: { name: 'paths', mode, members, elsewhere: [] } };
  expect(blameOf(seen, held === undefined ? {} : { held }, own, now), because).toEqual(want);
});

const weightOf = (world: World | undefined) => world?.routes[0]?.weight ?? 0;
const promoted = ({ state }: World) =>
  state.phase === 'Healthy' && state.stable === 'v2' && state.release === undefined;
const good = () => ({ verdict: 'Pass', stable: 'Meets' }) as const;
const worse = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' }) as const;
const outage = () => ({ verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' }) as const;

/** Rollouts r0, r1, … of one group, all of which want to go to v2. */
function fleet(modes: readonly GroupMode[]): World[] {
  return modes.map((_, index) => {
    const world = settled();
    const seen = world.seen.bind(world);
    world.seen = () => ({ ...seen(), rollout: `r${index}` });
    world.spec = { ...world.spec, revision: 'v2' };
    return world;
  });
}

const objectOf = (state: State, index: number, groupMode: GroupMode) => ({
  apiVersion: 'headgate.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: `r${index}`, namespace: 'shop' },
  spec: { group: 'paths', groupMode },
  // As the API server gives it back.
  status: { state: JSON.parse(JSON.stringify(state)) },
});

/** All decide on sights that were taken before any of them was stored. */
function tick(worlds: readonly World[], modes: readonly GroupMode[]): void {
  const members = worlds.map(({ state, now: at }, i) => memberOf(objectOf(state, i, modes[i] ?? 'Serialise'), at));
  worlds.forEach((world, index) => {
    const mode = modes[index] ?? 'Serialise';
    world.group = { name: 'paths', mode, members: members.filter((_, other) => other !== index), elsewhere: [] };
    world.tick();
  });
}

const both: GroupMode[] = ['Attribute', 'Attribute'];

/** Two that hold at their first step together. */
function pair(): [World, World] {
  const [a, b] = fleet(both) as [World, World];
  for (let at = 0; at < 60 && !(holds(a) && holds(b)); at++) tick([a, b], both);
  expect([weightOf(a), weightOf(b)]).toEqual([5000, 5000]);
  return [a, b];
}

const holds = ({ state }: World) => state.release?.stage === 'Holding';

const words =
  'Holding step 1 of 3 at 5%: waits for Rollout r1, bad by its own arms: availability 31 of 310 (10%), stable 2 of 1,200 (0.17%)';

// kills: a member that goes on beside an open breach; a hold that is not remembered
test('the culprit is named with its counts, the other holds and is promoted after it', () => {
  const [a, b] = pair();
  b.plan = { ...b.plan, onBreach: 'Pause' };
  for (const record of b.releases.values()) record.plan = b.plan;
  b.counts = arms;
  b.verdict = worse;
  a.verdict = outage;
  const startedAt = a.now + 1000;
  for (let at = 0; at < 100; at++) tick([a, b], both);
  expect(b.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
  expect(b.state.release?.breach).toMatchObject({ cause: 'Worse', gate: 'availability', arms, beside: ['r0'] });
  expect(a.state).toMatchObject({ phase: 'Progressing', message: words });
  expect(a.state.release).toMatchObject({ autoResumed: false, weight: 5000 });
  expect(a.state.release?.breach).toBeUndefined();
  b.act('abort');
  for (let at = 0; at < 20; at++) tick([a, b], both);
  expect(a.state.message).toContain('until stable has recovered from Rollout r1');
  a.verdict = good;
  for (let at = 0; at < 200 && !promoted(a); at++) {
    tick([a, b], both);
    const { held } = a.state.release ?? {};
    if (held !== undefined) expect(held.culprit).toMatchObject({ rollout: 'r1', gate: 'availability', arms });
    if (held?.until !== undefined) expect(held.since).toBeGreaterThanOrEqual(startedAt);
  }
  expect(promoted(a)).toBe(true);
  expect(b.state).toMatchObject({ phase: 'Degraded', reason: 'Aborted' });
  expect([...a.violations, ...b.violations]).toEqual([]);
});

// kills: a wait for a member that counts against the patience with its own gates
test('an hour for another one costs none of its own patience', () => {
  const [a, b] = pair();
  b.plan = { ...b.plan, onBreach: 'Pause' };
  for (const record of b.releases.values()) record.plan = b.plan;
  b.verdict = worse;
  for (let at = 0; at < 3600; at++) tick([a, b], both);
  b.act('abort');
  a.verdict = () => ({ verdict: 'Inconclusive', stable: 'Meets', cause: 'TooFewSamples' });
  for (let at = 0; at < 60; at++) tick([a, b], both);
  expect(a.state.phase).toBe('Progressing');
  a.verdict = good;
  for (let at = 0; at < 200 && !promoted(a); at++) tick([a, b], both);
  expect(promoted(a)).toBe(true);
});

// kills: a common mode that is each one's own fault at once; a hold without an end
test('both arms of all bad and no contrast: all hold, nobody is blamed, and later each is as if alone', () => {
  const [a, b] = pair();
  for (const world of [a, b]) world.verdict = outage;
  for (let at = 0; at < 60; at++) tick([a, b], both);
  for (const { state } of [a, b]) {
    expect(state.message).toContain('no split of group paths shows it: not a release of this group, all hold');
    expect(state.release).toMatchObject({ weight: 5000, autoResumed: false });
    expect(state.release?.held?.culprit).toBeUndefined();
  }
  for (let at = 0; at < COMMON_MS / 1000; at++) tick([a, b], both);
  for (const { state } of [a, b]) expect(state.release).toMatchObject({ weight: 0, autoResumed: true });
  for (const world of [a, b]) world.verdict = good;
  for (let at = 0; at < 300 && !(promoted(a) && promoted(b)); at++) tick([a, b], both);
  expect([promoted(a), promoted(b)]).toEqual([true, true]);
});

test('no first raise beside an open breach', () => {
  const [a, b] = fleet(both) as [World, World];
  a.verdict = () => ({ verdict: 'Inconclusive', stable: 'Misses', cause: 'TooFewSamples' });
  for (let at = 0; at < 60 && !holds(b); at++) tick([a, b], both);
  b.plan = { ...b.plan, onBreach: 'Pause' };
  for (const record of b.releases.values()) record.plan = b.plan;
  b.verdict = worse;
  tick([a, b], both);
  a.verdict = good;
  for (let at = 0; at < 60; at++) tick([a, b], both);
  expect(a.state.message).toContain('Waiting before the first raise: waits for Rollout r1, bad by its own arms');
  expect(weightOf(a)).toBe(0);
});

test("a person's word goes on beside an open breach", () => {
  const [a, b] = pair();
  b.verdict = worse;
  b.plan = { ...b.plan, onBreach: 'Pause' };
  for (const record of b.releases.values()) record.plan = b.plan;
  for (let at = 0; at < 20; at++) tick([a, b], both);
  a.act('promote');
  for (let at = 0; at < 20; at++) tick([a, b], both);
  expect(weightOf(a)).toBe(20_000);
});

test.each([
  { name: 'both say Attribute', modes: both, want: 2 },
  { name: 'one says Serialise', modes: ['Attribute', 'Serialise'], want: 1 },
  { name: 'none says anything', modes: ['Serialise', 'Serialise'], want: 1 },
] as { name: string; modes: GroupMode[]; want: number }[])('at most $want move at once where $name', (row) => {
  const worlds = fleet(row.modes);
  let most = 0;
  for (let at = 0; at < 400 && !worlds.every(promoted); at++) {
    tick(worlds, row.modes);
    most = Math.max(most, worlds.filter((world) => weightOf(world) > 0).length);
  }
  expect(worlds.every(promoted)).toBe(true);
  expect(most).toBe(row.want);
});

/** What users of the canary's can tell: its share by the route, and its pods behind the Service. */
const reach = ({ state: { release } }: World) => (release?.weight ?? 0) + (release?.joined ?? 0);
const isOpen = ({ state: { release } }: World) =>
  release?.breach !== undefined && release.ending?.remediedAt === undefined;

/** A tick in which nobody may be raised beside a breach that was stored before it. */
function watchedTick(worlds: readonly World[], modes: readonly GroupMode[]): void {
  const before = worlds.map((world) => ({ reach: reach(world), open: isOpen(world) }));
  tick(worlds, modes);
  for (const [index, world] of worlds.entries()) {
    const beside = before.some(({ open }, other) => open && other !== index);
    if (beside && world.state.release?.committed !== true)
      expect(reach(world), world.state.message).toBeLessThanOrEqual(before[index]?.reach ?? 0);
  }
}

interface Fault {
  who: number;
  at: number;
}

/** Whoever is faulty breaches and keeps its weight, all see its failures in both arms, and a person takes it off later. */
function play(
  worlds: readonly World[],
  modes: readonly GroupMode[],
  faults: readonly Fault[],
  lasts: number,
): Set<World> {
  const guilty = new Set<World>();
  for (let at = 0; at < 500; at++) {
    for (const { who } of faults.filter((one) => one.at === at)) guilty.add(worlds[who] as World);
    for (const { who } of faults.filter((one) => one.at + lasts === at)) worlds[who]?.act('abort');
    const out = faults.some((one) => at >= one.at && at < one.at + lasts);
    for (const world of worlds) world.verdict = guilty.has(world) ? worse : out ? outage : good;
    watchedTick(worlds, modes);
  }
  return guilty;
}

// kills: whatHolds, grantRung or join without a look at the group; a hold that outlives the breach
test('law: nobody is raised while another one is known to be bad, and all but the culprits are promoted', () => {
  const modes: GroupMode[] = ['Attribute', 'Attribute', 'Attribute'];
  const fault = fc.record({ who: fc.integer({ min: 0, max: 2 }), at: fc.integer({ min: 10, max: 90 }) });
  fc.assert(
    fc.property(fc.array(fault, { maxLength: 2 }), fc.integer({ min: 1, max: 30 }), (faults, lasts) => {
      const worlds = fleet(modes);
      for (const world of worlds) world.plan = { ...world.plan, onBreach: 'Pause' };
      const guilty = play(worlds, modes, faults, lasts);
      for (const world of worlds) {
        const blamed = world.state.release?.breach !== undefined;
        expect(blamed ? guilty.has(world) : promoted(world), world.state.message).toBe(true);
        expect(world.violations).toEqual([]);
      }
    }),
    { numRuns: 15, seed: 4 },
  );
});
