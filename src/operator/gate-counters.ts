import type { CountedSli, LatencySli, Selector } from '#core/gate.ts';

export interface Counter {
  name: string;
  selector: Selector;
}

/** The counter that all others are a part of. */
export function wholeOf(sli: CountedSli): Selector {
  if (sli.kind === 'latency') return countOf(sli);
  return sli.kind === 'events' ? sli.total : sli.exposure;
}

/** What is counted for an SLI of plain counters, the whole first. */
export function countersOf(sli: Exclude<CountedSli, LatencySli>): [Counter, ...Counter[]] {
  const parts: Record<string, Selector | undefined> =
    sli.kind === 'events' ? { bad: sli.bad, good: sli.good } : { events: sli.events, value: sli.value };
  const counters = Object.entries(parts).flatMap(([name, selector]) =>
    selector === undefined ? [] : [{ name, selector }],
  );
  return [{ name: sli.kind === 'events' ? 'total' : 'exposure', selector: wholeOf(sli) }, ...counters];
}

/** The series of a histogram that carry the labels of its targets and the time of their scrapes. */
export function countOf({ histogram, form }: LatencySli): Selector {
  return form === 'Native' ? histogram : { ...histogram, metric: `${histogram.metric}_count` };
}
