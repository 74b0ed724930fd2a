import { anyOf, defineEntry, exactly, type Target } from './define.ts';
import { CLUSTER, clusterAvailability, clusterGrpc, clusterLatency } from './envoy.ts';

/**
 * One arm's clusters: `httproute/<ns>/<route>/rule/<i>/backend/<j>`, the place among the backends, because the canary
 * is put right behind stable; or, with merged backends, `service/<ns>/<Service>/<port>`.
 */
function clusters({ namespace, routes, port }: Target, arm: { service: string; offset: number }): string {
  const own = routes.flatMap(({ name, namespace: where = namespace, rules }) =>
    rules.map(({ index, backend }) => `httproute/${where}/${name}/rule/${index}/backend/${backend + arm.offset}`),
  );
  return anyOf([...own, `service/${namespace}/${arm.service}/${port}`].map(exactly));
}

export const envoyGateway = defineEntry({
  gateway: 'envoy-gateway',
  title: 'Envoy Gateway 1.9 (Envoy 1.40)',
  checked: "recorded from Envoy 1.40 with Envoy Gateway's cluster names",
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
