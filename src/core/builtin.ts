import type { Millis } from '#lib/units.ts';

/** SLIs that need no metric name: what is measured, and who measures it. The catalogue turns them into selectors. */

export const BUILTIN_KINDS = ['http-availability', 'http-latency', 'grpc-availability'] as const;
export type BuiltinKind = (typeof BUILTIN_KINDS)[number];

/** Who counts: the gateway before the pods, the mesh's proxies, or the application itself. */
export const GATEWAYS = ['traefik', 'envoy-gateway', 'istio', 'contour', 'linkerd', 'nginx', 'app'] as const;
export type Gateway = (typeof GATEWAYS)[number];

export interface BuiltinSli {
  kind: BuiltinKind;
  gateway: Gateway;
  /** Slower than this is bad: for http-latency, and for no other kind. */
  thresholdMs?: Millis;
}

export function isBuiltin<Other extends object>(sli: Other | BuiltinSli): sli is BuiltinSli {
  return 'gateway' in sli;
}
