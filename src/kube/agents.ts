import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import type { Credentials } from './config.ts';

/** The connections of one set of credentials. Watches have their own, so that one dead session takes not both. */
export interface Connections {
  calls: Dispatcher;
  watches: Dispatcher;
}

export interface Agents {
  for(credentials: Credentials): Connections;
  close(): Promise<void>;
}

/** No answer of the API server may be larger: a page of 500 objects of 100 KB fits. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20;

/** One pair of undici agents per TLS fingerprint; the old pair finishes what runs on it when certificates change. */
export function createAgents({ connections = 16 }: { connections?: number } = {}): Agents {
  let current: { fingerprint: string; pair: Connections } | undefined;
  const retired = new Set<Promise<unknown>>();
  const retire = ({ calls, watches }: Connections) => {
    for (const agent of [calls, watches]) {
      const closing = agent.close().catch(() => undefined);
      retired.add(closing);
      closing.finally(() => retired.delete(closing)).catch(() => undefined);
    }
  };
  return {
    for(credentials) {
      if (current?.fingerprint === credentials.fingerprint) return current.pair;
      if (current !== undefined) retire(current.pair);
      const pair = {
        calls: connect(credentials, { connections, maxResponseSize: MAX_ANSWER_BYTES }),
        watches: connect(credentials, {}),
      };
      current = { fingerprint: credentials.fingerprint, pair };
      return pair;
    },
    async close() {
      const pair = current?.pair;
      current = undefined;
      // Watches never end by themselves, so they are cut; calls are few and short.
      await Promise.all([pair?.calls.close(), pair?.watches.destroy()]);
    },
  };
}

function connect(
  { tls, proxyUrl }: Credentials,
  limits: { connections?: number; maxResponseSize?: number },
): Dispatcher {
  const options = {
    ...limits,
    // One request at a time on a connection: a slow list must not stand before a weight write.
    pipelining: 1,
    allowH2: false,
    // kube-apiserver and most load balancers keep an idle connection longer than this.
    keepAliveTimeout: 30_000,
    keepAliveMaxTimeout: 60_000,
  };
  if (proxyUrl !== undefined) return new ProxyAgent({ ...options, uri: proxyUrl, requestTls: tls });
  return new Agent({
    ...options,
    connect: { ...tls, timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000 },
  });
}
