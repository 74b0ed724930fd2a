import type { Random } from '#ports/random.ts';
import { seededRandom } from '#test/support/virtual-clock.ts';

/**
 * What befalls a world, decided before it begins: a list, so that a world which fails can be played again with a part of
 * it. Each mishap has its own randomness: it does the same, whatever happens beside it.
 */

export interface Mishap {
  /** Its place in the whole plan: what `--keep` names. */
  index: number;
  /** The tick or second at which it comes. */
  at: number;
  what: string;
  random: Random;
}

/** How a world ended: what was wrong, if anything, and what was looked at on the way. */
export interface Played {
  wrong?: string;
  timeline: string[];
  /** How often each fault was injected and each invariant was looked at. */
  faults: Tally;
  checks: Tally;
}

/** A kind of world, as it is played, played again and cut down. */
export interface Play {
  /** How `run.ts` calls it. */
  name: string;
  planOf(seed: number): Mishap[];
  run(seed: number, plan: readonly Mishap[]): Promise<Played> | Played;
}

export type Tally = Map<string, number>;

export function tally(counts: Tally, what: string, more = 1): void {
  counts.set(what, (counts.get(what) ?? 0) + more);
}

/** Randomness that depends on nothing but these words. */
export function randomOf(...words: (string | number)[]): Random {
  // FNV-1a.
  let hash = 0x811c9dc5;
  for (const char of words.join('\n')) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return seededRandom(hash >>> 0);
}

/** At each moment each kind of mishap with its chance, times `wildness`. */
export function drawPlan(
  seed: number,
  moments: number,
  chances: Readonly<Record<string, number>>,
  wildness = 1,
): Mishap[] {
  const random = randomOf('plan', seed);
  const plan: Mishap[] = [];
  for (let at = 0; at < moments; at += 1)
    for (const [what, chance] of Object.entries(chances))
      if (random() < chance * wildness)
        plan.push({ index: plan.length, at, what, random: randomOf(seed, plan.length) });
  return plan;
}

/** The plan, and more mishaps that only some worlds know, by dice of their own: those of the plan stay the same. */
export function drawMore(
  seed: number,
  plan: readonly Mishap[],
  { moments, chances }: { moments: number; chances: Readonly<Record<string, number>> },
): Mishap[] {
  const random = randomOf('more', seed);
  const all = [...plan];
  for (let at = 0; at < moments; at += 1)
    for (const [what, chance] of Object.entries(chances))
      if (random() < chance) all.push({ index: all.length, at, what, random: randomOf(seed, all.length) });
  return all;
}

/** The line that plays a world again, with its timeline. */
export function replayLine({ name }: Play, seed: number, kept?: readonly number[]): string {
  const keep = kept === undefined ? '' : ` --keep ${kept.length === 0 ? 'none' : kept.join()}`;
  return `node test/sim/run.ts --worlds ${name} --seed ${seed}${keep}`;
}

export async function playSeed(play: Play, seed: number, kept?: readonly number[]): Promise<Played> {
  // The plan is drawn anew: its randomness is used up by each play.
  const plan = play.planOf(seed);
  return await play.run(seed, kept === undefined ? plan : plan.filter(({ index }) => kept.includes(index)));
}

/** Plays that a search for the smallest plan may take. */
const MOST_TRIES = 150;

/**
 * The fewest mishaps that still make the world fail in the same way: parts of the plan are left out, halves first, then
 * smaller ones, down to single mishaps (delta debugging). The same world gives the same answer.
 */
export async function shrink(play: Play, seed: number, wrong: string): Promise<number[]> {
  let kept = play.planOf(seed).map(({ index }) => index);
  let tries = 0;
  const fails = async (some: number[]): Promise<boolean> => {
    tries += 1;
    const again = await playSeed(play, seed, some);
    return again.wrong !== undefined && kindOf(again.wrong) === kindOf(wrong);
  };
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    // From the end: what came after the failure goes first.
    for (let end = kept.length; end > 0 && tries < MOST_TRIES; end -= size) {
      const less = [...kept.slice(0, Math.max(0, end - size)), ...kept.slice(end)];
      if (await fails(less)) kept = less;
    }
  }
  return kept;
}

/** What went wrong, without names and figures. */
function kindOf(wrong: string): string {
  return wrong.replaceAll(/\S*[\d{("].*$/g, '').trim();
}

/** What to print of a world that failed: the line that plays it again, cut down, and what was wrong. */
export async function failureOf(play: Play, seed: number, wrong: string): Promise<string> {
  const kept = await shrink(play, seed, wrong);
  return `${replayLine(play, seed, kept)}: ${wrong}`;
}
