import { assert } from '#lib/assert.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { Random } from '#ports/random.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { type Backoff, backoffDelay } from './backoff.ts';
import { DelayHeap } from './delay-heap.ts';

/** `urgent` keys are taken before all `normal` ones. */
export type Priority = 'urgent' | 'normal';

export interface WorkQueueOptions {
  name: string;
  clock: Clock;
  random: Random;
  telemetry: Telemetry;
  backoff?: Backoff;
  /** Most keys that wait at once [100,000]. Beyond it normal keys are refused and counted. */
  maxKeys?: number;
}

/** A queue of keys: each waits at most once and is worked on by at most one worker at a time. */
export interface WorkQueue {
  /** Asks for a run as soon as possible. False when the queue is full or closed. */
  add(key: string, options?: { priority?: Priority }): boolean;
  /** Asks for a run after `delayMs`, or earlier if one was asked for already. */
  addAfter(key: string, delayMs: Millis, options?: { priority?: Priority }): void;
  /** The next key, which then belongs to the caller until `done`. Undefined when closed or aborted. */
  next(signal?: AbortSignal): Promise<string | undefined>;
  /** Gives the key back after success: its failures are forgotten. */
  done(key: string): void;
  /**
   * Gives the key back after failure: it comes again after its back-off, or at once if it was added meanwhile. The
   * back-off is never longer than `withinMs`.
   */
  retry(key: string, options?: { withinMs?: Millis | undefined }): void;
  /** Nothing more is handed out; those who wait get undefined. */
  close(): void;
  /** Keys that wait to be taken; delayed ones not counted. */
  readonly depth: number;
  /** For how long the oldest running key has been out. */
  longestRunningMs(): Millis;
}

interface Waiting {
  since: Millis;
}

interface Running {
  since: Millis;
  priority: Priority;
  /** Added while running: runs again at once, with this priority. */
  again: Priority | undefined;
}

const DEFAULT_BACKOFF: Backoff = { baseMs: 500, capMs: 60_000 };

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  return new KeyQueue(options);
}

