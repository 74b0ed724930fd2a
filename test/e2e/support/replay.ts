import type { Counts } from '#core/gate.ts';
import { foldStopTest, logEvidence, matters, startStopTest, stopLimit } from '#gates/eprocess.ts';
import { foldInfluence, mainSource, noInfluence } from '#gates/influence.ts';
import type { ArmCounts } from '#gates/samples.ts';
import type { Lab } from '../../lab/connect.ts';
import { waitFor } from '../../lab/wait.ts';
import { TICK_MS } from './stage.ts';

/**
 * The stop test over again, from Prometheus' own counters and the formula alone: nothing of what the operator read,
 * joined or stored is in it.
 */

export interface Tick {
  /** End of the tick, Unix milliseconds, on the absolute grid. */
  at: number;
  counts: ArmCounts;
}

export interface Arms {
  namespace: string;
  /** Names of the two ReplicaSets. */
  canary: string;
  stable: string;
}

interface Series {
  metric: Record<string, string>;
  value?: [number, string];
  values?: [number, string][];
}

/** Value by pod, at each instant. */
type Grid = Map<number, Map<string, number>>;

const nobody: Counts = { total: 0, bad: 0 };

/** Prometheus may take so long to find a new pod: until then ticks end without it. */
const DISCOVERY_TICKS = 4;

/**
 * Increments of both arms, tick by tick. A tick ends where every pod was scraped anew that is not quite new: ticks in
 * which one was not are joined with the next. A pod that appears later is counted from 0 when it started after
 * `since`, the first look that the operator had: what an older one counted before is not known.
 */
export async function readTicks(
  lab: Lab,
  arms: Arms,
  { since, ...span }: { since: number; from: number; to: number },
): Promise<Tick[]> {
  const pods = `namespace="${arms.namespace}",pod=~"(${arms.canary}|${arms.stable})-.*"`;
  const [total, bad, scraped, starts] = await Promise.all([
    readGrid(lab, `sum by (pod) (http_requests_total{${pods}})`, span),
    readGrid(lab, `sum by (pod) (http_requests_total{${pods},code=~"5.."})`, span),
    readGrid(lab, `max by (pod) (timestamp(up{${pods}}))`, span),
    readGrid(lab, `max by (pod) (process_start_time_seconds{${pods}})`, span),
  ]);
  const startOf = startsOf(starts);
  const ticks: Tick[] = [];
  let base: number | undefined;
  for (const at of [...scraped.keys()].sort((a, b) => a - b)) {
    const before = base ?? at;
    const scrapedAt = (pod: string, tick: number) => scraped.get(tick)?.get(pod) ?? 0;
    const due = [...startOf].filter(([, start]) => start <= at - DISCOVERY_TICKS * TICK_MS).map(([pod]) => pod);
    const whole = due.every((pod) => scrapedAt(pod, at) > scrapedAt(pod, before));
    if (base !== undefined && !whole) continue;
    base = at;
    if (before === at) continue;
    const known = [...startOf].filter(([pod, start]) => scrapedAt(pod, before) > 0 || start > since);
    const counts = { canary: nobody, stable: nobody };
    for (const [pod] of known) {
      const arm = pod.startsWith(`${arms.canary}-`) ? 'canary' : 'stable';
      const between = { pod, before, at };
      counts[arm] = add(counts[arm], { total: growth(total, between), bad: growth(bad, between) });
    }
    ticks.push({ at, counts });
  }
  return ticks;
}

/** A pod without a value has counted nothing yet. */
function growth(grid: Grid, { pod, before, at }: { pod: string; before: number; at: number }): number {
  return (grid.get(at)?.get(pod) ?? 0) - (grid.get(before)?.get(pod) ?? 0);
}

/** When each pod started, in whole seconds as Kubernetes tells it. */
function startsOf(starts: Grid): Map<string, number> {
  const all = [...starts.values()].flatMap((row) => [...row]);
  return new Map(all.map(([pod, seconds]) => [pod, Math.floor(seconds) * 1000]));
}

/**
 * The first tick at whose end the golden formula's evidence reaches its line and does not come from one tick alone, and
 * what was counted until then. The operator may allow arms to wobble besides, which only makes it later.
 */
export function whenSufficient(ticks: readonly Tick[]): { at: number; logE: number; counts: ArmCounts } | undefined {
  let test = startStopTest();
  let counts: ArmCounts = { canary: nobody, stable: nobody };
  let influence = noInfluence;
  const start = (ticks[0]?.at ?? 0) - TICK_MS;
  for (const tick of ticks) {
    test = foldStopTest(test, tick.counts, tick.at - TICK_MS - start);
    counts = { canary: add(counts.canary, tick.counts.canary), stable: add(counts.stable, tick.counts.stable) };
    influence = foldInfluence(influence, tick.counts, new Map());
    const excess = ratio(counts.canary) - ratio(counts.stable);
    const sure = logEvidence(test) >= stopLimit() && matters(excess);
    if (sure && mainSource(influence) === undefined) return { at: tick.at, logE: logEvidence(test), counts };
  }
  return undefined;
}

/** Everything that the ticks up to this instant counted. */
export function sumUpTo(ticks: readonly Tick[], at: number): ArmCounts {
  const sum = { canary: nobody, stable: nobody };
  for (const { counts } of ticks.filter((tick) => tick.at <= at)) {
    sum.canary = add(sum.canary, counts.canary);
    sum.stable = add(sum.stable, counts.stable);
  }
  return sum;
}

/**
 * Waits until Prometheus has scraped so many pods of the application for two ticks, as in every cluster where stable is
 * not minutes old: gates ask for one scrape in the past, and without a first look at stable they count nothing.
 */
export async function scraped(lab: Lab, { namespace, name }: { namespace: string; name: string }, pods: number) {
  const query = `count(up{namespace="${namespace}",pod=~"${name}-.*"} offset 2s == 1)`;
  await waitFor(`${pods} pods of ${name} to be scraped`, async () => {
    const [series] = await ask(lab, 'query', { query });
    return Number(series?.value?.[1] ?? 0) >= pods ? true : undefined;
  });
}

async function readGrid(lab: Lab, query: string, { from, to }: { from: number; to: number }): Promise<Grid> {
  const start = Math.floor(from / TICK_MS);
  const end = Math.ceil(to / TICK_MS);
  const span = { start: String(start), end: String(end), step: String(TICK_MS / 1000) };
  const grid: Grid = new Map();
  for (const { metric, values } of await ask(lab, 'query_range', { query, ...span })) {
    for (const [seconds, value] of values ?? []) {
      const at = seconds * 1000;
      const row = grid.get(at) ?? new Map<string, number>();
      grid.set(at, row.set(metric['pod'] ?? '', Number(value)));
    }
  }
  return grid;
}

async function ask(lab: Lab, path: string, parameters: Record<string, string>): Promise<Series[]> {
  const answer = await fetch(`${lab.prometheusUrl}/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const body = (await answer.json()) as { status: string; error?: string; data: { result: Series[] } };
  if (body.status !== 'success') throw new Error(`${parameters['query']}: ${body.error}`);
  return body.data.result;
}

function add(a: Counts, b: Counts): Counts {
  return { total: a.total + b.total, bad: a.bad + b.bad };
}

function ratio({ total, bad }: Counts): number {
  return total === 0 ? 0 : bad / total;
}
