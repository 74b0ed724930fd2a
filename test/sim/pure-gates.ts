import type { Gate, GateContext, GateReading } from '#core/gate.ts';
import { DISCOVERY_SCRAPES } from '#gates/bounds.ts';
import type { LiveGate } from '#gates/define.ts';
import type { PodInfo, TickSamples } from '#gates/samples.ts';
import { OperatorError } from '#lib/errors.ts';
import { readCheckpoint, writeCheckpoint } from '#operator/gate-checkpoint.ts';
import { failRun, type GateRun, readingOf, startRun } from '#operator/gate-run.ts';
import { gateFor } from '#src/catalog.ts';
import { answerOf, type Living, type PureService, type Shape, type Told } from './pure-service.ts';

/** The gates of the catalog over a made-up Prometheus, folded as the operator folds them and without its I/O. */

const ALL: Gate['slo'] = {
  name: '',
  sli: { kind: 'events', total: { metric: 'requests', matchers: [] }, bad: { metric: 'errors', matchers: [] } },
  arms: { by: 'Pod' },
  objective: 0.99,
  windowMs: 28 * 86_400_000,
};

const selector = (metric: string) => ({ metric, matchers: [] });

/** One gate of each kind. */
export const GATES: readonly Gate[] = [
  { name: 'errors', role: 'Guardrail', slo: ALL, tolerate: 0.02, maxWaitMs: 1_800_000 },
  {
    name: 'latency',
    role: 'Guardrail',
    slo: {
      ...ALL,
      sli: { kind: 'latency', histogram: selector('seconds'), threshold: 0.1, form: 'Classic' },
      objective: 0.9,
    },
    tolerate: 0.1,
    maxWaitMs: 1_800_000,
  },
  {
    name: 'orders',
    role: 'Guardrail',
    slo: {
      ...ALL,
      sli: {
        kind: 'business',
        exposure: selector('sessions'),
        events: selector('orders'),
        worse: 'Lower',
        tolerate: 0.3,
        lagMs: 1000,
      },
      objective: 0,
    },
    tolerate: 0.3,
    maxWaitMs: 1_800_000,
  },
  {
    name: 'ratio',
    role: 'Signal',
    slo: { ...ALL, sli: { kind: 'query', promql: 'ratio', op: '<', value: 0.1, failures: 2, window: 4 } },
    tolerate: 0,
    maxWaitMs: 1_800_000,
  },
];

/**
 * Shapes in which an instant is whole once it is read: a source that was slow or down then has it all the same, and the
 * first late scrape may be newer than anything that was counted.
 */
const WHOLE = new Set<Shape>(['whole', 'slow', 'down', 'late']);
/** Shapes in which a query of a person's still gives a number. */
const ASKABLE = new Set<Shape>(['late', 'twice scraped', 'partial']);

/** Instants that the source remembers. */
const MEMORY = 90;
const SCRAPE_MS = 1000;

/** What Prometheus was shown at one instant, in the shape of that moment, and what it has answered of it. */
interface Instant {
  release: string;
  told: readonly Told[];
  shape: Shape;
  answers: Map<string, TickSamples>;
}

export type Checkpoint = ReadonlyMap<string, LiveGate>;

export class PureGates {
  readonly #service: PureService;
  readonly #runs = new Map<string, GateRun>();
  /** Stays and gates that were shown an instant which can be counted. */
  readonly #counted = new Set<string>();
  #newest = 0;
  #told: { now: number; readings: GateReading[] } | undefined;
  /** What was asked at each instant, so that an operator that starts again is told the same. */
  readonly #history = new Map<number, Instant>();

  constructor(service: PureService) {
    this.#service = service;
  }

  /** Prometheus scrapes, and keeps what it was shown. */
  record(at: number, release: string, pods: readonly Living[], shape: Shape): void {
    if (shape !== 'late') this.#service.scrape(at, pods);
    this.#newest = at;
    this.#history.set(at, { release, told: this.#service.told(pods), shape, answers: new Map() });
    for (const old of this.#history.keys()) {
      if (old >= at - MEMORY * SCRAPE_MS) break;
      this.#history.delete(old);
    }
  }

