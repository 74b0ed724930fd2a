import { defineEntry, exactly } from './define.ts';
import { CLUSTER, clusterAvailability, clusterGrpc, clusterLatency } from './envoy.ts';

export const contour = defineEntry({
  gateway: 'contour',
  title: 'Contour 1.3x',
  checked: "Envoy's recorded series under the cluster names that Contour's source gives (`altStatName`)",
  needs: "a scrape of Envoy's `/stats/prometheus`",
  traffic: 'Service',
  kinds: {
    'http-availability': clusterAvailability,
    'http-latency': clusterLatency,
    'grpc-availability': clusterGrpc,
  },
  // A namespace and a Service have no underscore, so nothing else is called so.
  arms: ({ namespace, service, canaryService, port }) => ({
    by: 'Label',
    label: CLUSTER,
    stable: exactly(`${namespace}_${service}_${port}`),
    canary: exactly(`${namespace}_${canaryService}_${port}`),
  }),
});
