import { readFileSync } from 'node:fs';

/**
 * Traefik's own kinds, all of them: its provider waits until it has listed each. TraefikService is as Traefik publishes
 * it, but for descriptions; the others take whatever they are given.
 */

const GROUP = 'traefik.io';

const kinds: readonly (readonly [kind: string, plural: string])[] = [
  ['IngressRoute', 'ingressroutes'],
  ['IngressRouteTCP', 'ingressroutetcps'],
  ['IngressRouteUDP', 'ingressrouteudps'],
  ['Middleware', 'middlewares'],
  ['MiddlewareTCP', 'middlewaretcps'],
  ['ServersTransport', 'serverstransports'],
  ['ServersTransportTCP', 'serverstransporttcps'],
  ['TLSOption', 'tlsoptions'],
  ['TLSStore', 'tlsstores'],
  ['TraefikService', 'traefikservices'],
];

export interface Crd {
  metadata: { name: string };
  [field: string]: unknown;
}

export function traefikKinds(): Crd[] {
  const published = JSON.parse(
    readFileSync(new URL('../routers/schemas/traefik-service.json', import.meta.url), 'utf8'),
  );
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return kinds.map(([kind, plural]) => {
    const spec = kind === 'TraefikService' ? published.spec : anything;
    const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${GROUP}` },
      spec: {
        group: GROUP,
        names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
        scope: 'Namespaced',
        versions: [{ name: 'v1alpha1', served: true, storage: true, schema }],
      },
    };
  });
}
