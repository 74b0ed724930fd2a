import { group, list, name, ruled } from './vocabulary.ts';

const route = ruled(
  group({
    httpRoute: name().exactOptional().describe('Name of an HTTPRoute in this namespace. Give this or grpcRoute.'),
    grpcRoute: name().exactOptional().describe('Name of a GRPCRoute in this namespace.'),
  }),
  {
    cel: 'has(self.httpRoute) != has(self.grpcRoute)',
    message: 'give exactly one of httpRoute and grpcRoute',
    holds: ({ httpRoute, grpcRoute }) => (httpRoute === undefined) !== (grpcRoute === undefined),
  },
);

/** Rollout.spec.traffic: the routes that split the traffic, of any kind of the catalog, none of them twice. */
export const traffic = ruled(list(route, { max: 8 }), {
  cel: 'self.all(a, self.exists_one(b, (has(a.httpRoute) && has(b.httpRoute) && a.httpRoute == b.httpRoute) || (has(a.grpcRoute) && has(b.grpcRoute) && a.grpcRoute == b.grpcRoute)))',
  message: 'must not have two entries of the same route',
  holds: (all) => new Set(all.map((entry) => JSON.stringify(entry))).size === all.length,
});
