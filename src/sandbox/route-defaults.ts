import { GRPC_ROUTE, HTTP_ROUTE } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { plant, type SandboxKind } from './kind.ts';

/** Routes get the defaults of their CRD that the operator reads or writes. */
export function defaulted(kind: SandboxKind): SandboxKind {
  if (kind.resource !== HTTP_ROUTE && kind.resource !== GRPC_ROUTE) return kind;
  // A rule of a GRPCRoute without matches has none; one of an HTTPRoute matches every path.
  const matches = kind.resource === HTTP_ROUTE ? [{ path: { type: 'PathPrefix', value: '/' } }] : undefined;
  const complete = (object: KubeObject) => plant(object, ['spec'], completeRouteSpec(object['spec'], matches));
  return { ...kind, complete: (object) => complete(object) as KubeObject };
}

interface RouteSpec {
  parentRefs?: object[];
  rules?: { matches?: unknown; backendRefs?: object[] }[];
}

function completeRouteSpec(given: unknown, everything: object[] | undefined): RouteSpec {
  const { parentRefs, rules = [{}], ...rest } = (given ?? {}) as RouteSpec;
  const parent = { group: 'gateway.networking.k8s.io', kind: 'Gateway' };
  return {
    ...rest,
    ...(parentRefs === undefined ? {} : { parentRefs: parentRefs.map((ref) => ({ ...parent, ...ref })) }),
    rules: rules.map(({ matches = everything, backendRefs, ...rule }) => ({
      ...rule,
      ...(backendRefs === undefined
        ? {}
        : { backendRefs: backendRefs.map((ref) => ({ group: '', kind: 'Service', weight: 1, ...ref })) }),
      ...(matches === undefined ? {} : { matches }),
    })),
  };
}
