/**
 * An open-loop load source that counts every single request.
 *
 *   const load = startLoad({
 *     rate: 100,                                                     // of each client kind, requests a second
 *     gateway: { url: 'http://10.98.0.2:8000', host: 'shop.example' },
 *     service: { namespace: 'shop', name: 'shop' },
 *     clock, watch,
 *   });
 *   load.report(); load.failures(); await load.stop();
 *
 * Requests are due on a fixed schedule whether or not earlier ones were answered, so a slow server cannot hide by
 * slowing its clients. `gateway` keeps connections to one address; `service` behaves as a client of a Service behind
 * kube-proxy and conntrack (client.ts). Results, classes and limits: recorder.ts.
 */

import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { WatchObjects } from '../kubelet/watch.ts';
import { type ClientSpec, createLoadClient, type LoadClient, type Send } from './client.ts';
import { watchEndpoints } from './endpoints.ts';
import { type ClientKind, createRecorder, type Failure, type LoadReport, type Recorder } from './recorder.ts';

type Tuning = Omit<ClientSpec, 'clock' | 'choosePeer'> & {
  /** Requests a second of this client kind. [the common rate] */
  rate?: number | undefined;
};

export interface GatewayTarget extends Tuning {
  /** `http://address:port`. */
  url: string;
  /** The Host header, as the HTTPRoute's hostname. */
  host?: string | undefined;
}

export interface InClusterTarget extends Tuning {
  namespace: string;
  name: string;
  /** Name of the Service's port. [the first one] */
  port?: string | undefined;
}

export interface LoadSpec {
  /** Requests a second of each client kind that names no rate of its own. */
  rate: number;
  gateway?: GatewayTarget | undefined;
  service?: InClusterTarget | undefined;
  clock: Clock;
  /** Needed for `service`. */
  watch?: WatchObjects | undefined;
  /** [1000] */
  maxFailures?: number | undefined;
}

export interface Load {
  report(): LoadReport;
  failures(): Failure[];
  /** Peers of the open connections of one kind, one entry each. */
  peers(client: ClientKind): string[];
  /** Sends nothing more, waits for what is in flight (at most the timeout), then closes the connections. */
  stop(): Promise<LoadReport>;
}

export function startLoad(spec: LoadSpec): Load {
  const { clock } = spec;
  const limits = spec.maxFailures === undefined ? {} : { maxFailures: spec.maxFailures };
  const recorder = createRecorder({ startedAt: clock.now(), ...limits });
  const clients = new Map<ClientKind, LoadClient>();
  const stops: (() => Promise<void>)[] = [];
  const ends: (() => void)[] = [];

  let stopped = false;

  function run(kind: ClientKind, client: LoadClient, rate: number): void {
    if (stopped) return;
    clients.set(kind, client);
    ends.push(client.close);
    stops.push(startSchedule({ clock, recorder, kind, rate, send: client.send }));
  }
  if (spec.gateway !== undefined) run('gateway', gatewayClient(spec.gateway, clock), spec.gateway.rate ?? spec.rate);
  if (spec.service !== undefined) {
    if (spec.watch === undefined) throw new Error('load: `service` needs `watch`, to see its EndpointSlices');
    const endpoints = watchEndpoints(spec.watch, spec.service);
    ends.push(endpoints.close);
    const client = createLoadClient({ ...spec.service, clock, choosePeer: endpoints.next });
    const rate = spec.service.rate ?? spec.rate;
    // A client that starts before its node has heard of the Service would only tell how quick this process starts.
    void endpoints.synced.then(() => run('service', client, rate));
  }

  return {
    report: recorder.report,
    failures: recorder.failures,
    peers: (kind) => (clients.get(kind)?.peers() ?? []).map(({ address, port }) => `${address}:${port}`),
    async stop() {
      stopped = true;
      await Promise.all(stops.map((stop) => stop()));
      for (const end of ends) end();
      return recorder.report();
    },
  };
}

function gatewayClient({ url, host, headers, ...tuning }: GatewayTarget, clock: Clock): LoadClient {
  const { hostname, port, protocol } = new URL(url);
  if (protocol !== 'http:') throw new Error(`load: gateway.url "${url}" is not http://address:port`);
  const peer = { address: hostname, port: Number(port || 80) };
  const all = { ...headers, ...(host === undefined ? {} : { host }) };
  return createLoadClient({ ...tuning, headers: all, clock, choosePeer: () => peer });
}

export interface ScheduleSpec {
  clock: Clock;
  recorder: Recorder;
  kind: ClientKind;
  /** Requests a second. */
  rate: number;
  send: Send;
}

/** Sends request k at start + k / rate. The returned function stops and waits for the answers. */
export function startSchedule({ clock, recorder, kind, rate, send }: ScheduleSpec): () => Promise<void> {
  if (!(rate > 0)) throw new Error(`load: rate ${rate} of ${kind} is not a positive number of requests a second`);
  const start = clock.monotonic();
  const gapMs: Millis = 1000 / rate;
  const pending = new Set<Promise<void>>();
  let next = 0;
  let cancel = () => {};

  function one(lagMs: Millis): void {
    const sentAt = clock.now();
    const since = clock.monotonic();
    recorder.sent(kind, lagMs);
    const answered = send().then((outcome) => {
      recorder.finished(kind, { sentAt, tookMs: clock.monotonic() - since }, outcome);
      pending.delete(answered);
    });
    pending.add(answered);
  }
  function tick(): void {
    // All that are due: after a stall of this process the schedule is caught up with, never thinned out.
    for (let due = start + next * gapMs; due <= clock.monotonic(); due = start + next * gapMs) {
      one(clock.monotonic() - due);
      next += 1;
    }
    cancel = clock.timer(Math.max(1, start + next * gapMs - clock.monotonic()), tick);
  }
  tick();
  return async () => {
    cancel();
    await Promise.all(pending);
  };
}
