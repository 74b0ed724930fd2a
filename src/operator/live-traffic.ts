import type { Selector, Slo } from '#core/gate.ts';
import type { LiveSlo } from '#gates/patience.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { MetricSource } from '#ports/metric-source.ts';
import { edgeSelectors } from '#sources/exported.ts';
import { countQuery, type Scope } from '#sources/promql.ts';
import { countersOf, countOf } from './gate-counters.ts';

/** What stable serves now, as the ramp planner asks for it. */
export interface LiveTraffic {
  /** Finished requests per second. */
  rps: number;
  /** Share of them that was bad. */
  base: number;
  /** The same of each objective by its name, with what else a kind of gate can foresee by. */
  slos?: Readonly<Record<string, LiveSlo>>;
}

export interface TrafficQuestion {
  /** Names what is to be released: asked once for each. */
  revision: string;
  slos: Slo[];
  /** Stable's pods. */
  scope: Scope;
  scrapeMs: Millis;
}

/** A look at stable's traffic before a release is planned: at rest no gate measures anything. */
export interface TrafficLook {
  /** Never throws: a source that does not answer leaves the planner without a figure, and the gates will say why. */
  ask(rollout: string, question: TrafficQuestion, signal: AbortSignal): Promise<void>;
  known(rollout: string): LiveTraffic | undefined;
  forget(rollout: string): void;
}

/** Length of the look. Shorter is noise, longer is another time of the day. */
const LOOK_MS: Millis = 60_000;

export function createTrafficLook(deps: {
  sourceFor(name: string | undefined): MetricSource | undefined;
  clock: Clock;
  log: Log;
}): TrafficLook {
  const seen = new Map<string, { revision: string; traffic: LiveTraffic }>();
  return {
    async ask(rollout, question, signal) {
      if (seen.get(rollout)?.revision === question.revision) return;
      const looks = question.slos.map((slo) => look(deps, slo, question, signal));
      const traffics = await Promise.all(looks);
      const rps = Math.max(0, ...traffics.map((traffic) => traffic.rps));
      const base = Math.max(0, ...traffics.map((traffic) => traffic.base));
      const slos = Object.fromEntries(question.slos.map(({ name }, index) => [name, traffics[index] ?? nothing]));
      seen.set(rollout, { revision: question.revision, traffic: { rps, base, slos } });
    },
    known: (rollout) => seen.get(rollout)?.traffic,
    forget: (rollout) => seen.delete(rollout),
  };
}

const nothing: LiveSlo = { rps: 0, base: 0 };

async function look(
  { sourceFor, clock, log }: Parameters<typeof createTrafficLook>[0],
  slo: Slo,
  { scope, scrapeMs }: TrafficQuestion,
  signal: AbortSignal,
): Promise<LiveSlo> {
  const source = sourceFor(slo.source);
  if (source === undefined) return nothing;
  const at = clock.now() - scrapeMs;
  const count = (selector: Selector) => increase(source, stableQuery(slo, selector, scope), { at, signal });
  try {
    // How many are slow now the planner takes from the objective: buckets are read once there is a release.
    if (slo.sli.kind === 'query' || slo.sli.kind === 'probe') return nothing;
    const [whole, part] = slo.sli.kind === 'latency' ? [{ selector: countOf(slo.sli) }] : countersOf(slo.sli);
    const total = await count(whole.selector);
    const counted = part === undefined ? 0 : await count(part.selector);
    // What people buy is no share of failures: a business objective tells the traffic alone.
    const bad = part?.name === 'good' ? total - counted : part?.name === 'bad' ? counted : 0;
    const events = part?.name === 'events' ? { events: counted / total } : {};
    const base = Math.min(1, Math.max(0, bad / total));
    return total > 0 ? { rps: total / (LOOK_MS / 1000), base, ...events } : nothing;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.warn('no traffic figure for the planner', { source: source.name, slo: slo.name, error: message });
    return nothing;
  }
}

/** The counter of each process that serves stable: its pods', or the gateway's where that is what counts. */
function stableQuery({ arms }: Slo, selector: Selector, scope: Scope): string {
  if (arms.by === 'Pod') return countQuery(selector, scope);
  const series = edgeSelectors(selector, { label: arms.label, value: arms.stable });
  return `sum by (namespace, pod, container, instance) (${series.join(' or ')})`;
}

/** Events of the last look: differences per process. One that was not there at its beginning has counted from 0. */
async function increase(
  source: MetricSource,
  query: string,
  when: { at: Millis; signal: AbortSignal },
): Promise<number> {
  const [then, now] = await Promise.all([
    counters(source, query, { ...when, at: when.at - LOOK_MS }),
    counters(source, query, when),
  ]);
  let sum = 0;
  for (const [process, value] of now) sum += Math.max(0, value - (then.get(process) ?? 0));
  return sum;
}

async function counters(
  source: MetricSource,
  query: string,
  when: { at: Millis; signal: AbortSignal },
): Promise<Map<string, number>> {
  const { result } = await source.query(query, when);
  if (result.kind !== 'vector') return new Map();
  const native = result.histograms.map(({ labels, count }) => ({ labels, value: count }));
  const samples = [...result.samples, ...native].filter(({ value }) => Number.isFinite(value));
  return new Map(samples.map(({ labels, value }) => [JSON.stringify(labels), value]));
}
