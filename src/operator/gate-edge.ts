import type { ArmSplit, CountedSli, LatencySli, Selector } from '#core/gate.ts';
import { STALE_SCRAPES } from '#gates/bounds.ts';
import { joinCounters } from '#gates/evidence.ts';
import type { Arm, CounterSample, PodInfo, ProcessName, TickSamples } from '#gates/samples.ts';
import type { Millis } from '#lib/units.ts';
import type { Labels } from '#ports/metric-source.ts';
import type { Question, Within } from '#sources/ask.ts';
import { type Renaming, renamings, storedAs, storedSelector } from '#sources/exported.ts';
import type { Asks, Grid, Span } from './gate-asks.ts';
import { bucketsOf, bucketsQuestion } from './gate-buckets.ts';
import { countersOf, wholeOf } from './gate-counters.ts';
import { nameOf, scrapeTimes } from './gate-processes.ts';

/** A label whose values tell the arms apart in the metrics of a gateway. */
export type EdgeSplit = Extract<ArmSplit, { by: 'Label' }>;

const ARMS: readonly Arm[] = ['canary', 'stable'];

/**
 * Counters of a gateway, whose processes serve both arms: each process stands for one pod of each arm, so that births,
 * resets and late scrapes are told as they are for pods.
 */

export interface EdgeWanted {
  sli: CountedSli;
  split: EdgeSplit;
  scrapeMs: Millis;
  span: Span;
}

/** The samples of a span, by instant. */
export async function readEdge(asks: Asks, wanted: EdgeWanted): Promise<(at: Millis) => TickSamples> {
  const { sli } = wanted;
  const { arms, scraped } = await found(asks, wanted);
  const read = await (sli.kind === 'latency' ? readBuckets(arms, sli) : readCounters(arms, countersOf(sli)));
  return (at) => {
    const times = new Map(scraped.flatMap(([, grid]) => [...scrapeTimes(grid, at)]));
    const { names, samples } = read(at, times);
    return { at, names, samples, ...standIns(times, at - STALE_SCRAPES * wanted.scrapeMs) };
  };
}

type Read = (at: Millis, times: ReadonlyMap<string, Millis>) => Pick<TickSamples, 'names' | 'samples'>;
/** Asks the same for each arm. */
type Arms = (question: (within: Within) => Question) => Promise<[Arm, Grid][]>;

/** Asks for the series under each name that the source may have given their labels, until it knows any. */
async function found(asks: Asks, { sli, split, span }: EdgeWanted): Promise<{ arms: Arms; scraped: [Arm, Grid][] }> {
  const selector = wholeOf(sli);
  const ways = renamings([split.label, ...selector.matchers.map(({ label }) => label)]);
  for (const [index, renaming] of ways.entries()) {
    const arms = armsOf(asks, split, { span, renaming });
    const scraped = await arms((within) => ({ what: 'ScrapeTimes', selector, within }));
    if (scraped.some(([, grid]) => grid.size > 0) || index === ways.length - 1) return { arms, scraped };
  }
  return { arms: async () => [], scraped: [] };
}

/**
 * The values of the arm's label are forced: they hold namespace and Service, so that nobody reads another's traffic.
 * Pods and namespace are the gateway's own and stay free. A value that both patterns match is the canary's.
 */
function armsOf(
  asks: Asks,
  { label: given, stable, canary }: EdgeSplit,
  { span, renaming }: { span: Span; renaming: Renaming },
): Arms {
  const { label, guards } = storedAs(given, renaming);
  const withins = {
    canary: { by: 'Label', label, value: canary },
    stable: { by: 'Label', label, value: stable, except: canary },
  } as const;
  const one = ({ selector, ...rest }: Question): Question => {
    const { metric, matchers } = selector;
    const own = storedSelector({ metric, matchers: matchers.filter((matcher) => matcher.label !== given) }, renaming);
    return { ...rest, selector: { metric, matchers: [...own.matchers, ...guards] } };
  };
  return (question) =>
    Promise.all(ARMS.map(async (arm) => [arm, await asks.ask(one(question(withins[arm])), span)] as [Arm, Grid]));
}

async function readCounters(arms: Arms, counters: readonly { name: string; selector: Selector }[]): Promise<Read> {
  const all = await Promise.all(
    counters.map(({ selector }) => arms((within) => ({ what: 'Counts', selector, within }))),
  );
  const names = counters.map(({ name }) => name);
  return (at, times) => ({ names, samples: joinCounters(all.map((grids) => countsAt(grids, at, times))) });
}

function countsAt(grids: readonly [Arm, Grid][], at: Millis, times: ReadonlyMap<string, Millis>): CounterSample[] {
  return grids.flatMap(([arm, grid]) =>
    (grid.get(at) ?? []).flatMap(({ labels, value }) => {
      const name = edgeName(labels, arm, times);
      return name === undefined ? [] : [{ ...name, value }];
    }),
  );
}

async function readBuckets(arms: Arms, sli: LatencySli): Promise<Read> {
  const grids = await arms((within) => bucketsQuestion(sli, within));
  return (at, times) => {
    const armOf = new Map(grids.flatMap(([arm, grid]) => (grid.get(at) ?? []).map(({ labels }) => [labels, arm])));
    const points = grids.flatMap(([, grid]) => grid.get(at) ?? []);
    return bucketsOf(sli, points, (labels) => edgeName(labels, armOf.get(labels), times));
  };
}

function edgeName(labels: Labels, arm: Arm | undefined, times: ReadonlyMap<string, Millis>): ProcessName | undefined {
  const name = nameOf(labels, times);
  if (name === undefined || arm === undefined) return undefined;
  const process = standIn(name.process, arm);
  return { ...name, process, pod: process };
}

function standIn(process: string, arm: Arm): string {
  return `${process}#${arm}`;
}

/** Each gateway process that was scraped lately, once for each arm; one that is gone is waited for by nobody. */
function standIns(times: ReadonlyMap<string, Millis>, oldest: Millis): Required<Pick<TickSamples, 'pods' | 'targets'>> {
  const living = [...times].flatMap(([process, at]) => (at >= oldest ? [process] : []));
  const pods = living.flatMap((process) =>
    ARMS.map((arm): PodInfo => {
      return { pod: standIn(process, arm), arm, available: true, containers: [] };
    }),
  );
  return { pods, targets: pods.map(({ pod }) => ({ pod, count: 1, up: 1 })) };
}
