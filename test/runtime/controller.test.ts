import { expect, test } from 'vitest';
import { OperatorError } from '#lib/errors.ts';
import type { Log } from '#ports/log.ts';
import { createController, type Reconcile } from '#runtime/controller.ts';
import { createWorkQueue } from '#runtime/work-queue.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';
import { createVirtualClock, seededRandom, settle } from '#test/support/virtual-clock.ts';

function recordLog(lines: string[]): Log {
  const log: Log = {
    debug: (message) => lines.push(`debug ${message}`),
    info: (message) => lines.push(`info ${message}`),
    warn: (message) => lines.push(`warn ${message}`),
    error: (message) => lines.push(`error ${message}`),
    with: () => log,
  };
  return log;
}

function setUp(reconcile: Reconcile, { concurrency = 2 } = {}) {
  const clock = createVirtualClock();
  const telemetry = recordTelemetry();
  const lines: string[] = [];
  const queue = createWorkQueue({
    name: 't',
    clock,
    telemetry,
    random: seededRandom(3),
    backoff: { baseMs: 1000, capMs: 8000 },
  });
  const log = recordLog(lines);
  const controller = createController({ name: 't', queue, reconcile, concurrency, clock, telemetry, log });
  const stop = new AbortController();
  const running = controller.run(stop.signal);
  const end = async () => {
    stop.abort();
    await running;
  };
  return { clock, queue, telemetry, lines, controller, end, stop, running };
}

interface Row {
  name: string;
  because: string;
  error: Error;
  /** When it runs the second time, in ms after the first; undefined is never within ten minutes. */
  again: [number, number] | undefined;
  log: string;
}

test.each<Row>([
  {
    name: 'conflict',
    because: 'someone wrote first, which is everyday',
    error: new OperatorError('KUBE_CONFLICT', 'changed'),
    again: [500, 1000],
    log: 'debug',
  },
  {
    name: 'retry',
    because: 'it passes by itself',
    error: new OperatorError('KUBE_UNAVAILABLE', 'x'),
    again: [500, 1000],
    log: 'warn',
  },
  {
    name: 'retry, soon',
    because: 'what must not wait is tried again within its own time',
    error: new OperatorError('KUBE_UNAVAILABLE', 'x', { retryWithinMs: 200 }),
    again: [100, 200],
    log: 'warn',
  },
  {
    name: 'wait',
    because: 'a person or another system must act',
    error: new OperatorError('KUBE_FORBIDDEN', 'x'),
    again: [15_000, 15_000],
    log: 'warn',
  },
  {
    name: 'wait as asked',
    because: 'the other side knows best',
    error: new OperatorError('SOURCE_THROTTLED', 'x', { retryAfterMs: 40_000 }),
    again: [40_000, 40_000],
    log: 'warn',
  },
  {
    name: 'stall',
    because: 'trying the same again cannot help',
    error: new OperatorError('KUBE_INVALID', 'x'),
    again: undefined,
    log: 'error',
  },
  {
    name: 'panic',
    because: 'a defect in one object must not stop the others',
    error: new TypeError('x'),
    again: [500, 1000],
    log: 'error',
  },
])('$name: $because', async ({ error, again, log }) => {
  const runs: number[] = [];
  const set = setUp(async () => {
    runs.push(set.clock.monotonic());
    if (runs.length === 1) throw error;
    return {};
  });
  set.queue.add('k');
  await set.clock.advance(600_000);
  await set.end();
  if (again === undefined) expect(runs).toHaveLength(1);
  else {
    expect(runs[1]).toBeGreaterThanOrEqual(again[0]);
    expect(runs[1]).toBeLessThanOrEqual(again[1]);
  }
  expect(set.lines.map((line) => line.split(' ')[0])).toEqual([log]);
});

test('a run that asks to be looked at again is', async () => {
  let runs = 0;
  const set = setUp(async () => {
    runs += 1;
    return runs < 3 ? { requeueAfterMs: 5000 } : {};
  });
  set.queue.add('k');
  await set.clock.advance(4999);
  expect(runs).toBe(1);
  await set.clock.advance(60_000);
  expect(runs).toBe(3);
  await set.end();
});

test('one key never runs beside itself, two keys do', async () => {
  const open = new Map<string, () => void>();
  let most = 0;
  let active = 0;
  const set = setUp(async (key) => {
    active += 1;
    most = Math.max(most, active);
    await new Promise<void>((resolve) => open.set(key, resolve));
    active -= 1;
    return {};
  });
  set.queue.add('a');
  await settle();
  set.queue.add('a');
  await settle();
  expect(active).toBe(1);
  set.queue.add('b');
  await settle();
  expect(active).toBe(2);
  for (let turn = 0; turn < 3; turn += 1) {
    for (const close of open.values()) close();
    await settle();
  }
  expect(most).toBe(2);
  await set.end();
});

test('a run that takes too long is aborted and tried again', async () => {
  let runs = 0;
  const set = setUp(async (_, signal) => {
    runs += 1;
    if (runs === 1)
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    return {};
  });
  set.queue.add('k');
  await set.clock.advance(130_000);
  expect(runs).toBe(2);
  expect(set.telemetry.total('headgate_reconcile_total', { outcome: 'aborted' })).toBe(1);
  await set.end();
});

test('stopping takes no new key, waits for runs, and can abort them', async () => {
  let ended = false;
  const set = setUp(async (_, signal) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    return {};
  });
  set.queue.add('k');
  await settle();
  set.stop.abort();
  const running = set.running.then(() => {
    ended = true;
  });
  set.queue.add('other');
  await settle();
  expect(ended).toBe(false);
  set.controller.abort();
  await running;
  expect(set.queue.depth).toBe(1);
});
