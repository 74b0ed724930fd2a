import { SECRET } from '#kube/resources.ts';
import { canonicalJson } from '#lib/json.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import type { MetricSource } from '#ports/metric-source.ts';
import type { Store } from '#runtime/cache.ts';
import { readMetricSource, type SecretAuth, type SourceWish } from '#schema/translate-inputs.ts';
import { createPrometheusSource, type SourceAuth } from '#sources/prometheus.ts';

/** Open sources by name, in step with the MetricSource objects and their Secrets. */
export interface SourcePool {
  /** Opens what is new or changed, closes what is gone. Safe to call often. */
  refresh(): Promise<void>;
  sourceFor(name: string | undefined): MetricSource | undefined;
  close(): void;
}

interface Open {
  fingerprint: string;
  wish: SourceWish;
  source: MetricSource & { close(): void };
}

export function createSourcePool({
  api,
  store,
  clock,
  log,
}: {
  api: KubeApi;
  store: Store;
  clock: Clock;
  log: Log;
}): SourcePool {
  const open = new Map<string, Open>();
  async function renew(wish: SourceWish): Promise<void> {
    const auth = wish.auth === undefined ? undefined : await readAuth(api, wish.auth);
    const fingerprint = canonicalJson({ wish, auth });
    const old = open.get(wish.name);
    if (old?.fingerprint === fingerprint) return;
    const { name, url, limits } = wish;
    open.set(name, {
      fingerprint,
      wish,
      source: createPrometheusSource({ name, url, limits, clock, ...(auth === undefined ? {} : { auth }) }),
    });
    old?.source.close();
  }
  return {
    async refresh() {
      const wishes = store.list().flatMap((object) => {
        const read = readMetricSource(object);
        return read.ok ? [read.value] : [];
      });
      for (const [name, { source }] of open) {
        if (wishes.some((wish) => wish.name === name)) continue;
        open.delete(name);
        source.close();
      }
      for (const wish of wishes) {
        // One source whose Secret cannot be read must not take the others with it.
        await renew(wish).catch((error: Error) =>
          log.warn('a MetricSource cannot be opened', { source: wish.name, error: error.message }),
        );
      }
    },
    sourceFor(name) {
      if (name !== undefined) return open.get(name)?.source;
      return [...open.values()].find(({ wish }) => wish.isDefault)?.source;
    },
    close() {
      for (const { source } of open.values()) source.close();
      open.clear();
    },
  };
}

async function readAuth(api: KubeApi, auth: SecretAuth): Promise<SourceAuth> {
  const secret = await api.get({ resource: SECRET, ...auth.secret });
  const data = (secret['data'] ?? {}) as Record<string, string>;
  const value = (key: string) =>
    Buffer.from(data[key] ?? '', 'base64')
      .toString('utf8')
      .trim();
  if (auth.kind === 'bearer') return { kind: 'bearer', token: value(auth.key) };
  return { kind: 'basic', username: value(auth.usernameKey), password: value(auth.passwordKey) };
}
