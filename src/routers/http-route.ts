import { gatewayRouter } from './gateway-rules.ts';

/** Gateway API v1 HTTPRoute. */
export const httpRoute = gatewayRouter({
  key: 'httpRoute',
  plural: 'httproutes',
  kind: 'HTTPRoute',
  reaches: ['header', 'mirror'],
  everything: { path: { type: 'PathPrefix', value: '/' } },
});
