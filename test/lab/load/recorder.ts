/**
 * What became of every single request. Pure but for the numbers it keeps: no clock, no network.
 * The law: offered = sum of all results + those still in flight. A retry is no result, it is reported apart.
 */

import type { Millis } from '#lib/units.ts';

export type ClientKind = 'gateway' | 'service';

/**
 * `2xx`, `3xx`, `4xx`, `5xx` by status; `connect` no connection could be made (or no endpoint was ready); `reset` the
 * connection ended before the whole answer was there; `timeout` no whole answer in time.
 */
export type Result = '2xx' | '3xx' | '4xx' | '5xx' | 'connect' | 'reset' | 'timeout';

/** How one request ended. */
export interface Outcome {
  result: Result;
  /** HTTP status, when there was one. */
  status?: number;
  /** `x-image` and `x-pod` of the answer; left out when nothing answered. */
  image?: string;
  pod?: string;
  /** The address that the request was sent to. */
  peer?: string;
  /** What went wrong, for the failure list. */
  error?: string;
  /** True when the request was sent a second time because its reused connection had just been closed. */
  retried?: boolean;
}

export interface Failure extends Outcome {
  client: ClientKind;
  /** When it was sent, Unix milliseconds. */
  at: Millis;
  tookMs: Millis;
}

export interface ResultCount {
  client: ClientKind;
  /** `unknown` when nothing answered. */
  image: string;
  pod: string;
  result: Result;
  count: number;
}

export interface ImageSeen {
  client: ClientKind;
  image: string;
  count: number;
  /** When the first and the last request that this image answered were sent, Unix milliseconds. */
  first: Millis;
  last: Millis;
}

export interface SecondCount {
  /** Start of the second in which the requests were sent, Unix seconds. */
  second: number;
  client: ClientKind;
  image: string;
  result: Result;
  count: number;
}

export interface LoadReport {
  startedAt: Millis;
  /** Requests that were due and sent, per client kind. */
  offered: Record<ClientKind, number>;
  inFlight: Record<ClientKind, number>;
  retried: Record<ClientKind, number>;
  /** Requests with any other result than 2xx. */
  failed: Record<ClientKind, number>;
  /** How late requests left because this process was busy: the largest gap between due and sent. */
  worstLagMs: Millis;
  latencyMs: Record<ClientKind, { p50: number; p99: number; max: number }>;
  results: ResultCount[];
  images: ImageSeen[];
  /** The newest `maxSeconds` seconds. */
  seconds: SecondCount[];
}

export interface Recorder {
  sent(client: ClientKind, lagMs: Millis): void;
  finished(client: ClientKind, at: { sentAt: Millis; tookMs: Millis }, outcome: Outcome): void;
  report(): LoadReport;
  /** Everything that was not 2xx, oldest first, at most `maxFailures`; the counts know the rest. */
  failures(): Failure[];
}

export interface RecorderLimits {
  startedAt: Millis;
  /** [1000] */
  maxFailures?: number;
  /** [3600] */
  maxSeconds?: number;
}

/** Latency bins are 8 % wide: fine enough to tell 200 ms from 220 ms in 200 numbers. */
const BIN = Math.log(1.08);
const BINS = 200;

const kinds: ClientKind[] = ['gateway', 'service'];

export function createRecorder({ startedAt, maxFailures = 1000, maxSeconds = 3600 }: RecorderLimits): Recorder {
  const offered = perKind(() => 0);
  const finishedCount = perKind(() => 0);
  const retried = perKind(() => 0);
  const failed = perKind(() => 0);
  const latency = perKind(() => ({ bins: new Array<number>(BINS).fill(0), max: 0 }));
  const results = new Map<string, ResultCount>();
  const images = new Map<string, ImageSeen>();
  const seconds = new Map<number, Map<string, SecondCount>>();
  const failures: Failure[] = [];
  let worstLagMs = 0;

  function countSecond(second: number, count: Omit<SecondCount, 'second' | 'count'>): void {
    let row = seconds.get(second);
    if (row === undefined) {
      row = new Map();
      seconds.set(second, row);
      // A map keeps the order of insertion, so its first key is the oldest second.
      if (seconds.size > maxSeconds) seconds.delete(seconds.keys().next().value ?? second);
    }
    bump(row, `${count.client} ${count.image} ${count.result}`, () => ({ second, ...count, count: 0 }));
  }

  return {
    sent(client, lagMs) {
      offered[client] += 1;
      worstLagMs = Math.max(worstLagMs, lagMs);
    },
    finished(client, { sentAt, tookMs }, outcome) {
      const { result, image = 'unknown', pod = 'unknown' } = outcome;
      finishedCount[client] += 1;
      if (outcome.retried === true) retried[client] += 1;
      bump(results, `${client} ${image} ${pod} ${result}`, () => ({ client, image, pod, result, count: 0 }));
      countSecond(Math.floor(sentAt / 1000), { client, image, result });
      seeImage(images, { client, image, sentAt });
      observe(latency[client], tookMs);
      if (result === '2xx') return;
      failed[client] += 1;
      if (failures.length < maxFailures) failures.push({ client, at: sentAt, tookMs, ...outcome });
    },
    report: () => ({
      startedAt,
      offered: { ...offered },
      inFlight: perKind((kind) => offered[kind] - finishedCount[kind]),
      retried: { ...retried },
      failed: { ...failed },
      worstLagMs,
      latencyMs: perKind((kind) => quantiles(latency[kind])),
      results: [...results.values()].map((row) => ({ ...row })),
      images: [...images.values()].map((row) => ({ ...row })),
      seconds: [...seconds.values()].flatMap((row) => [...row.values()]).map((row) => ({ ...row })),
    }),
    failures: () => [...failures],
  };
}

function perKind<T>(of: (kind: ClientKind) => T): Record<ClientKind, T> {
  return Object.fromEntries(kinds.map((kind) => [kind, of(kind)])) as Record<ClientKind, T>;
}

function bump<T extends { count: number }>(rows: Map<string, T>, key: string, born: () => T): void {
  const row = rows.get(key) ?? born();
  row.count += 1;
  rows.set(key, row);
}

function seeImage(
  images: Map<string, ImageSeen>,
  { client, image, sentAt }: { client: ClientKind; image: string; sentAt: Millis },
): void {
  const key = `${client} ${image}`;
  bump(images, key, () => ({ client, image, count: 0, first: sentAt, last: sentAt }));
  const seen = images.get(key);
  if (seen === undefined) return;
  // Answers come back out of order.
  seen.first = Math.min(seen.first, sentAt);
  seen.last = Math.max(seen.last, sentAt);
}

interface Latency {
  bins: number[];
  max: number;
}

function observe(latency: Latency, tookMs: Millis): void {
  const bin = Math.min(BINS - 1, Math.max(0, Math.ceil(Math.log(Math.max(tookMs, 0.01) / 0.01) / BIN)));
  latency.bins[bin] = (latency.bins[bin] ?? 0) + 1;
  latency.max = Math.max(latency.max, tookMs);
}

function quantiles({ bins, max }: Latency): { p50: number; p99: number; max: number } {
  const total = bins.reduce((sum, count) => sum + count, 0);
  const at = (share: number) => {
    let passed = 0;
    const bin = bins.findIndex((count) => {
      passed += count;
      return passed >= share * total;
    });
    return total === 0 ? 0 : Math.min(max, round(0.01 * Math.exp(bin * BIN)));
  };
  return { p50: at(0.5), p99: at(0.99), max: round(max) };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
