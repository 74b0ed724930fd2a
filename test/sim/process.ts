import { createKubeApi } from '#kube/api.ts';
import type { Exchange } from '#kube/exchange.ts';
import { LEASE } from '#kube/resources.ts';
import { transportOver } from '#kube/transport.ts';
import { createWatchSource } from '#kube/watch.ts';
import { storesOf, watched } from '#operator/stores.ts';
import { trigger } from '#operator/triggers.ts';
import type { Clock } from '#ports/clock.ts';
import type { Random } from '#ports/random.ts';
import { createController } from '#runtime/controller.ts';
import { createInformers } from '#runtime/informers.ts';
import { silentLog } from '#runtime/json-log.ts';
import { createElector } from '#runtime/leader.ts';
import { createWorkQueue } from '#runtime/work-queue.ts';
import { composeLoop, type Outside } from '#src/compose-loop.ts';
import { type Config, readConfig } from '#src/config.ts';

/** One operator process as `compose` wires it, with its sockets and its clock in the hands of a simulation. */
export interface OperatorProcess {
  readonly id: string;
  isLeader(): boolean;
  /** Ended by itself: it lost its lease. */
  readonly done: Promise<void>;
}

export interface ProcessParts {
  id: string;
  clock: Clock;
  random: Random;
  exchange: Exchange;
  outside: Partial<Outside>;
}

export const TICK_MS = 1000;

const silent = { count: () => undefined, gauge: () => undefined, observe: () => undefined };

export function startOperator({ id, clock, random, exchange, outside }: ProcessParts): OperatorProcess {
  const config: Config = { ...readConfig({ POD_NAME: id, HEADGATE_TICK: `${TICK_MS}ms` }), concurrency: 2 };
  const ports = { clock, random, log: silentLog, telemetry: silent };
  const transport = transportOver(exchange, { clock });
  const api = createKubeApi(transport);
  const informers = createInformers({
    ...ports,
    kinds: watched,
    sourceFor: (target) => createWatchSource(transport, target),
    freeze: true,
  });
  const stores = storesOf(informers);
  const queue = createWorkQueue({ ...ports, name: 'rollouts' });
  const life = new AbortController();
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  const elector = createElector({
    ...ports,
    ...config.lease,
    api,
    lease: { resource: LEASE, namespace: config.lease.namespace, name: config.lease.name },
    onStarted: () => void start(),
    onLost: () => finish(),
  });
  const loop = composeLoop({ config, api, stores, queue, outside, isLeader: () => elector.isLeader(), ...ports });
  const controller = createController({ ...ports, name: 'rollouts', queue, reconcile: loop.reconcile });
  async function start(): Promise<void> {
    await loop.sources.refresh();
    loop.protection.run(life.signal);
    trigger({ stores, queue, refreshSources: () => void loop.sources.refresh(), inQueue: loop.places.behind });
    for (const { metadata } of stores.rollouts.list()) queue.add(`${metadata.namespace ?? ''}/${metadata.name}`);
    await controller.run(life.signal);
  }
  void informers.run(life.signal);
  void informers.synced.then(() => elector.run(life.signal));
  return { id, isLeader: () => elector.isLeader(), done };
}
