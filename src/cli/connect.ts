import { createKubeApi } from '#kube/api.ts';
import { loadConfig } from '#kube/config.ts';
import { RELEASE, ROLLOUT } from '#kube/resources.ts';
import { createTransport, type Transport } from '#kube/transport.ts';
import { createWatchSource } from '#kube/watch.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { createInformers } from '#runtime/informers.ts';
import { systemRandom } from '#runtime/system-clock.ts';
import type { Cluster, ClusterFeed, ClusterFlags } from './world.ts';

const noTelemetry: Telemetry = { count: () => {}, gauge: () => {}, observe: () => {} };

/** The cluster that kubectl would talk to, with the caller's own credentials. */
export async function connect({ kubeconfig, context }: ClusterFlags, clock: Clock): Promise<Cluster> {
  const config = loadConfig({
    clock,
    ...(kubeconfig === undefined ? {} : { file: kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
  const transport = createTransport({ config, clock, telemetry: noTelemetry, userAgent: 'kubectl-headgate' });
  return {
    api: createKubeApi(transport),
    namespace: (await config.namespace()) ?? 'default',
    feed: async (namespace) => openFeed(transport, { namespace, clock }),
    close: () => transport.close(),
  };
}

/** Rollouts and Releases of one namespace, or of all, kept current by watches. */
function openFeed(
  transport: Transport,
  { namespace, clock }: { namespace: string | undefined; clock: Clock },
): ClusterFeed {
  const stop = new AbortController();
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  let synced = false;
  let trouble: { words: string; at: number } | undefined;
  const hear = (words: string) => {
    trouble = { words, at: clock.monotonic() };
    tell();
  };
  const informers = createInformers({
    kinds: [{ resource: ROLLOUT }, { resource: RELEASE }],
    namespace,
    sourceFor: (target) => createWatchSource(transport, target),
    clock,
    random: systemRandom,
    log: troubleLog(hear),
    telemetry: noTelemetry,
  });
  const stores = { rollouts: informers.store(ROLLOUT), releases: informers.store(RELEASE) };
  for (const store of Object.values(stores)) store.watch({ add: tell, update: tell, delete: tell });
  // Trouble is over once every kind was heard of again.
  const troubleNow = () => {
    if (trouble !== undefined && informers.silentMs() < clock.monotonic() - trouble.at) trouble = undefined;
    return trouble === undefined ? {} : { trouble: trouble.words };
  };
  const ready = informers.synced.then(() => {
    synced = true;
    tell();
  });
  const done = informers.run(stop.signal);
  return {
    ready,
    snapshot: () => ({
      rollouts: stores.rollouts.list(),
      releases: stores.releases.list(),
      synced,
      ...troubleNow(),
    }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      stop.abort();
      await done;
    },
  };
}

/** What the reflectors complain about is what the viewer must know: the picture may be old. */
function troubleLog(hear: (words: string) => void): Log {
  const complain = (message: string, fields: Record<string, unknown> = {}) => {
    const detail = fields['error'] ?? fields['message'] ?? fields['reason'];
    hear(detail === undefined ? message : `${message}: ${detail instanceof Error ? detail.message : String(detail)}`);
  };
  const log: Log = { debug: () => {}, info: () => {}, warn: complain, error: complain, with: () => log };
  return log;
}
