import type { ArmSplit, Matcher, Selector } from '#core/gate.ts';
import { quoteLabel } from './promql.ts';

/** A label whose values tell the arms apart in the metrics of a gateway. */
export type EdgeSplit = Extract<ArmSplit, { by: 'Label' }>;

const PROCESS = 'namespace, pod, container, instance';

/**
 * The raw counter of each gateway process and arm. The values of the arm's label are forced: they hold namespace and
 * Service, so that nobody reads another's traffic. Pods and namespace are the gateway's own and stay free.
 */
export function edgeCountQuery(selector: Selector, split: EdgeSplit): string {
  return `sum by (${PROCESS}, ${split.label}) (${edgeText(selector, split)})`;
}

/** The buckets of each gateway process and arm: one number for each bound `le`. */
export function edgeBucketsQuery({ metric, matchers }: Selector, split: EdgeSplit): string {
  return `sum by (${PROCESS}, ${split.label}, le) (${edgeText({ metric: `${metric}_bucket`, matchers }, split)})`;
}

/** When each gateway process was scraped last, in seconds. */
export function edgeScrapedQuery(selector: Selector, split: EdgeSplit): string {
  return `max by (${PROCESS}) (timestamp(${edgeText(selector, split)}))`;
}

function edgeText({ metric, matchers }: Selector, { label, stable, canary }: EdgeSplit): string {
  const arms: Matcher = { label, op: '=~', value: `(?:${stable})|(?:${canary})` };
  const own = matchers.filter((matcher) => matcher.label !== label);
  const all = [arms, ...own].map((matcher) => `${matcher.label}${matcher.op}${quoteLabel(matcher.value)}`);
  return `${metric}{${all.join(',')}}`;
}
