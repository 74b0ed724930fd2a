/**
 * One lab pod's process: an HTTP server on the pod's own address whose behaviour is its image tag.
 *
 *   const pod = createPod({ image: 'lab/shop:v2-errors-5', pod: 'shop-1', namespace: 'shop', address: '10.99.0.7',
 *                           port: 8080, clock, seed: 'shop-1', onExit: (code) => … });
 *   await pod.start();          // bound; rejects when the address is not local or the port is taken
 *   await pod.stop(30_000);     // graceful: serves on with `Connection: close`, then closes
 *
 * A pod runs once: after `stop`, `kill` or an exit it is not started again, a restart is a new pod object.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import { type App, type AppAnswer, type AppRequest, createApp } from './app.ts';
import type { Behaviour } from './behaviour.ts';
import { seeded } from './seeded.ts';

export interface PodSpec {
  image: string;
  behaviour: Behaviour;
  pod: string;
  namespace: string;
  /** The pod's IP. Every address of 10.99.0.0/16 is local inside the lab's network namespace. */
  address: string;
  /** 0 takes a free one. */
  port: number;
  clock: Clock;
  /** Fixes the pod's random numbers; its uid and restart count in the lab. */
  seed: string;
  /** The process exited by itself, with this code. Never called after `stop` or `kill`. */
  onExit(code: number): void;
}

export interface RunningPod {
  /** Binds. Resolves with the port. */
  start(): Promise<{ port: number }>;
  /**
   * Graceful: not ready at once, serves for `slowstop` (1 s unless the image says other) and never longer than
   * `graceMs`, then closes what is idle, waits for what is in flight until the grace ends, and cuts the rest.
   */
  stop(graceMs: Millis): Promise<void>;
  /** Gone at once, open connections reset: SIGKILL. */
  kill(): void;
  ready(): boolean;
  /** Changes the running behaviour. Requests that hung are answered under the new one; `crash` exits now. */
  behave(behaviour: Behaviour): void;
  behaviour(): Behaviour;
}

/** Starts pods: `createPod` with sockets, or a sandbox's own in memory. */
export type CreatePod = (spec: PodSpec) => RunningPod;

export function createPod(spec: PodSpec): RunningPod {
  const { clock } = spec;
  const app = createApp({ ...spec, random: seeded(spec.seed) });
  const held = new Set<() => void>();
  const server = createServer((request, response) => answer({ app, clock, held }, request, response));
  // A server that closes idle connections by itself would blur what a stop does; Go servers do not either.
  server.keepAliveTimeout = 0;
  server.headersTimeout = 0;
  server.requestTimeout = 0;
  let gone = false;
  let cancelCrash = () => {};

  function close(): void {
    gone = true;
    cancelCrash();
    held.clear();
    server.close();
    server.closeAllConnections();
  }
  function exit(code: number): void {
    if (gone) return;
    close();
    spec.onExit(code);
  }
  function armCrash({ crash, crashAfterMs }: Behaviour): void {
    cancelCrash();
    if (crash || crashAfterMs !== undefined) cancelCrash = clock.timer(crash ? 0 : (crashAfterMs ?? 0), () => exit(1));
  }

  return {
    async start() {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: spec.address, port: spec.port, backlog: 1024 }, () => {
          server.off('error', reject);
          resolve();
        });
      });
      const { port } = server.address() as AddressInfo;
      // Killed while the listen was under way: the close then found nothing to close.
      if (gone) close();
      else armCrash(app.behaviour());
      return { port };
    },
    async stop(graceMs) {
      app.drain();
      await wait(clock, Math.min(app.behaviour().slowStopMs, graceMs));
      if (gone) return;
      gone = true;
      cancelCrash();
      const cut = clock.timer(Math.max(0, graceMs - app.behaviour().slowStopMs), () => server.closeAllConnections());
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      cut();
    },
    kill: close,
    ready: () => !gone && !app.behaviour().crash && app.ready(),
    behave(behaviour) {
      app.behave(behaviour);
      armCrash(behaviour);
      const waiting = [...held];
      held.clear();
      for (const again of waiting) again();
    },
    behaviour: app.behaviour,
  };
}

function wait(clock: Clock, delayMs: Millis): Promise<void> {
  return new Promise((resolve) => {
    clock.timer(delayMs, resolve);
  });
}

interface Answering {
  app: App;
  clock: Clock;
  /** Requests that wait for another behaviour. */
  held: Set<() => void>;
}

function answer({ app, clock, held }: Answering, incoming: IncomingMessage, response: ServerResponse): void {
  const request: AppRequest = {
    method: incoming.method ?? 'GET',
    url: incoming.url ?? '/',
    synthetic: incoming.headers['x-headgate-probe'] !== undefined,
    accept: incoming.headers.accept ?? '',
  };
  const since = clock.monotonic();
  let cancel = () => {};
  const attempt = () => {
    const reply = app.answer(request);
    if (reply === undefined) {
      held.add(attempt);
      return;
    }
    response.once('finish', () => app.finished(request, reply, clock.monotonic() - since));
    if (reply.afterMs < 1) send(app, response, reply);
    else cancel = clock.timer(reply.afterMs, () => send(app, response, reply));
  };
  response.once('close', () => {
    held.delete(attempt);
    cancel();
  });
  incoming.resume();
  attempt();
}

function send(app: App, response: ServerResponse, { status, headers, body }: AppAnswer): void {
  if (response.destroyed) return;
  // Asked now and not when the request came: a stop may have begun while the application was busy with it.
  const closing = app.draining() ? { connection: 'close' } : {};
  response.writeHead(status, { ...headers, ...closing, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