  /** Looks where the release stands now: runs go on, begin from the checkpoint, or end. */
  watch(contexts: readonly GateContext[], checkpoint: Checkpoint): void {
    this.#told = undefined;
    const known = contexts.every(({ gate }) => this.#runs.has(gate.name));
    const saved = known ? new Map<string, string>() : readCheckpoint(writeCheckpoint(checkpoint));
    for (const context of contexts) {
      const run = this.#runs.get(context.gate.name) ?? startRun(context, SCRAPE_MS, saved.get(context.gate.name));
      run.context = { scrapeMs: SCRAPE_MS, ...context };
      this.#runs.set(context.gate.name, run);
    }
    for (const name of this.#runs.keys()) if (!contexts.some(({ gate }) => gate.name === name)) this.#runs.delete(name);
  }

  /** Gates look at this release. */
  watches(release: string | undefined): boolean {
    const [run] = this.#runs.values();
    return release !== undefined && run?.context.epoch.startsWith(`${release}/`) === true;
  }

  /** The operator's process ends: what was not saved is gone. */
  forget(): void {
    this.#told = undefined;
    this.#runs.clear();
  }

  /** Folds every instant up to the newest one that may be asked for. */
  read(now: number, infos: () => PodInfo[], shape: Shape): void {
    this.#told = undefined;
    if (shape === 'slow') return;
    let known: PodInfo[] | undefined;
    const once = (): PodInfo[] => {
      known ??= infos();
      return known;
    };
    for (const run of this.#runs.values()) {
      if (shape === 'down') failRun(run, new OperatorError('SOURCE_UNREACHABLE', 'the source is down'));
      else this.#readRun(run, now, once);
    }
  }

  #readRun(run: GateRun, now: number, infos: () => PodInfo[]): void {
    const to = Math.floor((now - SCRAPE_MS) / run.context.tickMs) * run.context.tickMs;
    const from = run.foldedTo === 0 ? to : run.unprimed ? run.foldedTo : run.foldedTo + run.context.tickMs;
    if (to < from) return;
    for (let at = from; at <= to; at += run.context.tickMs) {
      const tick = this.#answer(at, run.context);
      if (tick === undefined) continue;
      run.gate = run.gate.fold(tick, infos(), run.context);
      this.#note(run.context, tick, infos());
    }
    Object.assign(run, { foldedTo: to, unprimed: false, trouble: undefined });
  }

  /**
   * An instant that is still to come is answered with the newest samples that there are, and one from before the release,
   * whose pods were not there yet, with none.
   */
  #answer(at: number, { gate, epoch }: GateContext): TickSamples | undefined {
    const asked = Math.min(at, this.#newest);
    const then = this.#history.get(asked);
    if (then === undefined) return undefined;
    const tick = then.answers.get(gate.name) ?? answerOf(gate.slo.sli, asked, then.told, then.shape);
    then.answers.set(gate.name, tick);
    const told = at === asked ? tick : { ...tick, at };
    return epoch.startsWith(`${then.release}/`) ? told : { ...told, samples: [], targets: [] };
  }

  /** An instant whose answer can be counted was read for a stay, however late. */
  #note({ gate, stepEpoch }: GateContext, tick: TickSamples, infos: readonly PodInfo[]): void {
    const { shape } = this.#history.get(Math.min(tick.at, this.#newest)) ?? {};
    if (shape === undefined) return;
    const byPod = gate.slo.sli.kind !== 'query';
    // A query of a person's knows nothing of targets, and is as old as its samples: only their source knows.
    const whole = WHOLE.has(shape) || (byPod ? shape === 'partial' && showsWhoIsDue(tick, infos) : ASKABLE.has(shape));
    if (whole) this.#counted.add(`${stepEpoch} ${gate.name}`);
  }

  /** Whether a gate was shown anything in a stay that it may count. */
  hasCounted({ gate, stepEpoch }: GateReading): boolean {
    return this.#counted.has(`${stepEpoch} ${gate}`);
  }

  readings(now: number): GateReading[] {
    if (this.#told?.now !== now)
      this.#told = { now, readings: [...this.#runs.values()].map((run) => readingOf(run, now)) };
    return this.#told.readings;
  }

  /** What each gate saves; `again`: once it was read back. */
  saves(again = false): string[] {
    return [...this.#runs.values()].map(({ gate, context }) => {
      const text = gate.save();
      return again ? (gateFor(context.gate.slo.sli.kind).load(text)?.save() ?? '') : text;
    });
  }

  /** The gates as they are now; they never change, so their text can wait until somebody reads it. */
  checkpoint(): Checkpoint {
    return new Map(Array.from(this.#runs, ([name, { gate }]) => [name, gate]));
  }
}

/** Half an answer is a whole one where it is only the youngest pods that are not in it: nobody looks for them yet. */
function showsWhoIsDue({ at, targets }: TickSamples, infos: readonly PodInfo[]): boolean {
  const told = new Set(targets.map(({ pod }) => pod));
  const isYoung = ({ containers }: PodInfo) =>
    containers.every(({ startedAt }) => startedAt > at - DISCOVERY_SCRAPES * SCRAPE_MS);
  return told.size > 0 && infos.every((info) => !info.available || told.has(info.pod) || isYoung(info));
}
