import type { CountedSli, Sli } from '#core/gate.ts';
import { joinCounters } from '#gates/evidence.ts';
import type { Arm, CounterSample, PodInfo, ProcessSample, TickSamples } from '#gates/samples.ts';
import { ANSWERS, ODD } from './shapes.ts';

/** Pods that count requests, and a Prometheus that shows their counters in every shape that there is. */

/** How the source answers. `slow`: later; `late`: with scrapes that are a few ticks old. */
export const SHAPES = [...ANSWERS, 'partial', 'late', 'twice scraped'] as const;
export type Shape = (typeof SHAPES)[number];

export interface Living {
  name: string;
  arm: Arm | undefined;
  available: boolean;
}

/** What one process has counted in its life; shares of requests leave fractions. */
interface Counts {
  total: number;
  bad: number;
  slow: number;
  orders: number;
}

interface Process extends Counts {
  startedAt: number;
  scrape?: Counts & { at: number };
  /** What the newest scrape had beside the one before. */
  newly: { total: number; bad: number };
}

/** What an answer to one request is like. */
export interface Nature {
  /** Shares of requests that fail, that are slow, that end in an order. */
  bad: number;
  slow: number;
  orders: number;
}

export const SOUND: Nature = { bad: 0, slow: 0.01, orders: 0.3 };
export const ROTTEN: Nature = { bad: 0.4, slow: 0.9, orders: 0.02 };

/** What was scraped of one pod, as it was at that instant: nothing of it changes afterwards. */
export interface Told extends Pick<Process, 'newly'> {
  name: string;
  arm: Arm | undefined;
  scrape: NonNullable<Process['scrape']>;
}

const NOTHING: Counts = { total: 0, bad: 0, slow: 0, orders: 0 };

export class PureService {
  readonly #processes = new Map<string, Process>();

  /** A tick of requests for one pod. */
  serve(pod: string, now: number, requests: number, nature: Nature): void {
    const known = this.#process(pod, now);
    known.total += requests;
    known.bad += requests * nature.bad;
    known.slow += requests * nature.slow;
    known.orders += requests * nature.orders;
  }

  /** The process starts again: all counters from 0. */
  restart(pod: string, now: number): void {
    Object.assign(this.#process(pod, now), { startedAt: now, ...NOTHING });
  }

  scrape(now: number, pods: readonly Living[]): void {
    for (const { name } of pods) {
      const known = this.#process(name, now);
      const { total, slow, orders } = known;
      const bad = Math.floor(known.bad);
      const before = known.scrape ?? NOTHING;
      known.newly = { total: Math.max(0, total - before.total), bad: Math.max(0, bad - before.bad) };
      known.scrape = { at: now, total, bad, slow: Math.floor(slow), orders: Math.floor(orders) };
    }
    if (this.#processes.size === pods.length) return;
    const names = new Set(pods.map(({ name }) => name));
    for (const name of this.#processes.keys()) if (!names.has(name)) this.#processes.delete(name);
  }

  /** What there is to be told of these pods. */
  told(pods: readonly Living[]): Told[] {
    const told: Told[] = [];
    for (const { name, arm } of pods) {
      const known = this.#processes.get(name);
      if (known?.scrape !== undefined) told.push({ name, arm, scrape: known.scrape, newly: known.newly });
    }
    return told;
  }

  #process(name: string, now: number): Process {
    const known = this.#processes.get(name);
    if (known !== undefined) return known;
    const begun = { startedAt: now, ...NOTHING, newly: NOTHING };
    this.#processes.set(name, begun);
    return begun;
  }

  infos(pods: readonly Living[]): PodInfo[] {
    return pods.flatMap(({ name, arm, available }) => {
      const { startedAt } = this.#processes.get(name) ?? {};
      const containers = startedAt === undefined ? [] : [{ name: 'app', startedAt }];
      return arm === undefined ? [] : [{ pod: name, arm, available, containers }];
    });
  }
}

/** What the queries of an objective answer at an instant. */
export function answerOf(sli: Sli, at: number, all: readonly Told[], shape: Shape): TickSamples {
  // Probes answer for themselves.
  if (sli.kind === 'probe') return { at, names: [], samples: [], targets: [] };
  if (sli.kind === 'query') return answerOfQuery(at, all, shape);
  const told = shownIn(shape, all);
  const columns = COLUMNS[sli.kind];
  const lists = columns.map(([, read]) => {
    const list: CounterSample[] = [];
    for (const { name, scrape } of told) {
      const value = ODD[shape] ?? read(scrape);
      // A series that nobody has ever counted in does not exist.
      if (value === 0) continue;
      const one = { process: processOf(name), pod: name, container: 'app', scrapedAt: scrape.at, value };
      list.push(one);
      if (shape === 'doubled') list.push(one);
    }
    return list;
  });
  const count = shape === 'twice scraped' ? 2 : 1;
  return {
    at,
    names: columns.map(([name]) => name),
    samples: joinCounters(lists),
    targets: told.map(({ name }) => ({ pod: name, count, up: count })),
  };
}

const processOf = (pod: string) => `shop/${pod}/app/10.0.0.1`;

function shownIn(shape: Shape, told: readonly Told[]): readonly Told[] {
  if (shape === 'empty') return [];
  return shape === 'partial' ? told.slice(0, Math.floor(told.length / 2)) : told;
}

/** The share of canary requests that failed, as a person's PromQL gives it. */
function answerOfQuery(at: number, all: readonly Told[], shape: Shape): TickSamples {
  const told = shownIn(
    shape,
    all.filter(({ arm }) => arm === 'canary'),
  );
  const sum = (column: 'total' | 'bad') => told.reduce((so, { newly }) => so + newly[column], 0);
  // Guarded as the docs ask for: no requests, no failures.
  const value = ODD[shape] ?? sum('bad') / Math.max(1, sum('total'));
  const one: ProcessSample = { process: '{}', pod: '', container: '', values: [value], scrapedAt: at };
  const samples = told.length === 0 ? [] : shape === 'doubled' ? [one, { ...one, process: '{b}' }] : [one];
  return { at, names: ['value'], samples, targets: [] };
}

/** What each kind counts, in the order that its gate wants. */
const COLUMNS: Record<CountedSli['kind'], readonly [name: string, read: (counts: Counts) => number][]> = {
  events: [
    ['total', ({ total }) => total],
    ['bad', ({ bad }) => bad],
  ],
  latency: [
    ['total', ({ total }) => total],
    ['0.1', ({ total, slow }) => total - slow],
    ['1', ({ total }) => total],
  ],
  business: [
    ['exposure', ({ total }) => total],
    ['events', ({ orders }) => orders],
  ],
};
