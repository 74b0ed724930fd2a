import { hasCode } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi, KubeObject, ObjectRef, Resource } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import type { Random } from '#ports/random.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { createTokenBucket, type TokenBucket } from './token-bucket.ts';

/** What happened to which object, in words for its owner. */
export interface Happening {
  regarding: KubeObject;
  type: 'Normal' | 'Warning';
  /** Why, one word: `WeightRaised`. */
  reason: string;
  /** What was done about it, one word: `Shift`. */
  action: string;
  /** One sentence, at most 1 KiB. */
  note: string;
}

export interface EventRecorderOptions {
  api: KubeApi;
  /** events.k8s.io/v1. */
  resource: Resource;
  /** Who reports, e.g. `headgate.dev/operator`, and which of its processes. */
  controller: string;
  instance: string;
  clock: Clock;
  random: Random;
  log: Log;
  telemetry: Telemetry;
}

export interface EventRecorder {
  /** Returns at once and never throws; what cannot be written is counted. */
  record(happening: Happening): void;
  /** Resolves when nothing waits to be written. */
  flush(): Promise<void>;
}

interface Series {
  ref: ObjectRef;
  happening: Happening;
  count: number;
  firstAt: Millis;
  lastAt: Millis;
  state: 'new' | 'written';
  queued: boolean;
}

const MAX_QUEUED = 1000;
const MAX_REMEMBERED = 4096;
const MAX_NOTE_BYTES = 1024;
/** After this much quiet the same happening is news again: the server forgets Events after an hour anyway. */
const SERIES_MS = 360_000;
/** As kube-apiserver's own clients: 25 at once for one object, then one in five minutes. */
const BUCKET = { burst: 25, perSecond: 1 / 300 };

/** Writes Events beside the work: equal ones become a series, chatty objects are throttled, nothing waits for it. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new Map<string, Series>();
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #queue: Series[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  record(happening: Happening): void {
    const now = this.#options.clock.now();
    const key = keyOf(happening);
    const known = this.#series.get(key);
    const goesOn = known !== undefined && now - known.lastAt < SERIES_MS;
    const series = goesOn ? known : this.#begin(happening, now);
    series.count += 1;
    series.lastAt = now;
    // Re-inserted, so that the map is ordered by last use and the eldest is forgotten first.
    this.#series.delete(key);
    remember(this.#series, key, series);
    this.#enqueue(series);
  }

  async flush(): Promise<void> {
    await this.#writing;
  }

  #begin(happening: Happening, now: Millis): Series {
    const { name, namespace = 'default' } = happening.regarding.metadata;
    const suffix = Math.floor(this.#options.random() * 2 ** 48).toString(16);
    const ref = { resource: this.#options.resource, namespace, name: `${name.slice(0, 230)}.${suffix}` };
    return { ref, happening, count: 0, firstAt: now, lastAt: now, state: 'new', queued: false };
  }

  #enqueue(series: Series): void {
    // One that waits takes the new count along.
    if (series.queued) return;
    if (!this.#bucketOf(series).tryTake()) {
      this.#count('throttled');
    } else if (this.#queue.length >= MAX_QUEUED) {
      this.#count('dropped');
    } else {
      series.queued = true;
      this.#queue.push(series);
      this.#writing ??= this.#writeAll();
    }
  }

  #bucketOf({ happening }: Series): TokenBucket {
    const uid = happening.regarding.metadata.uid ?? happening.regarding.metadata.name;
    const bucket = this.#buckets.get(uid) ?? createTokenBucket(this.#options.clock, BUCKET);
    this.#buckets.delete(uid);
    remember(this.#buckets, uid, bucket);
    return bucket;
  }

  async #writeAll(): Promise<void> {
    // Yields first, so that `record` never runs a write itself.
    await Promise.resolve();
    for (let series = this.#queue.shift(); series !== undefined; series = this.#queue.shift()) {
      series.queued = false;
      try {
        await this.#write(series);
        this.#count('written');
      } catch (error) {
        this.#count('failed');
        this.#options.log.debug('an Event could not be written', { reason: series.happening.reason, error });
      }
    }
    this.#writing = undefined;
  }

  async #write(series: Series): Promise<void> {
    const { api } = this.#options;
    if (series.state === 'written') {
      try {
        await api.mergePatch(series.ref, { series: seriesOf(series) });
        return;
      } catch (error) {
        // The server has forgotten it; under its own name it can come back.
        if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
      }
    }
    await api.create(series.ref.resource, this.#eventOf(series));
    series.state = 'written';
  }

  #eventOf(series: Series): KubeObject {
    const { resource, controller, instance } = this.#options;
    const { regarding, type, reason, action, note } = series.happening;
    const { name, namespace, uid, resourceVersion } = regarding.metadata;
    return {
      apiVersion: `${resource.group}/${resource.version}`,
      kind: resource.kind,
      metadata: { name: series.ref.name, namespace: series.ref.namespace ?? 'default' },
      eventTime: microTime(series.firstAt),
      reportingController: controller,
      reportingInstance: instance.slice(0, 128),
      regarding: { apiVersion: regarding.apiVersion, kind: regarding.kind, name, namespace, uid, resourceVersion },
      type,
      reason,
      action,
      note: truncate(note, MAX_NOTE_BYTES),
      ...(series.count > 1 ? { series: seriesOf(series) } : {}),
    };
  }

  #count(result: 'written' | 'failed' | 'throttled' | 'dropped'): void {
    this.#options.telemetry.count('headgate_events_total', { result });
  }
}

/** The note is part of it: the API server keeps a note for ever, so another one needs another Event. */
function keyOf({ regarding, type, reason, action, note }: Happening): string {
  return JSON.stringify([regarding.metadata.uid ?? regarding.metadata.name, type, reason, action, note]);
}

function seriesOf({ count, lastAt }: Series): { count: number; lastObservedTime: string } {
  return { count, lastObservedTime: microTime(lastAt) };
}

function microTime(at: Millis): string {
  return new Date(at).toISOString().replace('Z', '000Z');
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  if (map.size > MAX_REMEMBERED) map.delete(map.keys().next().value ?? '');
}

/** Cuts at a character, not within one. */
function truncate(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const cut = Buffer.from(text).subarray(0, maxBytes - 3);
  return `${cut.toString('utf8').replace(/\uFFFD+$/, '')}…`;
}
