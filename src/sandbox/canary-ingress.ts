import type { KubeObject } from '#ports/kube-api.ts';
import { dig } from './kind.ts';

/**
 * What a controller for the annotations of ingress-nginx sends, as its documentation says: a second Ingress with the same
 * host and path and `canary: "true"` takes its weight from the first one. Of those without it the oldest one counts.
 */

const PREFIX = 'nginx.ingress.kubernetes.io/canary';
const WHOLE = 100_000;

interface Path {
  path?: string;
  backend?: { service?: { name?: string } };
}

/** Weights by backend of each Ingress that is no canary, by `namespace/Ingress/name`. Of each the first path counts. */
export function ingressSplits(ingresses: readonly KubeObject[]): Map<string, ReadonlyMap<string, number>> {
  const byAge = ingresses.toSorted((a, b) => bornAt(a) - bornAt(b));
  const served = new Map<string, KubeObject>();
  for (const ingress of byAge)
    if (!isCanary(ingress) && !served.has(placeOf(ingress))) served.set(placeOf(ingress), ingress);
  return new Map(
    [...served].map(([place, ingress]) => {
      const canary = byAge.find((other) => isCanary(other) && placeOf(other) === place);
      const share = canary === undefined ? 0 : canaryShare(canary);
      const { namespace, name } = ingress.metadata;
      const weights = new Map([[backendOf(ingress), WHOLE - share]]);
      if (canary !== undefined) weights.set(backendOf(canary), share);
      return [`${namespace}/Ingress/${name}`, weights];
    }),
  );
}

/** Parts of 100,000 that a canary's Ingress takes. */
export function canaryShare(ingress: KubeObject): number {
  if (!isCanary(ingress)) return 0;
  const { [`${PREFIX}-weight`]: weight = '0', [`${PREFIX}-weight-total`]: total = '100' } =
    ingress.metadata.annotations ?? {};
  const [part, whole] = [weight, total].map((text) => (/^\d+$/.test(text) ? Number(text) : Number.NaN));
  const share = Number(part) / Number(whole);
  return Number.isFinite(share) ? Math.round(Math.min(1, share) * WHOLE) : 0;
}

/** The Service of its first path. */
export function backendOf(ingress: KubeObject): string {
  return firstPath(ingress).backend?.service?.name ?? '';
}

function isCanary({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[PREFIX] === 'true';
}

function bornAt({ metadata }: KubeObject): number {
  return Date.parse(String(metadata.creationTimestamp));
}

function placeOf(ingress: KubeObject): string {
  const host = dig(ingress, ['spec', 'rules', '0', 'host']) ?? '';
  return `${ingress.metadata.namespace} ${host} ${firstPath(ingress).path ?? ''}`;
}

function firstPath(ingress: KubeObject): Path {
  return (dig(ingress, ['spec', 'rules', '0', 'http', 'paths', '0']) ?? {}) as Path;
}
