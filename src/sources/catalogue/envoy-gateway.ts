import { anyOf, defineEntry, exactly, type Target, type TargetRule } from './define.ts';
import { CLUSTER, clusterAvailability, clusterGrpc, clusterLatency } from './envoy.ts';

/**
 * One arm's clusters: `httproute/<ns>/<route>/rule/<i>/backend/<j>`, the place among the backends, because the canary
 * is put right behind stable; or, with merged backends, `service/<ns>/<Service>/<port>/<protocol>`, where the protocol is
 * `http`, `http2` or `grpc`, as the port's appProtocol or the kind of the route says.
 */
function clusters({ namespace, routes, port }: Target, service: string, among: (rule: TargetRule) => string[]): string {
  const own = routes.flatMap(({ name, namespace: where = namespace, rules }) =>
    rules.flatMap((rule) => among(rule).map((place) => `httproute/${where}/${name}/rule/${place}`)),
  );
  return anyOf([...own.map(exactly), `${exactly(`service/${namespace}/${service}/${port}/`)}[a-z0-9]+`]);
}

/** Copies have a cluster of their own, `<rule>-mirror-<filter>`, which is never merged with any other. */
function placesOfCanary({ index, backend, copied, matched }: TargetRule): string[] {
  return [
    `${index}/backend/${backend + 1}`,
    ...(copied === undefined ? [] : [`${index}-mirror-${copied}`]),
    ...(matched === undefined ? [] : [`${matched}/backend/0`]),
  ];
}

export const envoyGateway = defineEntry({
  gateway: 'envoy-gateway',
  title: 'Envoy Gateway 1.9 (Envoy 1.40)',
  checked: 'releases behind Envoy Gateway 1.9.1, with copies and matched users; counts recorded from Envoy 1.40',
  needs:
    'a filter on the backendRef, such as a RequestHeaderModifier, or `mergeBackends` in the EnvoyProxy: without either all backends of a rule are one cluster, and there is nothing to tell the arms by',
  // With merged backends a cluster serves every route to the Service.
  traffic: 'Service',
  kinds: {
    'http-availability': clusterAvailability,
    'http-latency': clusterLatency,
    'grpc-availability': clusterGrpc,
  },
  arms: (target) => ({
    by: 'Label',
    label: CLUSTER,
    stable: clusters(target, target.service, ({ index, backend }) => [`${index}/backend/${backend}`]),
    canary: clusters(target, target.canaryService, placesOfCanary),
  }),
});
