import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAuthor, stricter } from '#core/approval.ts';
import { podLadder } from '#core/capacity.ts';
import type { SeenAction } from '#core/seen.ts';
import type { Approval } from '#core/words.ts';
import { badDay, type Fault, releasing, type World } from './world.ts';

/** Steps that people must approve: who counts, for what, and that nothing is raised before. */

const one: Approval = { minimum: 1, groups: [], notAuthor: true };

/** A release whose second step asks for approval, and what runs in it. */
function asking(approval: Approval, more: { promotion?: Approval; digests?: string[]; author?: string } = {}) {
  const world = releasing();
  const { steps } = world.plan;
  const asked = steps.map((step, index) => (index === 1 ? { ...step, approval } : step));
  world.plan = { ...world.plan, steps: asked, ...(more.promotion === undefined ? {} : { promotion: more.promotion }) };
  const runs = { digests: more.digests ?? ['app=sha256:aa'] };
  const seen = world.seen.bind(world);
  world.seen = () => {
    const sight = seen();
    const { author } = more;
    return {
      ...sight,
      replicaSets: sight.replicaSets.map((set) => ({ ...set, digests: runs.digests })),
      ...(sight.release === undefined || author === undefined ? {} : { release: { ...sight.release, author } }),
    };
  };
  return { world, runs };
}

const waits = ({ state }: World) => state.phase === 'Paused' && state.reason === 'Approval';
const promoted = ({ state }: World) => state.stable === 'v2' && state.release === undefined;
const weightOf = (world: World) => world.routes[0]?.weight ?? 0;

/** What the command line would send now. */
function approve(world: World, by: string, more: Partial<SeenAction> = {}): void {
  const { release } = world.state;
  const about = { releaseUid: `uid-${release?.name}`, step: release?.step ?? 0, digests: ['app=sha256:aa'] };
  world.act('approve', { by, ...about, ...more });
}

