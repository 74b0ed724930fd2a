/**
 * The application inside a lab pod, without any network: what a request is answered with, and what is counted.
 * `server.ts` gives it a socket; a sandbox can call it in memory under a virtual clock.
 *
 *   GET /               200 (or 500) JSON `{image, pod, namespace}`; every other path that is not below does the same
 *   GET /healthz        200 when ready, else 503
 *   GET /healthz/smoke  200, or 500 with `smokefail`
 *   GET /metrics        Prometheus text, or protobuf where that is asked for
 *
 * Every answer carries `x-pod` and `x-image`. Requests with the header `x-headgate-probe` are synthetic: they behave
 * like others and are counted in `http_probe_requests_total` alone. Health and metrics paths are never counted as
 * application requests.
 */

import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { Random } from '#ports/random.ts';
import type { Behaviour } from './behaviour.ts';
import { PROTOBUF, prefersProtobuf, TEXT } from './exposition.ts';
import { createPodMetrics } from './metrics.ts';
import { lognormal } from './seeded.ts';

/** Spread of the lognormal latency: the 99th percentile is about twice the median. */
const LATENCY_SPREAD = 0.3;

/** What an order is worth, half of them less; its spread is that of a small shop. */
const ORDER_VALUE = 20;
const ORDER_SPREAD = 0.5;

export interface AppRequest {
  method: string;
  /** Path with query. */
  url: string;
  /** True when the request carries `x-headgate-probe`. */
  synthetic: boolean;
  /** The header `Accept`. */
  accept?: string;
}

export interface AppAnswer {
  status: number;
  /** How long the application takes before it answers. */
  afterMs: Millis;
  headers: Record<string, string>;
  body: string | Buffer;
}

export interface App {
  /** The answer to one request, or undefined when it never comes (while the behaviour is what it is now). */
  answer(request: AppRequest): AppAnswer | undefined;
  /** Counts one finished answer. A request whose client went away first is not counted. */
  finished(request: AppRequest, answer: AppAnswer, tookMs: Millis): void;
  /** Started, not stopping, and not one that never becomes ready. */
  ready(): boolean;
  behaviour(): Behaviour;
  /** Changes what the running process does. */
  behave(behaviour: Behaviour): void;
  /** From now on not ready. */
  drain(): void;
  /** While true, every answer that leaves says `Connection: close`. */
  draining(): boolean;
}

export interface AppSpec {
  image: string;
  pod: string;
  namespace: string;
  behaviour: Behaviour;
  clock: Clock;
  random: Random;
}

export function createApp({ image, pod, namespace, behaviour, clock, random }: AppSpec): App {
  const metrics = createPodMetrics({ startedAt: clock.now() });
  const bornAt = clock.monotonic();
  const identity = { 'x-pod': pod, 'x-image': image };
  const body = `${JSON.stringify({ image, pod, namespace })}\n`;
  let current = behaviour;
  let draining = false;

  const age = () => clock.monotonic() - bornAt;
  const started = () => !current.neverReady && age() >= current.slowStartMs;
  const ready = () => started() && !draining;

  function reply(
    status: number,
    {
      content = body,
      type = 'application/json',
      afterMs = 0,
    }: { content?: string | Buffer; type?: string; afterMs?: Millis } = {},
  ): AppAnswer {
    return { status, afterMs, body: content, headers: { ...identity, 'content-type': type } };
  }

  function answerScrape(accept: string): AppAnswer {
    if (prefersProtobuf(accept)) return reply(200, { content: metrics.protobuf(current), type: PROTOBUF });
    return reply(200, { content: metrics.text(current), type: TEXT });
  }

  function answerHealth(path: string): AppAnswer {
    if (path === '/healthz/smoke') return reply(!started() ? 503 : current.smokeFail ? 500 : 200);
    return reply(ready() ? 200 : 503);
  }

  function answerApplication(): AppAnswer | undefined {
    if (current.hang) return undefined;
    if (!started()) return reply(503);
    const failed = random() * 100 < errorPercentAt(current, age());
    const afterMs = lognormal(random, { median: current.latencyMs, spread: LATENCY_SPREAD }) * current.latencyFactor;
    return reply(failed ? 500 : 200, { afterMs });
  }

  return {
    answer({ url, accept = '' }) {
      if (current.freeze) return undefined;
      const path = pathOf(url);
      if (path === '/metrics') return answerScrape(accept);
      return isHealth(path) ? answerHealth(path) : answerApplication();
    },
    finished({ method, url, synthetic }, { status }, tookMs) {
      const path = pathOf(url);
      const bought = status === 200 && random() * 100 < current.ordersPercent;
      const order = bought ? { order: lognormal(random, { median: ORDER_VALUE, spread: ORDER_SPREAD }) } : {};
      const counted = { method, code: status, seconds: tookMs / 1000, ...order };
      if (synthetic) metrics.countProbe(counted);
      else if (path !== '/metrics' && !isHealth(path)) metrics.countRequest(counted);
    },
    ready,
    behaviour: () => current,
    behave(next) {
      current = next;
    },
    drain() {
      draining = true;
    },
    draining: () => draining,
  };
}

/** The share of requests that fail at this age: the fixed one, or the leak's when that is higher. */
export function errorPercentAt({ errorPercent, leakAfterMs }: Behaviour, ageMs: Millis): number {
  if (leakAfterMs === undefined) return errorPercent;
  const leaked = leakAfterMs === 0 ? 100 : (100 * (ageMs - leakAfterMs)) / leakAfterMs;
  return Math.max(errorPercent, Math.min(100, leaked));
}

function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

function isHealth(path: string): boolean {
  return path === '/healthz' || path.startsWith('/healthz/');
}
