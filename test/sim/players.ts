import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../scripts/simulations.ts';
import { Counter } from './count.ts';
import { failureOf, type Play, playSeed, replayLine } from './plan.ts';

/** Who plays the parts of a long run: this process, or several that share the cores. */

/** Seeds from `from` on, so many of them. */
export interface Part {
  from: number;
  count: number;
}

export interface Player {
  play(part: Part): Promise<Report>;
  end(): void;
}

/** Plays one part here. Lines about worlds that fail go to stderr at once. */
export async function playPart(play: Play, { from, count }: Part, shrinks: boolean): Promise<Report> {
  const counter = new Counter(play.name);
  const before = process.cpuUsage();
  for (let seed = from; seed < from + count; seed += 1) {
    const result = await playSeed(play, seed);
    counter.add(seed, result);
    if (result.wrong !== undefined) console.error(await told(play, seed, result.wrong, shrinks));
  }
  const { user } = process.cpuUsage(before);
  return { ...counter.report(user / 1e6), seeds: [[from, from + count]] };
}

async function told(play: Play, seed: number, wrong: string, shrinks: boolean): Promise<string> {
  return shrinks ? await failureOf(play, seed, wrong) : `${replayLine(play, seed)}: ${wrong}`;
}

export function playerHere(play: Play, shrinks: boolean): Player {
  return {
    async play(part) {
      // Pure worlds never wait: signals come between two parts.
      await setImmediate();
      return playPart(play, part, shrinks);
    },
    end: () => undefined,
  };
}

/** A process of its own. Parts go to it, and their reports come back, as messages. */
export function playerBeside(play: Play, shrinks: boolean): Player {
  const child = fork(fileURLToPath(new URL('player.ts', import.meta.url)), [play.name, String(shrinks)]);
  const ended = once(child, 'exit').then(([code]: (number | null)[]) => {
    throw new Error(`a process that played ${play.name} worlds ended with ${code}`);
  });
  ended.catch(() => undefined);
  return {
    async play(part) {
      child.send(part);
      const [report] = await Promise.race([once(child, 'message'), ended]);
      return report;
    },
    end: () => child.disconnect(),
  };
}

/** Each player takes the next part when it is done with one, until there is none. The answer: whether all were played. */
export async function share(
  players: readonly Player[],
  next: () => Part | undefined,
  took: (report: Report) => void,
): Promise<boolean> {
  const done = players.map(async (player) => {
    for (let part = next(); part !== undefined; part = next()) took(await player.play(part));
    player.end();
  });
  const ended = await Promise.allSettled(done);
  const lost = ended.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  for (const why of lost) console.error(String(why));
  return lost.length === 0;
}
