import { expect, test } from 'vitest';
import type { ProbeSuite } from '#core/probe.ts';
import { createSampler, type SampleWish } from '#operator/probe-sampler.ts';
import type { Log } from '#ports/log.ts';
import type { ProbeResult } from '#probes/define.ts';
import { createVirtualClock, settle } from '#test/support/virtual-clock.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const request = (name: string) => ({
  ...{ name, method: 'GET', path: `/${name}`, headers: {}, timeoutMs: 1000, expectStatus: [200] },
});
const suite: ProbeSuite = { name: 'prompts', everyMs: 10_000, retries: 3, requests: ['greet', 'pay'].map(request) };
const pod = (name: string) => ({ pod: name, ip: `10.0.0.${name.slice(1)}`, port: 80 });
const KEY = 'shop/checkout';

function createWorld() {
  const clock = createVirtualClock({ wall: 1_000_000 });
  const calls: string[] = [];
  const bad = new Set<string>();
  const waiting: (() => void)[] = [];
  let held = false;
  const sampler = createSampler({
    clock,
    random: () => 0.5,
    log: silent,
    async ask({ request: { name }, target, allowed }): Promise<ProbeResult> {
      expect(allowed).toContain(target.ip);
      calls.push(`${target.pod}/${name}`);
      if (held) await new Promise<void>((resolve) => waiting.push(resolve));
      const ok = !bad.has(target.pod) && !bad.has(`${target.pod}/${name}`);
      return { ok, latencyMs: 1, reason: ok ? 'ok' : 'status 500, expected 200' };
    },
  });
  const wish = (more: Partial<SampleWish> = {}, samples = 1): void =>
    sampler.watch(KEY, {
      ...{ attempt: 'r-1/1', epoch: 'r-1/1/step0/1', release: 'r-1' },
      sampled: [{ gate: 'answers', suite, samples }],
      canary: [pod('c1'), pod('c2')],
      stable: [pod('s8'), pod('s9')],
      ...more,
    });
  const known = (from = 0) => sampler.outcomes(KEY, 'answers', from);
  return {
    ...{ clock, calls, bad, sampler, wish, known },
    hold: () => {
      held = true;
    },
    async answer() {
      held = false;
      for (const go of waiting.splice(0)) go();
      await settle();
    },
  };
}

test('each check goes to a pod of both arms at the same moment, once, and pods take turns', async () => {
  // kills: a retry, a control that is asked only after a failure, one pod asked for all.
  const world = createWorld();
  world.bad.add('c1/greet');
  world.hold();
  world.wish();
  expect(world.calls).toEqual(['c1/greet', 's8/greet']);
  await world.answer();
  expect(world.calls).toEqual(['c1/greet', 's8/greet', 'c2/pay', 's9/pay']);
  const wrong = { canary: { total: 1, bad: 1 }, stable: { total: 1, bad: 0 } };
  const right = { canary: { total: 1, bad: 0 }, stable: { total: 1, bad: 0 } };
  const stay = { at: 1_000_000, epoch: 'r-1/1', stepEpoch: 'r-1/1/step0/1' };
  expect(world.known()).toEqual([
    { ...stay, check: 'greet', ...wrong, fault: 'check greet on pod c1: status 500, expected 200' },
    { ...stay, check: 'pay', ...right },
  ]);
  world.wish();
  await world.clock.advance(9_999);
  expect(world.calls).toHaveLength(4);
  await world.clock.advance(1);
  expect(world.calls.slice(4)).toEqual(['c1/greet', 's8/greet', 'c2/pay', 's9/pay']);
  expect(world.known(1_000_001)).toHaveLength(2);
});

test('the samples of one check in one round are one outcome', async () => {
  const world = createWorld();
  world.bad.add('c2');
  world.wish({}, 4);
  await settle();
  expect(world.calls.filter((call) => call.endsWith('greet'))).toHaveLength(8);
  expect(world.known()[0]).toMatchObject({
    check: 'greet',
    canary: { total: 4, bad: 2 },
    stable: { total: 4, bad: 0 },
  });
});

test('before a canary pod may be asked stable is asked alone', async () => {
  const world = createWorld();
  world.wish({ canary: [] });
  await settle();
  expect(world.calls).toEqual(['s8/greet', 's9/pay']);
  expect(world.known()[0]).toMatchObject({ canary: { total: 0, bad: 0 }, stable: { total: 1, bad: 0 } });
});

test.each([
  { name: 'the pod has left', change: { canary: [pod('c2')] }, want: { total: 0, bad: 0 } },
  { name: 'another step has begun', change: { epoch: 'r-1/1/step1/2' }, want: { total: 1, bad: 1 } },
])('$name while it was asked', async ({ change, want }) => {
  // kills: a pod that was taken away blamed for it, an answer credited to a stay that did not ask.
  const world = createWorld();
  world.bad.add('c1');
  world.hold();
  world.wish();
  world.wish(change);
  await world.answer();
  expect(world.known()[0]).toMatchObject({ canary: want, stepEpoch: 'r-1/1/step0/1' });
});

test('another release begins with nothing, and nobody watched is asked nothing', async () => {
  const world = createWorld();
  world.wish();
  await settle();
  world.hold();
  world.wish({ release: 'r-2', attempt: 'r-2/1', epoch: 'r-2/1/step0/1' });
  expect(world.known()).toEqual([]);
  world.sampler.unwatch(KEY);
  await world.answer();
  await world.clock.advance(60_000);
  expect(world.calls).toHaveLength(6);
  expect(world.known()).toEqual([]);
  expect(world.clock.pending).toBe(0);
});

test('what is kept is bounded in time', async () => {
  const world = createWorld();
  world.wish();
  await world.clock.advance(1_200_000);
  expect(world.known().length).toBeLessThanOrEqual(2 * 61);
});