describe('a step that asks for approval', () => {
  // kills: an approval that nobody waits for
  test('pauses after its gates, says who is missing, and goes on with the last word', () => {
    const { world } = asking({ minimum: 2, groups: ['sre'], notAuthor: true }, { author: 'ana' });
    world.runUntil(waits);
    expect([weightOf(world), world.state.message]).toEqual([
      20_000,
      'Approval after step 2 of 3: 0 of 2 approved; missing: 2 of sre, not ana, whose change it is',
    ]);
    approve(world, 'bob', { groups: ['sre', 'beer'] });
    world.run(30);
    expect(waits(world)).toBe(true);
    expect(world.state.message).toContain('1 of 2 approved (bob); missing: 1 of sre');
    expect(world.state.release?.approvals?.people).toMatchObject([{ by: 'bob', groups: ['sre'] }]);
    approve(world, 'cleo', { groups: ['sre'] });
    world.runUntil(promoted);
    expect(world.violations).toEqual([]);
  });

  test('asks before promotion as well, where that is wished', () => {
    const { world } = asking(one, { promotion: { ...one, groups: ['owners'] } });
    world.runUntil(waits);
    approve(world, 'bob');
    world.runUntil((w) => waits(w) && w.state.release?.step === 2);
    approve(world, 'bob');
    world.run(3);
    expect(world.state.actions[0]).toMatchObject({ message: 'bob is in none of the groups owners' });
    approve(world, 'cleo', { groups: ['owners'] });
    world.runUntil(promoted);
  });

  test('takes a word that comes before the hold is over', () => {
    const { world } = asking(one);
    world.runUntil(({ state }) => state.release?.step === 1 && state.release.stage === 'Holding');
    approve(world, 'bob');
    world.runUntil(({ state }) => state.release?.step === 2, 20);
    expect(world.timeline.join()).not.toContain('Approval');
  });

  // kills: a breach that waits behind people
  test('goes back at a breach, and asks again in the next attempt', () => {
    const { world } = asking({ ...one, minimum: 2 });
    world.runUntil(waits);
    approve(world, 'bob');
    world.run(1);
    world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
    world.run(2);
    expect(world.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached', release: { weight: 0 } });
    world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
    world.run(30);
    world.act('retry');
    world.runUntil(waits);
    expect(world.state.message).toContain('0 of 2 approved; missing: 2');
  });

  // kills: approvals of an attempt that was bad
  test('asks again after a resume that is a new attempt', () => {
    const { world } = asking({ ...one, minimum: 2 });
    world.plan = { ...world.plan, onBreach: 'Pause' };
    world.runUntil(waits);
    approve(world, 'bob');
    world.run(1);
    world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
    world.run(2);
    world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
    world.act('resume');
    world.runUntil(waits);
    expect(world.state.message).toContain('0 of 2 approved');
  });

  // kills: approvals that outlive the images they were given for
  test('asks again when other images run', () => {
    const { world, runs } = asking({ ...one, minimum: 2 });
    world.runUntil(waits);
    approve(world, 'bob');
    world.run(1);
    expect(world.state.message).toContain('1 of 2 approved (bob)');
    runs.digests = ['app=sha256:bb'];
    world.run(1);
    expect(world.state.message).toContain('0 of 2 approved');
    approve(world, 'bob', { digests: ['app=sha256:bb'] });
    approve(world, 'cleo', { digests: ['app=sha256:bb', 'app=sha256:cc'] });
    world.runUntil(promoted);
  });
});

// kills: in-cluster clients that meet what nobody approved
test('another image in the middle of the promotion asks again', () => {
  const { world, runs } = asking({ ...one, minimum: 1 }, { promotion: one });
  world.runUntil(waits);
  approve(world, 'bob');
  world.runUntil((w) => waits(w) && w.state.release?.step === 2);
  approve(world, 'bob');
  world.runUntil(({ state }) => (state.release?.joined ?? 0) > 0);
  const { joined } = world.state.release ?? {};
  runs.digests = ['app=sha256:bb'];
  world.run(40);
  expect([waits(world), world.state.release?.joined]).toEqual([true, joined]);
  approve(world, 'bob', { digests: runs.digests });
  world.runUntil(promoted);
});

test.each<{ name: string; because: string; more: Partial<SeenAction>; author?: string; says: string }>([
  {
    name: 'without what it is about',
    because: 'it could be meant for anything',
    more: { releaseUid: undefined as unknown as string },
    says: 'an approval must name releaseUid and step: it is for what was shown, and for nothing else',
  },
  {
    name: 'without a step',
    because: 'it could be meant for the next one',
    more: { step: undefined as unknown as number },
    says: 'an approval must name releaseUid and step: it is for what was shown, and for nothing else',
  },
  {
    name: 'for another release',
    because: 'it was shown something else',
    more: { releaseUid: 'uid-shop-9' },
    says: 'it names another release than the one under way',
  },
  {
    name: 'for another step',
    because: 'it comes late',
    more: { step: 0 },
    says: 'it was meant for step 1, the release stands on step 2',
  },
  {
    name: 'of the author',
    because: 'four eyes',
    more: { by: 'oidc:ana@shop.example' },
    author: 'Ana <ana@shop.example>',
    says: 'the change is of Ana <ana@shop.example>: somebody else must approve it',
  },
  {
    name: 'of nobody in the group',
    because: 'the API server has proved no such group',
    more: { groups: ['dev'] },
    says: 'bob is in none of the groups sre',
  },
  {
    name: 'of images that do not run',
    because: 'a tag was moved',
    more: { groups: ['sre'], digests: ['app=sha256:00'] },
    says: 'the canary runs images that were not shown to you: app=sha256:aa',
  },
])('an approval $name is refused: $because', ({ more, author, says, because }) => {
  const asked = { minimum: 1, groups: author === undefined ? ['sre'] : [], notAuthor: true };
  const { world } = asking(asked, author === undefined ? {} : { author });
  world.runUntil(waits);
  const about = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined));
  approve(world, 'bob', about);
  for (const left of ['releaseUid', 'step'] as const)
    if (left in more && more[left] === undefined) delete world.actions.at(-1)?.[left];
  world.run(3);
  expect(world.state.actions[0], because).toMatchObject({ result: 'Refused', message: says });
  expect(waits(world)).toBe(true);
});

test.each([
  { verb: 'promote' as const, says: 'this pause waits for people: approve goes on' },
  { verb: 'skip-step' as const, says: 'this pause waits for people: approve goes on' },
  { verb: 'resume' as const, says: 'this pause waits for people: approve goes on' },
])('$verb is no way around an approval', ({ verb, says }) => {
  const { world } = asking(one);
  // A word that was given before the pause replaces evidence, not people.
  world.runUntil(({ state }) => state.release?.step === 1 && state.release.stage === 'Holding');
  if (verb !== 'resume') world.act(verb);
  world.runUntil(waits);
  world.act(verb);
  world.run(5);
  expect(world.state.actions[0]).toMatchObject({ result: 'Refused', message: says });
  expect([waits(world), weightOf(world)]).toEqual([true, 20_000]);
});

