import { anyOf, defineEntry, exactly, type Target } from './define.ts';
import { CLUSTER, clusterAvailability, clusterGrpc, clusterLatency } from './envoy.ts';

/**
 * One arm's clusters: `httproute/<ns>/<route>/rule/<i>/backend/<j>`, the place among the backends, because the canary
 * is put right behind stable; or, with merged backends, `service/<ns>/<Service>/<port>/<protocol>`, where the protocol is
 * `http`, `http2` or `grpc`, as the port's appProtocol or the kind of the route says.
 */
function clusters({ namespace, routes, port }: Target, arm: { service: string; offset: number }): string {
  const own = routes.flatMap(({ name, namespace: where = namespace, rules }) =>
    rules.map(({ index, backend }) => `httproute/${where}/${name}/rule/${index}/backend/${backend + arm.offset}`),
  );
  return anyOf([...own.map(exactly), `${exactly(`service/${namespace}/${arm.service}/${port}/`)}[a-z0-9]+`]);
}

export const envoyGateway = defineEntry({
  gateway: 'envoy-gateway',
  title: 'Envoy Gateway 1.9 (Envoy 1.40)',
  checked: 'releases behind Envoy Gateway 1.9.1; counts recorded from Envoy 1.40',
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
    stable: clusters(target, { service: target.service, offset: 0 }),
    canary: clusters(target, { service: target.canaryService, offset: 1 }),
  }),
});
