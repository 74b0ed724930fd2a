import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OperatorError } from '#lib/errors.ts';
import { sleep } from '#ports/clock.ts';
import { silentLog } from '#runtime/json-log.ts';
import { createElector, type Elector } from '#runtime/leader.ts';
import { createMemoryApi, type MemoryApi } from '#test/support/memory-api.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';
import { createVirtualClock, seededRandom, type VirtualClock } from '#test/support/virtual-clock.ts';

const resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true };
const lease = { resource, namespace: 'headgate', name: 'operator' };

interface Candidate {
  elector: Elector;
  clock: VirtualClock;
  story: string[];
  stop: AbortController;
}

/** Each candidate has its own clock: a process that is stopped sees time jump when it wakes. */
function candidate(name: string, api: MemoryApi, { start = 0, wall = 1_700_000_000_000, seed = 1 } = {}): Candidate {
  const clock = createVirtualClock({ start, wall });
  const story: string[] = [];
  const stop = new AbortController();
  const elector = createElector({
    api,
    lease,
    identity: name,
    clock,
    random: seededRandom(seed),
    log: silentLog,
    telemetry: recordTelemetry(),
    onStarted: (epoch) => story.push(`started ${epoch}`),
    onLost: () => story.push('lost'),
  });
  elector.run(stop.signal).catch((error: unknown) => story.push(String(error)));
  return { elector, clock, story, stop };
}

const spec = (api: MemoryApi) => api.objects().get('leases/headgate/operator')?.['spec'] as Record<string, unknown>;