test('the same word twice counts once, and an approval that nobody asked for is refused', () => {
  const { world } = asking({ ...one, minimum: 2 });
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  approve(world, 'bob');
  world.run(1);
  expect(world.state.actions[0]?.message).toBe('nothing asks for an approval here');
  world.runUntil(waits);
  approve(world, 'bob');
  approve(world, 'bob');
  world.run(3);
  expect(world.state.actions[0]?.message).toBe('bob has approved already');
  expect(world.state.message).toContain('1 of 2 approved (bob)');
});

// kills: an image that only one of them was shown, approved by all
test('what counts as shown is what everybody was shown', () => {
  const { world, runs } = asking({ ...one, minimum: 3 });
  world.runUntil(waits);
  approve(world, 'bob', { digests: ['app=sha256:aa', 'app=sha256:bb'] });
  world.run(1);
  approve(world, 'cleo', { digests: ['app=sha256:aa', 'app=sha256:cc'] });
  world.run(1);
  expect(world.state.release?.approvals?.digests).toEqual(['app=sha256:aa']);
  runs.digests = ['app=sha256:bb'];
  world.run(2);
  expect(world.state.message).toContain('0 of 3 approved');
});

const fault = fc.constantFrom(...badDay);
const word = fc.record({
  at: fc.integer({ min: 0, max: 90 }),
  by: fc.constantFrom('ana', 'bob', 'cleo', 'dan'),
  groups: fc.constantFrom<string[]>([], ['sre']),
  late: fc.boolean(),
});

interface Word {
  at: number;
  by: string;
  groups: string[];
  late: boolean;
}

/** Says it, and whether it counts: at the step that asks, of the group, and not the author's. */
function say(world: World, { by, groups, late }: Word): boolean {
  const { release } = world.state;
  // One that is late is of the step before, whatever stands now.
  approve(world, by, late ? { groups, step: 0 } : { groups });
  const stands = release?.step === 1 && release.stage === 'Holding';
  return stands && !late && groups.includes('sre') && by !== 'ana';
}

/** The people who are missing speak, and all of it comes to its end. */
function finish(world: World): void {
  for (const by of ['bob', 'cleo']) {
    world.runUntil((w) => waits(w) || promoted(w));
    if (!promoted(world)) approve(world, by, { groups: ['sre'] });
    world.run(3);
  }
  world.runUntil(promoted);
  expect(world.violations).toEqual([]);
}

// kills: a step left with people missing; the author counted; groups not asked; the same person twice; promote past it
test('law: no raise past a step that people have not approved, whatever is lost', () => {
  const play = (words: Word[], faults: Fault[]) => {
    const { world } = asking({ minimum: 2, groups: ['sre'], notAuthor: true }, { author: 'ana' });
    const said = new Set<string>();
    for (let at = 0; at < 120; at++) {
      const now = words.filter((word) => word.at === at);
      for (const word of now) if (say(world, word)) said.add(word.by);
      if (now.some(({ by }) => by === 'dan')) world.act('promote');
      world.tick(faults[at]);
      expect(said.size >= 2 || weightOf(world) <= 20_000, `tick ${at}: ${weightOf(world)}`).toBe(true);
    }
    finish(world);
  };
  const lists = [fc.array(word, { maxLength: 25 }), fc.array(fault, { maxLength: 120 })] as const;
  fc.assert(fc.property(...lists, play), { numRuns: 150, seed: 7 });
});

test.each([
  { by: 'ana', author: 'ana', same: true },
  { by: 'oidc:Ana@shop.example', author: 'Ana B <ana@shop.example>', same: true },
  { by: 'https://login.example#ana', author: 'ana', same: true },
  { by: 'anabel', author: 'ana', same: false },
  { by: 'bob', author: '', same: false },
])('$by is the author $author: $same', ({ by, author, same }) => {
  expect(isAuthor(by, author)).toBe(same);
});

// kills: steps that become one, and lose who must approve
test('steps that are one by pods ask for what either asked for', () => {
  const both = stricter(
    { minimum: 1, groups: ['a', 'b'], notAuthor: false },
    { minimum: 2, groups: ['b'], notAuthor: true },
  );
  expect(both).toEqual({ minimum: 2, groups: ['b'], notAuthor: true });
  const steps = [
    { weight: 1000, holdMs: 1, approval: one },
    { weight: 2000, holdMs: 1 },
  ];
  expect(podLadder({ steps }, 3).steps).toMatchObject([{ approval: one }]);
});
