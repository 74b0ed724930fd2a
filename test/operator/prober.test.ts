import { expect, test } from 'vitest';
import type { ProbeSuite } from '#core/probe.ts';
import { CONCURRENCY, createProber, type ProbeWish, RETRY_MS } from '#operator/prober.ts';
import type { Log } from '#ports/log.ts';
import type { ProbeCall, ProbeResult } from '#probes/define.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';
import { createVirtualClock, settle } from '#test/support/virtual-clock.ts';

const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silent,
};
const suite: ProbeSuite = {
  name: 'smoke',
  everyMs: 10_000,
  retries: 0,
  requests: ['home', 'pay'].map((name) => ({
    name,
    method: 'GET',
    path: `/${name}`,
    headers: {},
    timeoutMs: 1000,
    expectStatus: [200],
  })),
};
const pod = (name: string, ip = `10.0.0.${name.slice(1)}`) => ({ pod: name, ip, port: 80 });
const KEY = 'shop/checkout';

/** Pods whose answers a test sets: `bad` lists `<pod>` or `<pod>/<request>`; `slow` ones answer when told to. */
function createWorld() {
  const clock = createVirtualClock();
  const telemetry = recordTelemetry();
  const bad = new Set<string>();
  const slow = new Map<string, () => void>();
  const calls: ProbeCall[] = [];
  const notes: string[] = [];
  let held = false;
  const prober = createProber({
    clock,
    random: () => 0.5,
    log: silent,
    telemetry,
    onReading: (key) => notes.push(`${key} ${prober.reading(key).result}`),
    async run(call): Promise<ProbeResult> {
      calls.push(call);
      const id = `${call.target.pod}/${call.request.name}`;
      if (held) await new Promise<void>((resolve) => slow.set(`${id}#${calls.length}`, resolve));
      const ok = !bad.has(call.target.pod) && !bad.has(id);
      return { ok, latencyMs: 1, reason: ok ? 'ok' : 'status 500, expected 200' };
    },
  });
  const wish = (more: Partial<ProbeWish> = {}): void =>
    prober.watch(KEY, {
      epoch: '1/0',
      release: 'checkout-7',
      suites: [suite],
      canary: [pod('c1'), pod('c2')],
      stable: [pod('s8'), pod('s9')],
      at: 'BeforeTraffic',
      ...more,
    });
  return {
    clock,
    telemetry,
    bad,
    calls,
    notes,
    wish,
    prober,
    result: () => prober.reading(KEY).result,
    passed: () => [...prober.passedPods(KEY)].toSorted(),
    asked: () => calls.map(({ target, request }) => `${target.pod}/${request.name}`),
    hold: () => {
      held = true;
    },
    async release() {
      held = false;
      for (const answer of slow.values()) answer();
      slow.clear();
      await settle();
    },
    slow,
  };
}

// kills: Passed before the last pod has answered
test('runs until every canary pod has passed every request once, and leaves stable alone meanwhile', async () => {
  const world = createWorld();
  expect(world.result()).toBe('None');
  world.wish();
  expect(world.result()).toBe('Running');
  await settle();
  expect(world.result()).toBe('Passed');
  expect(world.passed()).toEqual(['c1', 'c2']);
  expect(world.asked().toSorted()).toEqual(['c1/home', 'c1/pay', 'c2/home', 'c2/pay']);
  expect(world.notes.at(-1)).toBe('shop/checkout Passed');
  expect(world.calls[0]).toMatchObject({
    release: 'checkout-7',
    allowed: ['10.0.0.1', '10.0.0.2', '10.0.0.8', '10.0.0.9'],
  });
});

test('asking again changes nothing, and repeats come at their interval', async () => {
  const world = createWorld();
  world.wish();
  world.wish();
  await settle();
  world.wish();
  await settle();
  expect(world.calls.length).toBe(4);
  await world.clock.advance(9_999);
  expect(world.calls.length).toBe(4);
  await world.clock.advance(1);
  expect(world.calls.length).toBe(8);
  expect(world.notes, 'the same reading again is no news').toHaveLength(2);
});

