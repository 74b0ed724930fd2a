import { expect, test } from 'vitest';
import { eventOf } from '#core/events.ts';
import type { ReleaseState, State } from '#core/model.ts';
import { releasing } from './world.ts';

/** Which steps of a release its people hear of, and which are nobody's news. */

const world = releasing();
world.runUntil(({ state: { release } }) => release?.stage === 'Holding');
const state: State = { ...world.state, message: 'the sentence' };

function moved(change: Partial<ReleaseState>): State {
  if (state.release === undefined) throw new Error('a release holds');
  return { ...state, release: { ...state.release, ...change } };
}

const ended: NonNullable<State['ended']> = {
  name: 'shop-1',
  revision: 'v2',
  outcome: 'Promoted',
  why: 'all steps passed',
  at: 0,
};

test.each<{ name: string; was?: State; is: State; told: object | undefined }>([
  { name: 'a pass that changes nothing', is: state, told: undefined },
  {
    name: 'a phase for the worse',
    is: { ...state, phase: 'Degraded', reason: 'Aborted' },
    told: { type: 'Warning', reason: 'Aborted', message: 'the sentence' },
  },
  {
    name: 'a pause by plan',
    is: { ...state, phase: 'Paused', reason: 'Step' },
    told: { type: 'Normal', reason: 'Step' },
  },
  {
    name: 'a pause for people',
    is: { ...state, phase: 'Paused', reason: 'Approval' },
    told: { type: 'Normal', reason: 'Approval' },
  },
  { name: 'a pause by a breach', is: { ...state, phase: 'Paused', reason: 'GateBreached' }, told: { type: 'Warning' } },
  {
    name: 'more traffic',
    was: moved({ weight: 5000 }),
    is: moved({ weight: 20_000 }),
    told: { type: 'Normal', reason: 'WeightGranted', message: 'the sentence (5% to 20%)' },
  },
  {
    name: 'the first traffic of another release',
    was: moved({ name: 'shop-0', weight: 50_000 }),
    is: moved({ weight: 5000 }),
    told: { reason: 'WeightGranted', message: 'the sentence (0% to 5%)' },
  },
  {
    name: 'less traffic, of which the pause tells',
    was: moved({ weight: 5000 }),
    is: moved({ weight: 0 }),
    told: undefined,
  },
  {
    name: 'the commit',
    was: moved({ committed: false }),
    is: moved({ committed: true }),
    told: { type: 'Normal', reason: 'Promoted' },
  },
  { name: 'what follows the commit', was: moved({ committed: true }), is: moved({ committed: true }), told: undefined },
  {
    name: 'an end',
    is: { ...state, ended },
    told: { type: 'Normal', reason: 'Promoted', message: 'Release shop-1: all steps passed' },
  },
  {
    name: 'the end of another release',
    was: { ...state, ended: { ...ended, name: 'shop-0' } },
    is: { ...state, ended },
    told: { message: 'Release shop-1: all steps passed' },
  },
  { name: 'an end that was told', was: { ...state, ended }, is: { ...state, ended }, told: undefined },
])('$name', ({ was = state, is, told }) => {
  const event = eventOf(was, is);
  if (told === undefined) expect(event).toBeUndefined();
  else expect(event).toMatchObject(told);
});
