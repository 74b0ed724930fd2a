import type { GateContext, GateReading, Sli } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import type { StepsQuestion } from './patience.ts';
import type { PodInfo, TickSamples } from './samples.ts';

/** One gate under way: its kind and what it knows, as one value. Immutable; folding gives the next one. */
export interface LiveGate {
  /** End of the last tick counted; 0 before the first. */
  readonly at: Millis;
  /**
   * Takes one tick. Ticks that are not newer than the last one counted change nothing, so reading the same tick twice is
   * harmless. After a load the first tick only sets the bases.
   */
  fold(tick: TickSamples, pods: readonly PodInfo[], context: GateContext): LiveGate;
  /** What the gate says at `now`. The same gate, context and time give the same bytes. */
  judge(context: GateContext, now: Millis): GateReading;
  /** At most 1 KiB of JSON. What the source can show again is left out. */
  save(): string;
}

/** A kind of gate: how it counts, judges and remembers. Pure. */
export interface GateKind {
  /** Its own name, and that of its file. */
  readonly kind: string;
  /** The SLI that it judges. */
  readonly sli: Sli['kind'];
  /** One sentence for the docs. */
  readonly doc: string;
  /** Stable's last hour is of use to it when it begins. */
  readonly looksBack: boolean;
  /** How long the evidence of each step takes at the median, for `maxWait`; empty where nothing can be said before. */
  stepsMs(question: StepsQuestion): Millis[];
  start(): LiveGate;
  /** The gate that `save` wrote; undefined for anything else, e.g. the text of another version: then it starts again. */
  load(text: string): LiveGate | undefined;
}

/** What a kind is made of. */
export interface GateParts<State extends { readonly at: Millis }> {
  kind: string;
  sli: Sli['kind'];
  doc: string;
  /** Default true. */
  looksBack?: boolean;
  stepsMs(question: StepsQuestion): Millis[];
  start(): State;
  fold(state: State, tick: TickSamples, pods: readonly PodInfo[], context: GateContext): State;
  judge(state: State, context: GateContext, now: Millis): GateReading;
  save(state: State): string;
  load(text: string): State | undefined;
}

/** Closes a kind over its state, so that gates of all kinds are handled alike. */
export function defineGate<State extends { readonly at: Millis }>(parts: GateParts<State>): GateKind {
  const live = (state: State): LiveGate => ({
    at: state.at,
    fold: (tick, pods, context) => live(parts.fold(state, tick, tick.pods ?? pods, context)),
    judge: (context, now) => parts.judge(state, context, now),
    save: () => parts.save(state),
  });
  return {
    kind: parts.kind,
    sli: parts.sli,
    doc: parts.doc,
    looksBack: parts.looksBack ?? true,
    stepsMs: (question) => parts.stepsMs(question),
    start: () => live(parts.start()),
    load(text) {
      const state = parts.load(text);
      return state === undefined ? undefined : live(state);
    },
  };
}
