import { expect, test } from 'vitest';
import type { SeenRoute } from '#core/seen.ts';
import { contextsOf } from '#operator/contexts.ts';
import { releasing } from '../core/world.ts';

const at = { budget: { targetSpend: 0.001, maxSpend: 0.01 }, tickMs: 1000, scrapeMs: 1000, settleMs: 2000 };

interface Row {
  name: string;
  because: string;
  routes: Partial<SeenRoute>[];
  want: number;
}

test.each<Row>([
  {
    name: 'as granted',
    because: 'the route carries what the record says',
    routes: [{ weight: 5000 }],
    want: 5000,
  },
  {
    name: 'taken back by hand',
    because: 'kills: a canary called dark because somebody else sends it nothing',
    routes: [{ weight: 0 }],
    want: 0,
  },
  {
    name: 'taken back on one of two routes',
    because: 'how much is due on the canary cannot be told',
    routes: [{ weight: 5000 }, { weight: 0 }],
    want: 0,
  },
  {
    name: 'set higher by hand',
    because: 'it is being lowered, and more than granted is never counted on',
    routes: [{ weight: 50_000 }],
    want: 5000,
  },
  {
    name: 'rules that disagree',
    because: 'only the least is sure',
    routes: [{ spread: { least: 1000, most: 50_000 } }],
    want: 1000,
  },
  {
    name: 'a route that is gone',
    because: 'it sends nothing',
    routes: [{ exists: false, weight: 5000 }],
    want: 0,
  },
])('the weight that gates count on: $name', ({ routes, want, because }) => {
  const world = releasing();
  world.runUntil((w) => w.state.release?.stage === 'Holding');
  const { release } = world.state;
  if (release === undefined) throw new Error('no release');
  const [seen] = world.seen().routes;
  if (seen === undefined) throw new Error('no route');
  const { weight: _, ...blank } = seen;
  const given = routes.map((route) => ({ ...blank, ...route }));
  const contexts = contextsOf(release, world.plan, { ...at, routes: given });
  expect(
    contexts.map(({ weight }) => weight),
    because,
  ).toEqual([want]);
  // kills: users' requests taken for probes' where one of two routes was taken back
  const sends = want === 0 && given.some(({ exists, weight = 0 }) => exists && weight > 0);
  expect(contexts.map(({ exposed = false }) => exposed)).toEqual([sends]);
});

test.each([
  { routes: [{}], want: undefined, because: 'each request is dealt out anew' },
  { routes: [{}, { sticky: true as const }], want: true, because: 'one route is enough to bend the share' },
])('sticky sessions: $because', ({ routes, want }) => {
  const world = releasing();
  world.runUntil((w) => w.state.release?.stage === 'Holding');
  const [seen] = world.seen().routes;
  const given = routes.map((route) => ({ ...(seen ?? fail()), ...route }));
  const [context] = contextsOf(world.state.release ?? fail(), world.plan, { ...at, routes: given });
  expect(context?.sticky).toBe(want);
});

test.each([
  { name: 'at once', later: {}, want: 1000, because: 'nothing else is known' },
  { name: 'by the next operator', later: { acceptedAt: 6000 }, want: 6000, because: 'the route said so late' },
  { name: 'pod by pod', later: { acceptedAt: 500, joinedAt: 7000 }, want: 7000, because: 'the last pod joined late' },
])('a raise that took hold $name', ({ later, want, because }) => {
  // kills: a canary called dark for what was due between the record of a raise and its write by the next operator.
  const world = releasing();
  world.runUntil((w) => w.state.release?.stage === 'Holding');
  const { acceptedAt: _, ...release } = world.state.release ?? fail();
  const [context] = contextsOf({ ...release, raisedAt: 1000, ...later }, world.plan, at);
  expect(context?.raisedAt, because).toBe(want);
});

test('a resume after a breach begins an attempt, and gates are told when', () => {
  // kills: an attempt that counts what was asked in the one before it
  const world = releasing();
  world.plan = { ...world.plan, onBreach: 'Pause' };
  world.runUntil((w) => w.state.release?.stage === 'Holding');
  const begun = () => contextsOf(world.state.release ?? fail(), world.plan, at).map(({ begunAt }) => begunAt);
  expect(begun()).toEqual([undefined]);
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.runUntil(({ state }) => state.reason === 'GateBreached');
  world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
  world.act('resume');
  world.tick();
  expect(world.state.release).toMatchObject({ attempt: 2 });
  expect(begun()).toEqual([world.now]);
  // A pause by hand is no breach: what was seen before it stays.
  world.act('pause');
  world.tick();
  world.act('resume');
  const then = begun();
  world.tick();
  expect(begun()).toEqual(then);
});

test('leaving the last step asks for the whole tolerated excess, and the bake is a stay with traffic', () => {
  const world = releasing();
  world.plan = { ...world.plan, bake: { forMs: 9000, control: 5000 } };
  world.runUntil((w) => w.state.release?.stage === 'Holding' && w.state.release.step === 2);
  const contextNow = () => contextsOf(world.state.release ?? fail(), world.plan, at)[0];
  // kills: a bake that is taken for a next step, whose weight asks for less than its promotion will
  expect(contextNow()).toMatchObject({ weight: 50_000, arrived: true });
  expect(contextNow()?.nextWeight).toBeUndefined();
  const last = contextNow();
  world.runUntil((w) => w.state.release?.stage === 'Baking');
  expect(contextNow()).toMatchObject({ weight: 95_000, arrived: true, epoch: last?.epoch });
  expect(contextNow()?.stepEpoch).not.toBe(last?.stepEpoch);
});

function fail(): never {
  throw new Error('no release');
}

test.each([
  { name: 'copies', because: 'no user sees an answer', reach: { mirror: 100_000 }, carries: 0, want: [true, true] },
  { name: 'matched users', because: 'they do', reach: { headers: [] }, carries: 0, want: [true, undefined] },
  {
    name: 'copies, where a route sends more',
    because: 'the rest are users',
    reach: { mirror: 1000 },
    carries: 500,
    want: [true, undefined],
  },
])('what meets the canary at weight 0: $name: $because', ({ reach, carries, want }) => {
  const world = releasing();
  world.runUntil((w) => w.state.release?.stage === 'Holding');
  const [seen] = world.seen().routes;
  const release = { ...(world.state.release ?? fail()), weight: 0, reach };
  const [context] = contextsOf(release, world.plan, { ...at, routes: [{ ...(seen ?? fail()), weight: carries }] });
  expect([context?.exposed, context?.copied]).toEqual(want);
});