// kills: blaming by the canary's answer alone
test('blames the canary only where stable passes the same request', async () => {
  const world = createWorld();
  world.bad.add('c2/pay').add('s8/home');
  world.wish();
  await settle();
  expect(world.result()).toBe('CanaryFailed');
  expect(world.asked()).toContain('s8/pay');
  expect(world.passed(), 'the pod that failed may not serve').toEqual(['c1']);
});

test('blames nobody when stable fails too, and recovers by itself', async () => {
  const world = createWorld();
  for (const id of ['c1', 'c2', 's8', 's9']) world.bad.add(id);
  world.wish();
  await settle();
  expect(world.result()).toBe('BothFailed');
  world.bad.clear();
  await world.clock.advance(10_000);
  expect(world.result()).toBe('Passed');
});

test('takes stable pods in turn', async () => {
  const world = createWorld();
  world.bad.add('c1').add('c2');
  world.wish();
  await settle();
  const control = world.asked().filter((id) => id.startsWith('s'));
  expect(control.map((id) => id.slice(0, 2)).toSorted()).toEqual(['s8', 's8', 's9', 's9']);
});

// kills: control kept from an earlier round
test('never judges a new failure by an old control', async () => {
  const world = createWorld();
  world.wish();
  await settle();
  for (const id of ['c1', 'c2', 's8', 's9']) world.bad.add(id);
  await world.clock.advance(10_000);
  expect(world.notes).not.toContain('shop/checkout CanaryFailed');
  expect(world.result()).toBe('BothFailed');
});

// kills: retries ignored, one retry too few
test('a failure counts only after its retries', async () => {
  const world = createWorld();
  world.bad.add('c1/home');
  world.wish({ suites: [{ ...suite, retries: 2 }], canary: [pod('c1')] });
  await world.clock.advance(RETRY_MS);
  expect(world.result()).toBe('Running');
  expect(world.asked()).toEqual(['c1/home', 'c1/home']);
  world.bad.clear();
  await world.clock.advance(RETRY_MS);
  expect(world.result()).toBe('Passed');
  expect(world.telemetry.total('headgate_probe_runs_total', { result: 'fail' })).toBe(2);
  expect(world.telemetry.total('headgate_probe_runs_total', { result: 'pass' })).toBe(2);
});

// kills: cells that outlive their epoch
test('a new step begins anew, and pods that passed in this release stay passed', async () => {
  const world = createWorld();
  world.wish();
  await settle();
  world.hold();
  world.wish({ epoch: '1/1', at: 'Steps' });
  expect(world.result()).toBe('Running');
  expect(world.passed()).toEqual(['c1', 'c2']);
  await world.release();
  expect(world.result()).toBe('Passed');
  expect(world.calls.length).toBe(8);
});

test('an answer from an earlier epoch does not count', async () => {
  const world = createWorld();
  world.hold();
  world.wish({ canary: [pod('c1')] });
  await settle();
  world.wish({ canary: [pod('c1')], epoch: '1/1' });
  await settle();
  const [first] = world.slow.values();
  first?.();
  await settle();
  expect(world.prober.reading(KEY)).toMatchObject({ result: 'Running', message: '0 of 2 probe requests passed' });
});

test('another release trusts no pod', async () => {
  const world = createWorld();
  world.wish();
  await settle();
  world.hold();
  world.wish({ release: 'checkout-8' });
  expect(world.passed()).toEqual([]);
});

// kills: a step that is over when its quickest pod has passed, in the first epoch and in later ones
test('a step waits for its slowest pod', async () => {
  const world = createWorld();
  world.wish({ at: 'Steps' });
  await settle();
  for (const epoch of ['1/1', '1/2']) {
    world.hold();
    world.wish({ at: 'Steps', epoch });
    for (const request of ['home', 'pay']) {
      await settle();
      [...world.slow].find(([id]) => id.startsWith(`c1/${request}`))?.[1]();
    }
    await settle();
    expect(world.prober.reading(KEY).message).toBe('2 of 4 probe requests passed');
    await world.release();
    expect(world.result()).toBe('Passed');
  }
});

