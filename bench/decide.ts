import { decide } from '#core/decide.ts';
import { releasing } from '#test/core/world.ts';
import { type Figure, measure } from './figures.ts';

/** One decision for each of a thousand releases that hold a step: what a tick costs the loop beside the gates. */

const RELEASES = 1000;
const WARM_ROUNDS = 20;
const ROUNDS = 50;

export function benchDecide(): Figure {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  const { state, now } = world;
  const seen = world.seen();
  const round = () => {
    for (let i = 0; i < RELEASES; i++) {
      const { next } = decide(state, seen, now);
      if (next.phase !== 'Progressing') throw new Error('the release was to hold');
    }
  };
  const times = measure(round, { warm: WARM_ROUNDS, rounds: ROUNDS });
  return { what: `decide: ${RELEASES} releases that hold a step, one pass each`, target: '–', ...times };
}
