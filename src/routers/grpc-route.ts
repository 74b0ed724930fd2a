import { ruleRouter } from './backend-rules.ts';

/** Gateway API v1 GRPCRoute: other matches and filters than an HTTPRoute, the same backendRefs. */
export const grpcRoute = ruleRouter({ key: 'grpcRoute', plural: 'grpcroutes', kind: 'GRPCRoute' });
