import type { State } from '#core/model.ts';
import { statusOf } from '#kube/failures.ts';
import { apiVersionOf, SERVICE } from '#kube/resources.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';

/**
 * Whether a namespace is on its way out. The operator may not read namespaces, and need not: the API server refuses to
 * create anything in one that ends, and says so by a cause of its own, before it looks at the object.
 */
export interface EndingNamespace {
  /** Asks for a Rollout that gives a Deployment back, by a dry run, at most every ten seconds. Never throws. */
  ask(rollout: KubeObject, state: State | undefined, signal: AbortSignal): Promise<void>;
  /** What was last heard; false while nobody knows. */
  ends(rollout: KubeObject): boolean;
}

const APART_MS: Millis = 10_000;
/** Give-backs remembered; one more is only asked about again. */
const KEPT = 1000;

export function createEndingNamespace({ api, clock }: { api: KubeApi; clock: Clock }): EndingNamespace {
  const known = new Map<string, { askedAt: Millis; ends: boolean }>();
  const idOf = ({ metadata }: KubeObject) => metadata.uid ?? '';
  return {
    async ask(rollout, state, signal) {
      // All others are let go of soon enough without it.
      if (rollout.metadata.deletionTimestamp === undefined || state?.adopted === undefined) return;
      const before = known.get(idOf(rollout));
      const askedAt = clock.monotonic();
      if (before !== undefined && (before.ends || askedAt - before.askedAt < APART_MS)) return;
      known.set(idOf(rollout), { askedAt, ends: await refusesAll(api, rollout, signal) });
      if (known.size > KEPT) known.delete(known.keys().next().value ?? '');
    },
    ends: (rollout) => known.get(idOf(rollout))?.ends ?? false,
  };
}

async function refusesAll(api: KubeApi, { metadata }: KubeObject, signal: AbortSignal): Promise<boolean> {
  const { name, namespace = '' } = metadata;
  const service: KubeObject = {
    apiVersion: apiVersionOf(SERVICE),
    kind: SERVICE.kind,
    metadata: { name: `${name}-canary`, namespace },
    spec: { clusterIP: 'None', ports: [{ port: 80 }] },
  };
  try {
    await api.create(SERVICE, service, { dryRun: true, signal });
    return false;
  } catch (error) {
    // Any other answer, a refused right or no answer included, says nothing about the namespace.
    const causes = statusOf(error)?.details?.causes ?? [];
    return causes.some(({ reason }) => reason === 'NamespaceTerminating');
  }
}
