import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DelayHeap } from '#runtime/delay-heap.ts';
import { createWorkQueue } from '#runtime/work-queue.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';
import { createVirtualClock, seededRandom, settle } from '#test/support/virtual-clock.ts';

function setUp({ maxKeys = 1000 } = {}) {
  const clock = createVirtualClock();
  const telemetry = recordTelemetry();
  const backoff = { baseMs: 1000, capMs: 8000 };
  const queue = createWorkQueue({ name: 'test', clock, random: seededRandom(7), telemetry, backoff, maxKeys });
  return { clock, queue, telemetry };
}

/** The next key if one is ready now. */
async function ready(queue: ReturnType<typeof createWorkQueue>): Promise<string | undefined> {
  const now = new AbortController();
  const key = queue.next(now.signal);
  await settle();
  now.abort();
  return key;
}

test('a key that is added while it waits, waits once', async () => {
  const { queue } = setUp();
  queue.add('a');
  queue.add('a');
  expect(queue.depth).toBe(1);
});

test('a key that is added while it runs, runs again afterwards and not beside', async () => {
  // kills: enqueueing a running key
  const { queue } = setUp();
  queue.add('a');
  await queue.next();
  queue.add('a');
  expect(await ready(queue)).toBeUndefined();
  queue.done('a');
  expect(await ready(queue)).toBe('a');
});

test('urgent goes first, and lifts a key that waits already', async () => {
  // kills: one queue for both; an urgent add of a waiting key ignored
  const { queue } = setUp();
  for (const key of ['a', 'b', 'c']) queue.add(key);
  queue.add('d', { priority: 'urgent' });
  queue.add('c', { priority: 'urgent' });
  queue.add('c');
  const order = [];
  for (let turn = 0; turn < 4; turn += 1) order.push(await queue.next());
  expect(order).toEqual(['d', 'c', 'a', 'b']);
});

describe('delays', () => {
  test('the earliest asked for wins', async () => {
    const { clock, queue } = setUp();
    queue.addAfter('a', 5000);
    queue.addAfter('a', 1000);
    queue.addAfter('a', 9000);
    await clock.advance(999);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await ready(queue)).toBe('a');
    queue.done('a');
    await clock.advance(20_000);
    expect(queue.depth, 'the later ones are gone').toBe(0);
  });

  test('one timer, however many keys', async () => {
    const { clock, queue } = setUp();
    for (let key = 0; key < 50; key += 1) queue.addAfter(`k${key}`, 1000 + key);
    expect(clock.pending).toBe(1);
  });

  test('back-off doubles up to its cap, and success forgets it', async () => {
    const { clock, queue } = setUp();
    const waits: number[] = [];
    queue.add('a');
    for (let failure = 0; failure < 6; failure += 1) {
      await queue.next();
      const at = clock.monotonic();
      queue.retry('a');
      while (queue.depth === 0) await clock.advance(100);
      waits.push(clock.monotonic() - at);
    }
    for (const [index, whole] of [1000, 2000, 4000, 8000, 8000, 8000].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(whole / 2);
      expect(waits[index]).toBeLessThanOrEqual(whole + 100);
    }
    await queue.next();
    queue.done('a');
    queue.add('a');
    await queue.next();
    queue.retry('a');
    await clock.advance(1000);
    expect(queue.depth).toBe(1);
  });

  test('an urgent run that failed is still urgent', async () => {
    // kills: retry with normal priority
    const { clock, queue } = setUp();
    queue.add('a', { priority: 'urgent' });
    await queue.next();
    queue.retry('a');
    queue.add('b');
    await clock.advance(1000);
    expect(await ready(queue)).toBe('a');
  });
});

test('a full queue refuses and counts what is new, takes what is urgent, and keeps its promises', async () => {
  const { clock, queue, telemetry } = setUp({ maxKeys: 1 });
  queue.addAfter('later', 10);
  expect(queue.add('a')).toBe(true);
  expect(queue.add('b')).toBe(false);
  expect(queue.add('c', { priority: 'urgent' })).toBe(true);
  expect(telemetry.total('headgate_queue_refused_total')).toBe(1);
  await clock.advance(20);
  await queue.next();
  await queue.next();
  await clock.advance(2000);
  expect(await ready(queue)).toBe('later');
});

