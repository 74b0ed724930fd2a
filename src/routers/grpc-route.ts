import { gatewayRouter } from './gateway-rules.ts';

/** Gateway API v1 GRPCRoute: other matches and filters than an HTTPRoute, the same backendRefs. */
export const grpcRoute = gatewayRouter({
  key: 'grpcRoute',
  plural: 'grpcroutes',
  kind: 'GRPCRoute',
  reaches: ['header'],
  everything: {},
});
