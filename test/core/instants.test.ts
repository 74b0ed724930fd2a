import { expect, test } from 'vitest';
import { notAhead } from '#core/instants.ts';
import { releasing, settled, type World } from './world.ts';

const HOUR = 3_600_000;
const promoted = (world: World) => world.state.phase === 'Healthy' && world.state.stable === 'v2';

test.each([
  { name: 'holding', until: (world: World) => world.state.release?.stage === 'Holding' },
  { name: 'promoting', until: (world: World) => world.state.release?.joinedAt !== undefined },
  { name: 'leaving', until: (world: World) => world.state.release?.committed === true },
])('a leader whose clock ran an hour ahead while $name does not hold the release up', ({ until }) => {
  // kills: moments of the record trusted, whoever wrote them
  const world = releasing();
  world.runUntil(until);
  const { release } = world.state;
  if (release === undefined) throw new Error('there is a release');
  const later = (at: number | undefined) => (at === undefined ? {} : { at: at + HOUR });
  world.state = {
    ...world.state,
    since: world.state.since + HOUR,
    release: {
      ...release,
      ...Object.fromEntries(
        (['acceptedAt', 'arrivedAt', 'raisedAt', 'joinedAt', 'restoredAt'] as const).flatMap((moment) => {
          const moved = later(release[moment]);
          return 'at' in moved ? [[moment, moved.at]] : [];
        }),
      ),
    },
  };
  world.runUntil(promoted);
});

test('a record without anything ahead stays the very same', () => {
  const { state, now } = settled();
  expect(notAhead(state, now)).toBe(state);
});
