import { hasCode, OperatorError } from '#lib/errors.ts';
import { canonicalJson } from '#lib/json.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import type { MetricSource } from '#ports/metric-source.ts';
import type { Store } from '#runtime/cache.ts';
import { readMetricSource, type SourceWish } from '#schema/translate-inputs.ts';
import { createPrometheusSource } from '#sources/prometheus.ts';
import { readCredentials } from './source-credentials.ts';

/** Open sources by name, in step with the MetricSource objects and their Secrets. */
export interface SourcePool {
  /** Opens what is new or changed, closes what is gone. Safe to call often. */
  refresh(): Promise<void>;
  /**
   * The source of that name, or the default. One that cannot be opened is there as well: it answers every query with
   * the reason. While sources are in use, Secrets are read again every half minute, so that a rotated one is taken up.
   */
  sourceFor(name: string | undefined): MetricSource | undefined;
  close(): void;
}

interface Open {
  fingerprint: string;
  wish: SourceWish;
  source: MetricSource & { close(): void };
  /** When its Secret was read last, on the monotonic clock. */
  readAt: Millis;
}

interface PoolDeps {
  api: KubeApi;
  store: Store;
  clock: Clock;
  log: Log;
}

const REREAD_MS = 30_000;

export function createSourcePool(deps: PoolDeps): SourcePool {
  const { store, clock } = deps;
  const open = new Map<string, Open>();
  let closed = false;
  // One after the other: a slow read of an old state must not come after the new one.
  let renewals = Promise.resolve();

  async function renew(wish: SourceWish): Promise<void> {
    const old = open.get(wish.name);
    const fresh = await openAnew(deps, wish, old);
    if (closed || fresh === undefined) return;
    if (fresh.fingerprint === old?.fingerprint) {
      old.readAt = clock.monotonic();
      return;
    }
    open.set(wish.name, { ...fresh, wish, source: fresh.create(), readAt: clock.monotonic() });
    old?.source.close();
  }

  function renewLater(isMeant: (wish: SourceWish) => boolean): Promise<void> {
    renewals = renewals.then(async () => {
      for (const wish of wishesOf(store).filter(isMeant)) await renew(wish);
    });
    return renewals;
  }

  return {
    refresh() {
      const wishes = wishesOf(store);
      for (const [name, { source }] of open) {
        if (wishes.some((wish) => wish.name === name)) continue;
        open.delete(name);
        source.close();
      }
      return renewLater(() => true);
    },
    sourceFor(name) {
      const found = name === undefined ? [...open.values()].find(({ wish }) => wish.isDefault) : open.get(name);
      if (found !== undefined && isOld(found, clock.monotonic())) {
        found.readAt = clock.monotonic();
        void renewLater((wish) => wish.name === found.wish.name);
      }
      return found?.source;
    },
    close() {
      closed = true;
      for (const { source } of open.values()) source.close();
      open.clear();
    },
  };
}

function isOld({ wish, readAt }: Open, now: Millis): boolean {
  return (wish.auth !== undefined || wish.ca !== undefined) && now - readAt >= REREAD_MS;
}

type Fresh = Pick<Open, 'fingerprint'> & { create(): Open['source'] };

/** The source as it should be now; undefined when nothing is known to have changed. Never throws. */
async function openAnew(
  { api, clock, log }: PoolDeps,
  wish: SourceWish,
  old: Open | undefined,
): Promise<Fresh | undefined> {
  const { name, url, limits, flavour, tenant } = wish;
  try {
    const credentials = await readCredentials(api, wish);
    const options = { name, url, limits, flavour, clock, ...credentials, ...(tenant === undefined ? {} : { tenant }) };
    return { fingerprint: canonicalJson({ wish, credentials }), create: () => createPrometheusSource(options) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // The API server's silence closes nothing that is open under the same spec.
    const unanswered = !hasCode(error, 'SOURCE_UNREACHABLE');
    if (unanswered && old !== undefined && canonicalJson(old.wish) === canonicalJson(wish)) return undefined;
    const fingerprint = canonicalJson({ wish, message });
    if (old?.fingerprint !== fingerprint) {
      log.warn('a MetricSource cannot be opened', { source: name, error: message });
    }
    return { fingerprint, create: () => shut(name, message) };
  }
}

function wishesOf(store: Store): SourceWish[] {
  return store.list().flatMap((object) => {
    const read = readMetricSource(object);
    return read.ok ? [read.value] : [];
  });
}

/** A source that is named and cannot be opened. */
function shut(name: string, message: string): Open['source'] {
  const refuse = () => Promise.reject(new OperatorError('SOURCE_UNREACHABLE', `${name}: ${message}`));
  return { name, query: refuse, range: refuse, close: () => undefined };
}