class KeyQueue implements WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #labels: Record<string, string>;
  // Maps keep insertion order, which makes each of them a queue without duplicates.
  readonly #waiting: Record<Priority, Map<string, Waiting>> = { urgent: new Map(), normal: new Map() };
  readonly #running = new Map<string, Running>();
  readonly #delayed = new DelayHeap();
  readonly #delayedUrgent = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #takers = new Set<() => void>();
  #timer: { at: Millis; cancel: () => void } | undefined;
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#labels = { queue: options.name };
  }

  get depth(): number {
    return this.#waiting.urgent.size + this.#waiting.normal.size;
  }

  add(key: string, { priority = 'normal' }: { priority?: Priority } = {}): boolean {
    if (this.#closed) return false;
    const running = this.#running.get(key);
    if (running !== undefined) {
      running.again = running.again === 'urgent' ? 'urgent' : priority;
      return true;
    }
    if (!this.#enqueue(key, priority)) return false;
    this.#undelay(key);
    return true;
  }

  addAfter(key: string, delayMs: Millis, { priority = 'normal' }: { priority?: Priority } = {}): void {
    if (this.#closed || this.#isWaiting(key)) return;
    if (delayMs <= 0) {
      this.add(key, { priority });
      return;
    }
    if (priority === 'urgent') this.#delayedUrgent.add(key);
    this.#delayed.add(key, this.#options.clock.monotonic() + delayMs);
    this.#arm();
  }

  async next(signal?: AbortSignal): Promise<string | undefined> {
    while (!this.#closed && signal?.aborted !== true) {
      const key = this.#take();
      if (key !== undefined) return key;
      await this.#wait(signal);
    }
    // We may have been woken for a key and aborted before taking it: then somebody else must.
    if (this.depth > 0) this.#wakeOne();
    return undefined;
  }

  done(key: string): void {
    this.#failures.delete(key);
    this.#release(key);
  }

  retry(key: string, { withinMs = Number.POSITIVE_INFINITY }: { withinMs?: Millis | undefined } = {}): void {
    const { random, telemetry, backoff = DEFAULT_BACKOFF } = this.#options;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    telemetry.count('headgate_queue_retries_total', this.#labels);
    const running = this.#running.get(key);
    // What was urgent and failed is still urgent, whoever asked for it meanwhile.
    if (running?.again !== undefined && running.priority === 'urgent') running.again = 'urgent';
    const { priority } = this.#release(key);
    const limited = { ...backoff, capMs: Math.min(backoff.capMs, withinMs) };
    this.addAfter(key, backoffDelay(limited, failures, random), { priority });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const wake of [...this.#takers]) wake();
  }

  longestRunningMs(): Millis {
    // Keys are inserted as they start, so the first one is the oldest.
    const oldest = this.#running.values().next().value;
    return oldest === undefined ? 0 : this.#options.clock.monotonic() - oldest.since;
  }

  #isWaiting(key: string): boolean {
    return this.#waiting.urgent.has(key) || this.#waiting.normal.has(key);
  }

  #enqueue(key: string, priority: Priority): boolean {
    const { urgent, normal } = this.#waiting;
    if (urgent.has(key)) return true;
    const known = normal.get(key);
    if (known !== undefined && priority === 'normal') return true;
    // Stopping something must never be refused for the crowd.
    if (known === undefined && priority === 'normal' && this.depth >= (this.#options.maxKeys ?? 100_000)) {
      this.#options.telemetry.count('headgate_queue_refused_total', this.#labels);
      return false;
    }
    normal.delete(key);
    this.#waiting[priority].set(key, known ?? { since: this.#options.clock.monotonic() });
    this.#measure();
    this.#wakeOne();
    return true;
  }

  #take(): string | undefined {
    const priority: Priority = this.#waiting.urgent.size > 0 ? 'urgent' : 'normal';
    const [first] = this.#waiting[priority];
    if (first === undefined) return undefined;
    const [key, { since }] = first;
    const now = this.#options.clock.monotonic();
    assert(!this.#running.has(key), `key ${key} is not running while it waits`);
    this.#waiting[priority].delete(key);
    this.#running.set(key, { since: now, priority, again: undefined });
    this.#options.telemetry.observe('headgate_queue_latency_seconds', (now - since) / 1000, {
      ...this.#labels,
      priority,
    });
    this.#measure();
    return key;
  }

  #release(key: string): Running {
    const running = this.#running.get(key);
    assert(running !== undefined, `key ${key} is given back by the one who took it`);
    this.#running.delete(key);
    if (running.again !== undefined) this.#keepPromise(key, running.again);
    this.#measure();
    return running;
  }

  #undelay(key: string): void {
    this.#delayed.delete(key);
    this.#delayedUrgent.delete(key);
  }

  /** One timer for all delayed keys, set for the earliest. */
  #arm(): void {
    const at = this.#delayed.nextAt();
    if (at === undefined || (this.#timer !== undefined && this.#timer.at <= at)) return;
    this.#timer?.cancel();
    const { clock } = this.#options;
    this.#timer = { at, cancel: clock.timer(at - clock.monotonic(), () => this.#expire()) };
  }

  #expire(): void {
    this.#timer = undefined;
    for (const key of this.#delayed.takeDue(this.#options.clock.monotonic())) {
      const priority = this.#delayedUrgent.delete(key) ? 'urgent' : 'normal';
      this.#keepPromise(key, priority);
    }
    this.#arm();
  }

  /** A full queue must not lose a key that was accepted before: it comes again a little later. */
  #keepPromise(key: string, priority: Priority): void {
    if (!this.add(key, { priority }) && !this.#closed) this.addAfter(key, 1000, { priority });
  }

  #wakeOne(): void {
    const [wake] = this.#takers;
    wake?.();
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#takers.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#takers.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  #measure(): void {
    const { telemetry } = this.#options;
    telemetry.gauge('headgate_queue_depth', this.depth, this.#labels);
    telemetry.gauge('headgate_queue_longest_running_seconds', this.longestRunningMs() / 1000, this.#labels);
  }
}