// kills: a joining pod that counts as passed, or that stops a step that is under way
test.each([
  { at: 'BeforeTraffic', because: 'before traffic every pod must pass', want: 'Running' },
  { at: 'Steps', because: 'the step goes on; the pod meets nobody until it has passed', want: 'Passed' },
] as const)('a pod that joins, $at: $want', async ({ at, want, because }) => {
  const world = createWorld();
  world.wish({ at });
  await settle();
  world.hold();
  world.wish({ at, canary: [pod('c1'), pod('c2'), pod('c3')] });
  expect(world.result(), because).toBe(want);
  expect(world.passed()).toEqual(['c1', 'c2']);
  await world.release();
  expect(world.result()).toBe('Passed');
  expect(world.passed()).toEqual(['c1', 'c2', 'c3']);
});

test('a pod that joins and fails is found out during a step', async () => {
  const world = createWorld();
  world.wish({ at: 'Steps' });
  await settle();
  world.bad.add('c3/home');
  world.wish({ at: 'Steps', canary: [pod('c1'), pod('c2'), pod('c3')] });
  await settle();
  expect(world.result()).toBe('CanaryFailed');
  expect(world.passed()).toEqual(['c1', 'c2']);
});

test('a pod that leaves while it is asked is not to blame', async () => {
  const world = createWorld();
  world.hold();
  world.bad.add('c2');
  world.wish();
  await settle();
  world.wish({ canary: [pod('c1')] });
  await world.release();
  expect(world.result()).toBe('Passed');
  expect(world.notes).not.toContain('shop/checkout CanaryFailed');
});

test('the same name at another address is another pod', async () => {
  const world = createWorld();
  world.wish();
  await settle();
  world.hold();
  world.wish({ canary: [pod('c1'), pod('c2', '10.0.0.77')] });
  expect(world.result()).toBe('Running');
  expect(world.passed()).toEqual(['c1']);
});

test('without ready pods it waits', () => {
  const world = createWorld();
  world.wish({ canary: [] });
  expect(world.prober.reading(KEY)).toMatchObject({
    result: 'Running',
    message: 'no canary pod is ready to be probed',
  });
});

test('off and unwatched leave no timer behind', async () => {
  const world = createWorld();
  world.wish();
  await settle();
  world.wish({ at: 'Off' });
  await settle();
  expect(world.clock.pending).toBe(0);
  expect(world.result()).toBe('None');
  world.wish();
  await settle();
  world.prober.unwatch(KEY);
  await settle();
  expect(world.clock.pending).toBe(0);
  expect(world.result()).toBe('None');
  expect(world.passed()).toEqual([]);
});

// kills: a limit per rollout, or none
test('never more requests under way than the limit, and all get their turn', async () => {
  const world = createWorld();
  world.hold();
  const many = Array.from({ length: CONCURRENCY + 9 }, (_, i) => pod(`c${i}`));
  world.wish({ canary: many });
  await settle();
  expect(world.calls.length).toBe(CONCURRENCY);
  await world.release();
  expect(world.result()).toBe('Passed');
});

test('a probe that breaks its contract blames nobody', async () => {
  const clock = createVirtualClock();
  const prober = createProber({
    clock,
    random: () => 0.5,
    log: silent,
    telemetry: recordTelemetry(),
    onReading: () => undefined,
    run: () => Promise.reject(new TypeError('broken')),
  });
  prober.watch(KEY, {
    epoch: '1/0',
    release: 'r',
    suites: [suite],
    canary: [pod('c1')],
    stable: [pod('s8')],
    at: 'BeforeTraffic',
  });
  await settle();
  expect(prober.reading(KEY).result).toBe('BothFailed');
});
