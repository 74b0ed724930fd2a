import { isRecord } from '#lib/json.ts';
import { type Weight, WHOLE } from '#lib/units.ts';
import { annotationPointer, lastAnnotator } from './annotators.ts';
import { defineRouter, type PatchOperation, type RouteObject, type RouteReading, type ServicePair } from './define.ts';
import { FENCE_ANNOTATION, guards, readFence, removeFence, setFence } from './fence.ts';
import { recordsOf, specOf } from './lists.ts';

/**
 * Ingress as ingress-nginx, and Traefik's provider for its annotations, split it: a second Ingress beside the user's, with
 * the same hosts and paths, `canary: "true"` and a weight. The second one is ours; the user's is read and never
 * written. It is made anew for each release, because a controller that sees `canary` takes all other annotations from the
 * user's, and what it does not take from there, session affinity say, is copied.
 *
 * Source: ingress-nginx, user guide, annotations, "Canary". `canary-weight` is an integer of `canary-weight-total`.
 */
export const nginxIngress = defineRouter({
  kind: 'nginxIngress',
  resource: { group: 'networking.k8s.io', version: 'v1', plural: 'ingresses', kind: 'Ingress', namespaced: true },
  can: ['weight'],
  granularity: 1,
  writes: '/metadata/annotations',
  read: readCanary,
  capture: () => '',
  write(ours, _services, { weight, fence, resourceVersion }) {
    const said = ours.metadata.annotations ?? {};
    const changes = Object.entries(splitOf(weight)).flatMap(([name, value]): PatchOperation[] => {
      const path = annotationPointer(name);
      const was: PatchOperation[] = said[name] === undefined ? [] : [{ op: 'test', path, value: said[name] }];
      return said[name] === value ? [] : [...was, { op: 'add', path, value }];
    });
    // The fence comes first: where there are no annotations at all it brings the map that all others go into.
    const all = [...setFence(ours, fence), ...changes];
    return all.length === 0 ? [] : [...guards(ours, resourceVersion), ...all];
  },
  clearFence: removeFence,
  companion: { suffix: '-canary', made: canaryOf },
  skips: [
    { law: '4: what is not ours never changes', reason: "the user's Ingress is never written" },
    {
      law: '7: rules that disagree are unknown, and the next write mends them',
      reason: 'it has one weight for all rules',
    },
    {
      law: '8: a conflict stays a conflict and gets no canary',
      reason: "a conflict is the user's Ingress's, and then there is none of ours",
    },
  ],
  manager: (ours) => lastAnnotator(ours, [CANARY, WEIGHT, TOTAL, FENCE_ANNOTATION]),
});

const PREFIX = 'nginx.ingress.kubernetes.io/';
const CANARY = `${PREFIX}canary`;
const WEIGHT = `${PREFIX}canary-weight`;
const TOTAL = `${PREFIX}canary-weight-total`;
const OLD_CLASS = 'kubernetes.io/ingress.class';

function splitOf(weight: Weight): Record<string, string> {
  return { [CANARY]: 'true', [WEIGHT]: String(weight), [TOTAL]: String(WHOLE) };
}

function readCanary(ours: RouteObject, _services: ServicePair, memo = ''): RouteReading {
  const weight = weightOf(ours.metadata.annotations ?? {});
  const fence = readFence(ours);
  return {
    weight,
    ...(weight === undefined && { spread: { least: 0, most: WHOLE } }),
    ...(fence && { fence }),
    memo,
    rulesSplit: weight === 0 ? 0 : 1,
    extra: [],
    ...(isSticky(ours.metadata.annotations ?? {}) && { sticky: true }),
  };
}

/** Undefined where nobody knows what a controller makes of it: without `canary` it is an Ingress like any other. */
function weightOf(said: Record<string, string>): Weight | undefined {
  const { [CANARY]: canary, [WEIGHT]: weight = '0', [TOTAL]: total = '100' } = said;
  if (canary !== 'true' || byHeaderOrCookie(said)) return undefined;
  if (!/^\d{1,9}$/.test(weight) || !/^[1-9]\d{0,8}$/.test(total)) return undefined;
  const share = Math.min(1, Number(weight) / Number(total));
  // A trickle is never nothing, nor is almost everything all of it.
  if (share === 0 || share === 1) return share * WHOLE;
  return Math.min(WHOLE - 1, Math.max(1, Math.round(share * WHOLE)));
}

/** `affinity-canary-behavior` is `sticky` where nothing is said: users of either Ingress stay with it. */
function isSticky(said: Record<string, string>): boolean {
  return said[`${PREFIX}affinity`] === 'cookie' && said[`${PREFIX}affinity-canary-behavior`] !== 'legacy';
}

function byHeaderOrCookie(said: Record<string, string>): boolean {
  return Object.keys(said).some((name) => name.startsWith(`${CANARY}-by-`));
}

/** Ours at weight 0: the paths that name the Service, each with the canary's in its place. */
function canaryOf(ingress: RouteObject, { stable, canary }: ServicePair): RouteObject | { conflict: string } {
  const { name, namespace, annotations = {} } = ingress.metadata;
  const { ingressClassName, rules } = specOf(ingress);
  if (annotations[CANARY] === 'true')
    return { conflict: `Ingress ${name} is a canary itself: name the Ingress that it stands beside` };
  const split = recordsOf(rules).flatMap(({ host, http }) => {
    const paths = recordsOf(isRecord(http) ? http['paths'] : undefined).flatMap((path) => {
      const service = serviceOf(path);
      return service['name'] === stable ? [{ ...path, backend: { service: { ...service, name: canary } } }] : [];
    });
    return paths.length === 0 ? [] : [{ ...(host === undefined ? {} : { host }), http: { paths } }];
  });
  if (split.length === 0)
    return {
      conflict: `no path of Ingress ${name} sends traffic to Service ${stable}: add one (a default backend cannot be split), or name another Ingress in spec.traffic`,
    };
  const kept = Object.entries(annotations).filter(
    ([key]) => key === OLD_CLASS || (key.startsWith(PREFIX) && !key.startsWith(CANARY)),
  );
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name: `${name}-canary`,
      ...(namespace === undefined ? {} : { namespace }),
      annotations: { ...Object.fromEntries(kept), ...splitOf(0) },
    },
    spec: { ...(ingressClassName === undefined ? {} : { ingressClassName }), rules: split },
  };
}

function serviceOf({ backend }: Record<string, unknown>): Record<string, unknown> {
  const service = isRecord(backend) ? backend['service'] : undefined;
  return isRecord(service) ? service : {};
}