test('the first creates the Lease, with times as the API server wants them', async () => {
  const api = createMemoryApi();
  const { elector, clock } = candidate('a', api);
  await clock.advance(0);
  expect(elector.isLeader()).toBe(true);
  expect(elector.epoch()).toBe(0);
  expect(spec(api)).toMatchObject({ holderIdentity: elector.identity, leaseDurationSeconds: 15, leaseTransitions: 0 });
  expect(spec(api)['renewTime']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test('the second waits until it has seen no change for a lease, then the epoch grows', async () => {
  const api = createMemoryApi();
  const a = candidate('a', api);
  await a.clock.advance(0);
  const b = candidate('b', api, { seed: 2 });
  await b.clock.advance(14_000);
  expect(b.elector.isLeader()).toBe(false);
  await b.clock.advance(5000);
  expect([b.elector.isLeader(), b.elector.epoch()]).toEqual([true, 1]);
});

test('a wall clock hours off neither takes nor loses the Lease', async () => {
  // kills: expiry judged by renewTime against the own wall clock
  const api = createMemoryApi();
  const a = candidate('a', api);
  await a.clock.advance(0);
  const b = candidate('b', api, { wall: 1_700_000_000_000 + 7_200_000, seed: 2 });
  for (let second = 0; second < 60; second += 2) {
    a.clock.jumpWall(second % 4 === 0 ? 3_600_000 : -3_600_000);
    await a.clock.advance(2000);
    await b.clock.advance(2000);
    expect([a.elector.isLeader(), b.elector.isLeader()]).toEqual([true, false]);
  }
});

test('a leader that slept through its lease is none, before any timer has fired', async () => {
  // kills: isLeader as a flag that a timer clears
  const api = createMemoryApi();
  const { elector, clock, story } = candidate('a', api);
  await clock.advance(0);
  const calls: string[] = [];
  api.before = (call) => void calls.push(call);
  clock.freeze(10_001);
  expect(elector.isLeader()).toBe(false);
  expect(elector.epoch()).toBeUndefined();
  await clock.advance(60_000);
  expect(elector.isLeader(), 'and stays none').toBe(false);
  expect(story).toEqual(['started 0', 'lost']);
  expect(calls, 'and leaves the Lease to the others').toEqual([]);
});

test('a leader that slept and was not asked finds out before it renews', async () => {
  // kills: renewing on waking, which would keep the Lease from the others for another term
  const api = createMemoryApi();
  const { elector, clock } = candidate('a', api);
  await clock.advance(0);
  const renewed = spec(api)['renewTime'];
  clock.freeze(10_001);
  await clock.advance(5000);
  expect(spec(api)['renewTime']).toBe(renewed);
  expect(elector.isLeader()).toBe(false);
});

test('a renewal counts from when it was sent', async () => {
  // kills: renewedAt taken when the answer arrives
  const api = createMemoryApi();
  const { elector, clock } = candidate('a', api);
  await clock.advance(0);
  api.after = (call) => (call === 'replace' ? sleep(clock, 4000) : undefined);
  // Sent at 2 s, answered at 6 s: good until 12 s.
  await clock.advance(6000);
  api.before = () => sleep(clock, 1e9);
  await clock.advance(6000);
  expect(elector.isLeader()).toBe(true);
  await clock.advance(1);
  expect(elector.isLeader()).toBe(false);
});

test('an answer that comes after the limit starts no term', async () => {
  // kills: accept without looking at sentAt
  const api = createMemoryApi();
  const clock = createVirtualClock();
  let frozen = false;
  api.after = (call) => {
    if (call === 'create' && !frozen) {
      frozen = true;
      held.clock.freeze(20_000);
    }
  };
  const held = candidate('a', api);
  await clock.advance(0);
  expect(held.elector.isLeader()).toBe(false);
  await held.clock.advance(3000);
  expect(held.elector.isLeader(), 'the next renewal starts it').toBe(true);
});

test('an API server that is gone ends the term at the limit, once', async () => {
  const api = createMemoryApi();
  const { elector, clock, story } = candidate('a', api);
  await clock.advance(0);
  api.before = () => Promise.reject(new OperatorError('KUBE_UNAVAILABLE', 'down'));
  await clock.advance(10_000);
  expect(elector.isLeader()).toBe(true);
  await clock.advance(1000);
  expect(story).toEqual(['started 0', 'lost']);
});

test('a write that happened though its answer was lost ends in one term', async () => {
  const api = createMemoryApi();
  let lose = true;
  api.after = (call) => {
    if (call !== 'create' || !lose) return;
    lose = false;
    throw new OperatorError('KUBE_UNAVAILABLE', 'reset after the write');
  };
  const { clock, story } = candidate('a', api);
  await clock.advance(5000);
  expect(story).toEqual(['started 0']);
});

test('release lets the next one in at once', async () => {
  const api = createMemoryApi();
  const a = candidate('a', api);
  await a.clock.advance(0);
  const b = candidate('b', api, { seed: 2 });
  await b.clock.advance(3000);
  const released = a.elector.release();
  expect(a.elector.isLeader(), 'we stop to lead before we say so').toBe(false);
  await released;
  expect(spec(api)['holderIdentity']).toBe('');
  await b.clock.advance(2500);
  expect([b.elector.isLeader(), b.elector.epoch()]).toEqual([true, 1]);
  expect(a.story, 'letting go is not losing').toEqual(['started 0']);
});

test('somebody else in the Lease ends the term', async () => {
  const api = createMemoryApi();
  const { clock, story } = candidate('a', api);
  await clock.advance(0);
  const current = await api.get(lease);
  await api.replace(resource, { ...current, spec: { ...(current['spec'] as object), holderIdentity: 'thief' } });
  await clock.advance(4000);
  expect(story).toEqual(['started 0', 'lost']);
});

interface Beat {
  ms: number;
  /** Which of the two is stopped meanwhile, if any. */
  stopped: 'none' | 'a' | 'b';
  fault: 'none' | 'before' | 'after';
  wallJump: number;
}

const beats: fc.Arbitrary<Beat[]> = fc.array(
  fc.record({
    ms: fc.integer({ min: 100, max: 20_000 }),
    stopped: fc.constantFrom<Beat['stopped']>('none', 'none', 'a', 'b'),
    fault: fc.constantFrom<Beat['fault']>('none', 'none', 'before', 'after'),
    wallJump: fc.integer({ min: -1e7, max: 1e7 }),
  }),
  { minLength: 5, maxLength: 30 },
);

/** Two processes; one whose leadership was lost is started again, as its Deployment would. */
class Pair {
  readonly api = createMemoryApi();
  readonly all: Record<'a' | 'b', Candidate>;
  terms = 0;
  #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.all = { a: candidate('a', this.api, { seed }), b: candidate('b', this.api, { start: 5e6, seed: seed + 1 }) };
  }

  async play({ ms, stopped, fault, wallJump }: Beat): Promise<void> {
    const fail = () => {
      throw new OperatorError('KUBE_UNAVAILABLE', 'injected');
    };
    this.api.before = fault === 'before' ? fail : () => undefined;
    this.api.after = fault === 'after' ? fail : () => undefined;
    this.all.a.clock.jumpWall(wallJump);
    const awake = (['a', 'b'] as const).filter((name) => name !== stopped);
    for (let passed = 0; passed < ms; passed += 500) {
      for (const name of awake) await this.all[name].clock.advance(Math.min(500, ms - passed));
      // Asking is what a process does when it is about to write: one that is stopped is asked when it wakes.
      if (stopped === 'none') this.check();
    }
    if (stopped !== 'none') await this.wake(this.all[stopped], ms);
    this.restart();
  }

  async wake({ clock }: Candidate, ms: number): Promise<void> {
    clock.freeze(ms);
    this.check();
    await clock.advance(0);
    this.check();
  }

  check(): void {
    expect(this.all.a.elector.isLeader() && this.all.b.elector.isLeader()).toBe(false);
  }

  restart(): void {
    for (const name of ['a', 'b'] as const) {
      const { story, stop, clock } = this.all[name];
      if (!story.includes('lost')) continue;
      this.close(this.all[name]);
      stop.abort();
      this.#seed += 2;
      this.all[name] = candidate(name, this.api, { start: clock.monotonic(), wall: clock.now(), seed: this.#seed });
    }
  }

  close({ story, stop }: Candidate): void {
    this.terms += story.filter((line) => line.startsWith('started')).length;
    stop.abort();
  }
}

test('law: never two leaders at one instant, under pauses, faults and clock jumps', async () => {
  // kills: expiry after renewMs; isLeader without the clock; a stopped process that renews before it looks
  let terms = 0;
  const runs = 60;
  await fc.assert(
    fc.asyncProperty(beats, fc.nat(1000), async (script, seed) => {
      const pair = new Pair(seed);
      for (const beat of script) await pair.play(beat);
      for (const one of Object.values(pair.all)) pair.close(one);
      terms += pair.terms;
    }),
    { numRuns: runs },
  );
  expect(terms, 'leadership changed hands, or the law says nothing').toBeGreaterThan(runs * 1.2);
});
