import { failureOf, type Play, playSeed } from './plan.ts';

/** One failure says enough; a second one says whether it is alone. */
const MOST_FAILURES = 2;

/** Plays all these worlds. The answer has a line for each that failed: how to play it again, and what was wrong. */
export async function playAll(play: Play, seeds: Iterable<number>): Promise<string> {
  const failures: string[] = [];
  for (const seed of seeds) {
    const { wrong } = await playSeed(play, seed);
    if (wrong !== undefined) failures.push(await failureOf(play, seed, wrong));
    if (failures.length === MOST_FAILURES) break;
  }
  return failures.join('\n');
}

export function* seeds(from: number, count: number): Generator<number> {
  for (let seed = from; seed < from + count; seed += 1) yield seed;
}
