import type { Matcher, Selector, Slo } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { edgeSelectors } from './exported.ts';
import { escapeRegex, renderSelector } from './promql.ts';

/** Whose requests an error budget is about: all revisions of one Rollout. */
export interface BudgetScope {
  namespace: string;
  rollout: string;
}

/** The label by which the two series of `budgetQuery` are told apart: `total` and `bad`. */
export const PART = 'part';

/**
 * All events of the last `overMs` and the bad ones among them, in one question: two series without a label but `part`.
 * `increase` extrapolates and misses births, which a guardrail must not; over hours and days both are small. Undefined
 * for an objective without a budget.
 */
export function budgetQuery(slo: Slo, scope: BudgetScope, overMs: Millis): string | undefined {
  const total = totalOver(slo, scope, overMs);
  const bad = badOver(slo, scope, overMs);
  if (total === undefined || bad === undefined) return undefined;
  const named = (part: string, query: string) => `label_replace(${query}, "${PART}", "${part}", "", "")`;
  return `${named('total', total)} or ${named('bad', bad)}`;
}

/** Growth of one counter over the last `overMs`, of all revisions together: one series without a label. */
export function growthQuery(slo: Slo, selector: Selector, over: { scope: BudgetScope; overMs: Millis }): string {
  return sumOver(slo, selector, over);
}

function badOver(slo: Slo, scope: BudgetScope, overMs: Millis): string | undefined {
  const { sli } = slo;
  const grown = (selector: Selector) => sumOver(slo, selector, { scope, overMs });
  if (sli.kind === 'business' || sli.kind === 'query' || sli.kind === 'probe') return undefined;
  if (sli.kind === 'events') {
    if (sli.bad !== undefined) return grown(sli.bad);
    return sli.good === undefined ? undefined : `(${grown(sli.total)} - (${grown(sli.good)} or vector(0)))`;
  }
  const { histogram, threshold, form } = sli;
  if (form === 'Native') {
    const whole = grown(histogram);
    return `(histogram_count(${whole}) * (1 - histogram_fraction(0, ${threshold}, ${whole})))`;
  }
  const { metric, matchers } = histogram;
  // Prometheus 3 writes the bound 1 as 1.0, older ones do not.
  const le: Matcher = { label: 'le', op: '=~', value: `${escapeRegex(String(threshold))}(?:\\.0)?` };
  const good = grown({ metric: `${metric}_bucket`, matchers: [...matchers, le] });
  return `(${grown({ metric: `${metric}_count`, matchers })} - (${good} or vector(0)))`;
}

function totalOver(slo: Slo, scope: BudgetScope, overMs: Millis): string | undefined {
  const { sli } = slo;
  const grown = (selector: Selector) => sumOver(slo, selector, { scope, overMs });
  if (sli.kind === 'business' || sli.kind === 'query' || sli.kind === 'probe') return undefined;
  if (sli.kind === 'events') return grown(sli.total);
  const { metric, matchers } = sli.histogram;
  return sli.form === 'Native'
    ? `histogram_count(${grown(sli.histogram)})`
    : grown({ metric: `${metric}_count`, matchers });
}

function sumOver(slo: Slo, selector: Selector, { scope, overMs }: { scope: BudgetScope; overMs: Millis }): string {
  const range = `[${Math.max(1, Math.round(overMs / 1000))}s]`;
  return `sum(${selectorsOf(slo, selector, scope)
    .map((series) => `increase(${series}${range})`)
    .join(' or ')})`;
}

/** Pods are called `<rollout>-<revision>-<suffix>`: those of a Rollout whose name only begins alike have more parts. */
function selectorsOf({ arms }: Slo, { metric, matchers }: Selector, { namespace, rollout }: BudgetScope): string[] {
  if (arms.by === 'Label') {
    return edgeSelectors({ metric, matchers }, { label: arms.label, value: `(?:${arms.stable})|(?:${arms.canary})` });
  }
  const pods: Matcher[] = [
    { label: 'namespace', op: '=', value: namespace },
    { label: 'pod', op: '=~', value: `${escapeRegex(rollout)}-[a-z0-9]+-[a-z0-9]+` },
  ];
  return [renderSelector({ metric, matchers: [...pods, ...matchers] })];
}
