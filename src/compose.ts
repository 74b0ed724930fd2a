import { monitorEventLoopDelay } from 'node:perf_hooks';
import { serveHealth } from '#http/health.ts';
import { createKubeApi } from '#kube/api.ts';
import { loadConfig } from '#kube/config.ts';
import { LEASE } from '#kube/resources.ts';
import { serverVersion } from '#kube/server-version.ts';
import { createTransport } from '#kube/transport.ts';
import { createWatchSource } from '#kube/watch.ts';
import { createTelemetry } from '#operator/metrics.ts';
import { fillRolloutGauges } from '#operator/rollout-metrics.ts';
import { type Stores, storesOf, watched } from '#operator/stores.ts';
import { trigger } from '#operator/triggers.ts';
import { createVersionCheck } from '#operator/versions.ts';
import { endsWithin } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import { createController } from '#runtime/controller.ts';
import { createInformers } from '#runtime/informers.ts';
import { createElector } from '#runtime/leader.ts';
import { type DrainStep, drain } from '#runtime/shutdown.ts';
import { systemClock as clock, systemRandom as random } from '#runtime/system-clock.ts';
import { createWorkQueue, type WorkQueue } from '#runtime/work-queue.ts';
import { composeLoop } from './compose-loop.ts';
import type { Config } from './config.ts';

/** Longest that a graceful stop may take, below Kubernetes' default of 30 s. */
const STOP_WITHIN_MS = 20_000;
/** Longest that a leader waits for sources and versions: what it has to take back waits for no answer. */
const LOOK_WITHIN_MS = 2000;
/** A kind that has been silent for so long is not being watched any more: bookmarks come every minute. */
const SILENT_MS = 10 * 60_000;

export interface Operator {
  /** Runs until `stop`, or until leadership is lost. */
  readonly done: Promise<'stopped' | 'lost'>;
  url: string;
  stop(): Promise<void>;
}

/** The only wiring, with compose-loop.ts: every port meets its adapter here. */
export async function compose(config: Config, log: Log): Promise<Operator> {
  const telemetry = createTelemetry();
  const ports = { clock, random, log, telemetry };
  const cluster = loadConfig({ clock, ...(config.kubeconfig === undefined ? {} : { file: config.kubeconfig }) });
  const transport = createTransport({ ...ports, config: cluster, userAgent: 'headgate' });
  const api = createKubeApi(transport);
  const sourceFor = (target: Parameters<typeof createWatchSource>[1]) => createWatchSource(transport, target);
  const informers = createInformers({ ...ports, kinds: watched, namespace: config.namespace, sourceFor });
  const stores = storesOf(informers);
  exposeGauges(telemetry, stores);
  const queue = createWorkQueue({ ...ports, name: 'rollouts' });
  const life = new AbortController();
  const work = new AbortController();
  const { promise: done, resolve: finish } = Promise.withResolvers<'stopped' | 'lost'>();
  const elector = createElector({
    ...ports,
    ...config.lease,
    api,
    lease: { resource: LEASE, namespace: config.lease.namespace, name: config.lease.name },
    onStarted: () => void start(),
    onLost(reason) {
      log.error('leadership lost', { reason });
      finish('lost');
    },
  });
  const again = () => lookAgain(stores, queue);
  const versions = createVersionCheck({ api, serverVersion: () => serverVersion(transport), log, changed: again });
  const { tooOld } = versions;
  const loop = composeLoop({ config, ...ports, api, stores, queue, isLeader: () => elector.isLeader(), tooOld });
  telemetry.collect((gauge) => loop.fillGauges(gauge));
  const { concurrency } = config;
  const controller = createController({ ...ports, name: 'rollouts', queue, reconcile: loop.reconcile, concurrency });
  async function start(): Promise<void> {
    const looked = Promise.all([loop.sources.refresh(), versions.look()]);
    if (!(await endsWithin(clock, LOOK_WITHIN_MS, looked))) log.warn('begins before sources and versions are known');
    loop.protection.run(work.signal);
    const { behind: inQueue } = loop.places;
    trigger({ stores, queue, refreshSources: () => void loop.sources.refresh(), inQueue });
    again();
    await controller.run(work.signal);
  }
  let synced = false;
  const live = () => informers.silentMs() < SILENT_MS;
  const health = await serveHealth({ ...config.listen, live, ready: () => synced, metrics: () => telemetry.render() });
  void informers.run(life.signal);
  void informers.synced.then(() => {
    synced = true;
    return elector.run(life.signal);
  });
  const steps: DrainStep[] = [
    { name: 'work', stop: () => work.abort() },
    { name: 'runs', stop: () => controller.abort() },
    { name: 'gates', stop: () => loop.stop() },
    { name: 'lease', stop: () => elector.release() },
    { name: 'watches', stop: () => life.abort() },
    { name: 'health', stop: () => health.close() },
    { name: 'connections', stop: () => transport.close() },
  ];
  const stop = async (): Promise<void> => {
    await drain(steps, { boundMs: STOP_WITHIN_MS, clock, log });
    finish('stopped');
  };
  return { done, url: health.url, stop };
}

function lookAgain({ rollouts }: Stores, queue: WorkQueue): void {
  for (const { metadata } of rollouts.list()) queue.add(`${metadata.namespace ?? ''}/${metadata.name}`);
}

/** Gauges that are read from the caches and the runtime whenever somebody scrapes. */
function exposeGauges(telemetry: ReturnType<typeof createTelemetry>, stores: Stores): void {
  const delays = monitorEventLoopDelay();
  delays.enable();
  telemetry.collect((gauge) => {
    fillRolloutGauges(stores.rollouts.list(), gauge);
    gauge('headgate_eventloop_lag_seconds', delays.percentile(99) / 1e9);
    delays.reset();
  });
}
