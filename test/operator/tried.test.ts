import { expect, test } from 'vitest';
import { triedOf } from '#operator/tried.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { releasing } from '../core/world.ts';

interface Past {
  revision?: string;
  attempts?: number;
  outcome?: string;
  breach?: string;
}

/** Oldest first. */
function recorded(past: Past[]): KubeObject[] {
  return past.map(({ revision = 'v2', attempts = 1, outcome, breach }, index) => ({
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'Release',
    metadata: { name: `shop-${index}`, creationTimestamp: new Date(1_700_000_000_000 + index * 60_000).toISOString() },
    spec: { revision, attempt: attempts },
    status: { outcome, attempts, ...(breach === undefined ? {} : { breach: { cause: 'Worse', message: breach } }) },
  }));
}

test.each<{ name: string; because: string; past: Past[]; want: unknown }>([
  { name: 'none', because: 'it is new', past: [], want: undefined },
  {
    name: 'a failure',
    because: 'the next is the second try',
    past: [{ outcome: 'Retreated', breach: 'a: 5% bad' }],
    want: { tried: { attempts: 1, breach: 'a: 5% bad' } },
  },
  {
    name: 'two failures',
    because: 'the newest counts',
    past: [
      { outcome: 'Retreated', breach: 'old' },
      { outcome: 'Returned', breach: 'new', attempts: 2 },
    ],
    want: { tried: { attempts: 2, breach: 'new' } },
  },
  {
    name: 'a failure of another revision',
    because: 'it is another try',
    past: [{ revision: 'v3', outcome: 'Retreated', breach: 'a' }],
    want: undefined,
  },
  {
    name: 'an attempt that a person ended',
    because: 'nothing failed',
    past: [{ outcome: 'Aborted' }],
    want: undefined,
  },
  {
    name: 'a failure before it was promoted',
    because: 'it has proved itself since',
    past: [
      { outcome: 'Retreated', breach: 'a' },
      { outcome: 'Promoted', attempts: 2 },
    ],
    want: undefined,
  },
])('$name: $because', ({ past, want, because }) => {
  expect(triedOf(recorded(past), 'v2'), because).toEqual(want);
});

// kills: a bar that is low again for whoever takes the revision away and brings it back
test('a revision that failed and came back begins its next attempt', () => {
  const world = releasing();
  const seen = world.seen.bind(world);
  world.seen = () => ({ ...seen(), tried: { attempts: 2, breach: 'availability: 5% bad' } });
  world.runUntil(({ state }) => state.release !== undefined);
  expect(world.state.release).toMatchObject({ attempt: 3, earlierBreach: 'availability: 5% bad' });
});
