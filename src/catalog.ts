import { httpRoute } from '#routers/http-route.ts';

/**
 * The only list of kinds. A new kind is one file, one line here and one golden folder; schema, docs and law suites
 * go by this list, and a kind that is not on it is an error.
 */
export const routers = [
  { router: httpRoute, doc: 'Gateway API HTTPRoute: splits every rule that names the Service by weight.' },
] as const;

export const gates = [
  { kind: 'errors', doc: 'Share of failed requests, canary against stable and against the objective.' },
] as const;

export const probes = [
  { kind: 'http', doc: 'One HTTP request to each canary pod; asserts on status and body, with stable as control.' },
] as const;
