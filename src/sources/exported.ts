import type { Matcher, Selector } from '#core/gate.ts';
import { renderSelector } from './promql.ts';

/**
 * Labels that a series shares with its scrape target. Prometheus keeps the target's and calls the series' own
 * `exported_<name>`, unless the target has none of that name or the scrape says `honor_labels`: a gateway that is found
 * by a ServiceMonitor shows `exported_service`, and the same gateway found by its annotations `service`.
 */
const TARGET_LABELS = ['namespace', 'pod', 'container', 'instance', 'job', 'service', 'endpoint'];

/** The labels that are called otherwise. */
export type Renaming = ReadonlySet<string>;

/** Every way in which Prometheus may have stored series with these labels, the plain one first. */
export function renamings(labels: Iterable<string>): Renaming[] {
  const shared = [...new Set(labels)].filter((label) => TARGET_LABELS.includes(label));
  let ways: string[][] = [[]];
  for (const label of shared) ways = [...ways, ...ways.map((way) => [...way, label])];
  return ways.map((way) => new Set(way));
}

/** The label under its stored name, and what else a selector must ask for so that it is the series' own. */
export function storedAs(label: string, renaming: Renaming): { label: string; guards: Matcher[] } {
  if (renaming.has(label)) return { label: `exported_${label}`, guards: [] };
  // The gateway's own namespace must not do for the namespace of the Service that it counts.
  const guards: Matcher[] = TARGET_LABELS.includes(label) ? [{ label: `exported_${label}`, op: '=', value: '' }] : [];
  return { label, guards };
}

/** The selector under the stored names of its labels. */
export function storedSelector({ metric, matchers }: Selector, renaming: Renaming): Selector {
  const stored = matchers.flatMap(({ label, op, value }): Matcher[] => {
    const { label: name, guards } = storedAs(label, renaming);
    return [{ label: name, op, value }, ...guards];
  });
  return { metric, matchers: stored };
}

/**
 * Series of a gateway whose arm's label matches `value`, under every name that they may have, each as a selector in
 * PromQL: whichever is the right one, the others are empty.
 */
export function edgeSelectors({ metric, matchers }: Selector, arm: { label: string; value: string }): string[] {
  const all: Matcher[] = [{ label: arm.label, op: '=~', value: arm.value }, ...matchers];
  return renamings(all.map(({ label }) => label)).map((renaming) =>
    renderSelector(storedSelector({ metric, matchers: all }, renaming)),
  );
}