test('close ends all who wait', async () => {
  const { queue } = setUp();
  const waiting = [queue.next(), queue.next()];
  queue.close();
  expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
  expect(queue.add('a')).toBe(false);
});

test('a key that woke an aborted worker is taken by another', async () => {
  // kills: the wake-up dies with the worker that got it
  const { queue } = setUp();
  const stop = new AbortController();
  const first = queue.next(stop.signal);
  const second = queue.next();
  await settle();
  queue.add('a');
  stop.abort();
  expect(await Promise.all([first, second])).toEqual([undefined, 'a']);
});

type Act =
  | { kind: 'add' | 'urgent' | 'after'; key: string; ms: number }
  | { kind: 'finish'; how: 'done' | 'retry' }
  | { kind: 'pass'; ms: number };

const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constantFrom('add' as const, 'urgent' as const, 'after' as const),
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      ms: fc.nat(5000),
    }),
    fc.record({ kind: fc.constant('finish' as const), how: fc.constantFrom('done' as const, 'retry' as const) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(3000) }),
  ),
  { maxLength: 60 },
);

/** What the queue owes us, beside the queue itself. */
class Model {
  readonly #set = setUp();
  readonly #running: string[] = [];
  /** Keys that were asked for and have not started since. */
  readonly owed = new Set<string>();
  readonly #urgent = new Set<string>();
  readonly #everUrgent = new Set<string>();

  async play(act: Act): Promise<void> {
    if (act.kind === 'pass') await this.#set.clock.advance(act.ms);
    else if (act.kind === 'finish') await this.#finish(act.how);
    else this.#ask(act);
  }

  /** Lets time pass and everything run to its end. */
  async drain(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) {
      for (const key of this.#running.splice(0)) this.#set.queue.done(key);
      await this.#set.clock.advance(10_000);
      await this.#start();
    }
  }

  #ask({ kind, key, ms }: Extract<Act, { key: string }>): void {
    const { queue } = this.#set;
    this.owed.add(key);
    if (kind === 'after') queue.addAfter(key, ms);
    else queue.add(key, { priority: kind === 'urgent' ? 'urgent' : 'normal' });
    if (kind !== 'urgent') return;
    this.#urgent.add(key);
    this.#everUrgent.add(key);
  }

  async #start(): Promise<void> {
    const key = await ready(this.#set.queue);
    if (key === undefined) return;
    expect(this.#running).not.toContain(key);
    const waitingUrgent = [...this.#urgent].filter((one) => !this.#running.includes(one));
    // A key that was urgent and failed is so still, so only keys that never were must stand back.
    if (!this.#everUrgent.has(key)) expect(waitingUrgent).toEqual([]);
    this.owed.delete(key);
    this.#urgent.delete(key);
    this.#running.push(key);
  }

  async #finish(how: 'done' | 'retry'): Promise<void> {
    if (this.#running.length < 2) await this.#start();
    const key = this.#running.shift();
    if (key === undefined) return;
    if (how === 'retry') this.owed.add(key);
    this.#set.queue[how](key);
  }
}

test('law: no key runs twice at once, none is lost, urgent ones go first', async () => {
  // kills: dropping `again` in release; taking normal first; enqueueing a running key
  await fc.assert(
    fc.asyncProperty(acts, async (script) => {
      const model = new Model();
      for (const act of script) await model.play(act);
      await model.drain();
      expect([...model.owed]).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('law: the heap gives keys by time, each once, at the earliest time asked for', () => {
  const asks = fc.array(
    fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), at: fc.nat(50), drop: fc.boolean() }),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(asks, (all) => {
      const heap = new DelayHeap();
      const model = new Map<string, number>();
      for (const { key, at, drop } of all) {
        if (drop) heap.delete(key);
        else heap.add(key, at);
        if (drop) model.delete(key);
        else model.set(key, Math.min(at, model.get(key) ?? at));
      }
      const taken: string[] = [];
      for (let now = 0; now <= 50; now += 1) {
        for (const key of heap.takeDue(now)) {
          expect(model.get(key)).toBe(now);
          taken.push(key);
        }
      }
      expect(taken.sort()).toEqual([...model.keys()].sort());
      expect(heap.size).toBe(0);
    }),
  );
});
