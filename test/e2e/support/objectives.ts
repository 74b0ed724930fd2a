/** Objectives beside the error objective of `shop.ts`: what the lab's pods offer for latency and for business. */

const requests = { metric: 'http_requests_total', matchers: [{ label: 'code', op: '=~', value: '2..' }] };

/**
 * Requests above half a second are slow: no pod of the tests is, unless two busy cores make it so. The whole distribution
 * is what the stop test compares. 500 ms is a power of two, so native histograms have it too.
 */
export function latencyObjective(form: 'Classic' | 'Native' = 'Classic'): Record<string, unknown> {
  const metric = form === 'Native' ? 'http_request_duration_native_seconds' : 'http_request_duration_seconds';
  return { objective: '99', source: 'lab', sli: { latency: { histogram: { metric }, threshold: '500ms', form } } };
}

/** Orders per good request must not fall by more than a twentieth. */
export function ordersObjective(): Record<string, unknown> {
  const business = { exposure: requests, events: { metric: 'shop_orders_total' }, worse: 'Lower', tolerate: '5%' };
  return { source: 'lab', sli: { business } };
}

/** The answers of a suite, canary against stable. No source counts them. */
export function answersObjective(suite: string): Record<string, unknown> {
  return { sli: { probe: { suite } } };
}

/** What users ask for as well, three times a second; the smoke test knows nothing of it. */
export function promptsSuite(): Record<string, unknown> {
  const requests = ['first', 'second', 'third'].map((name) => ({ name, http: { path: `/${name}` } }));
  return { requests, every: '1s', retries: 0 };
}
