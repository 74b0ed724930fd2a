import type { Counts } from '#core/gate.ts';
import { INFLUENCE } from './bounds.ts';
import { addArm, addCounts, noCounts } from './burn.ts';
import type { ArmCounts } from './samples.ts';

/** Who supplies the canary's excess: a release is not bad because one of its pods, or one moment, was. */
export interface Influence {
  /** What each canary pod counted since the attempt began. */
  readonly pods: ReadonlyMap<string, Counts>;
  /** The tick with the most failures of the canary. */
  readonly peak: Counts;
  /** Both arms, since the same time. */
  readonly all: ArmCounts;
}

export const noInfluence: Influence = { pods: new Map(), peak: noCounts.canary, all: noCounts };

/** Takes one tick, and what each canary pod counted in it. */
export function foldInfluence(known: Influence, tick: ArmCounts, pods: ReadonlyMap<string, Counts>): Influence {
  const sums = new Map(known.pods);
  for (const [pod, counts] of pods) sums.set(pod, addArm(sums.get(pod) ?? noCounts.canary, counts));
  const peak = tick.canary.bad > known.peak.bad ? tick.canary : known.peak;
  return { pods: sums, peak, all: addCounts(known.all, tick) };
}

/** Who it is, with what it counted. */
export interface MainSource extends Counts {
  /** Undefined: one tick. */
  pod?: string;
  /** Pods, or ticks of that size, which it is one of. */
  among: number;
}

/**
 * The pod, or the one tick, that supplies more than half of the canary's excess over stable; undefined when it comes
 * from all over. Half is not enough by itself: of four failures on three pods two fall on one pod more often than not.
 * Their number must also be beyond chance for a canary that is bad everywhere (Chernoff's bound, X·KL(e/X ‖ share)).
 */
export function mainSource({ pods, peak, all: { canary, stable } }: Influence): MainSource | undefined {
  const rate = stable.total > 0 ? stable.bad / stable.total : 0;
  const excess = canary.bad - rate * canary.total;
  const supplies = (part: Counts, among: number) =>
    part.bad - rate * part.total > excess / 2 && beyondChance(part, canary, among);
  const serving = servingOf(pods);
  const [pod, worst] = serving[0] ?? ['', noCounts.canary];
  const among = serving.length;
  if (among >= INFLUENCE.leastPods && supplies(worst, among)) return { pod, ...worst, among };
  // A defect that is there from the first request on shows in one tick, and is not made to wait for a second.
  const ticks = peak.total > 0 ? canary.total / peak.total : 0;
  return ticks >= INFLUENCE.leastTicks && supplies(peak, ticks) ? { ...peak, among: ticks } : undefined;
}

/** Pods that served, worst first. */
function servingOf(pods: Influence['pods']): [string, Counts][] {
  return [...pods].filter(([, { total }]) => total > 0).sort((a, b) => b[1].bad - a[1].bad);
}

function beyondChance({ total, bad }: Counts, all: Counts, among: number): boolean {
  const [seen, share] = [bad / all.bad, total / all.total];
  if (!(seen > share)) return false;
  const rest = seen < 1 ? (1 - seen) * Math.log((1 - seen) / (1 - share)) : 0;
  return all.bad * (seen * Math.log(seen / share) + rest) >= Math.log(among / INFLUENCE.chance);
}

/** As few names and numbers as find the same source again; undefined where there is none. */
export type SavedInfluence = [pods: [string, number, number][], sums: number[]];

export function saveInfluence(influence: Influence): SavedInfluence | undefined {
  if (mainSource(influence) === undefined) return undefined;
  const { peak, all } = influence;
  const pods = servingOf(influence.pods).slice(0, INFLUENCE.leastPods);
  const sums = [peak, all.canary, all.stable].flatMap(({ total, bad }) => [total, bad]);
  return [pods.map(([pod, { total, bad }]) => [pod, total, bad]), sums];
}

export function loadInfluence(saved: SavedInfluence | undefined): Influence {
  if (saved === undefined) return noInfluence;
  const [pods, sums] = saved;
  const at = (index: number): Counts => ({ total: sums[index] ?? 0, bad: sums[index + 1] ?? 0 });
  const named = new Map(pods.map(([pod, total, bad]) => [pod, { total, bad }]));
  return { pods: named, peak: at(0), all: { canary: at(2), stable: at(4) } };
}
