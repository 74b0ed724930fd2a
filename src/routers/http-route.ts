import { ruleRouter } from './backend-rules.ts';

/** Gateway API v1 HTTPRoute. */
export const httpRoute = ruleRouter({ key: 'httpRoute', plural: 'httproutes', kind: 'HTTPRoute' });
