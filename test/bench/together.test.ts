import { expect, test } from 'vitest';
import { record } from '#core/raw.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { headgate } from '../../bench/decisions/headgate.ts';
import { nothing, type Policy } from '../../bench/decisions/policy.ts';
import { scenarioNamed } from '../../bench/decisions/scenarios.ts';
import { playAll } from '../../bench/decisions/together.ts';
import { TICKS } from '../../bench/decisions/traffic.ts';

/** Eight services of one path release at once with `groupMode: Attribute`, at 100 rps, by the production code. */

const seeds = Array.from({ length: 6 }, (_, index) => index + 1);
/** The first one breaks a fifth of its requests once it has half of them: both arms of all others go bad too. */
const late = { ...scenarioNamed('together-8'), excess: (minute: number) => (minute >= 2.75 ? 0.2 : 0) };
const releaseIn = (face: KubeObject) => record(face, 'status', 'state', 'release');

// All 400 seeds of the benchmark: the right one 400 times, another one accused 4 times.
test('eight releases in one path, one of them two points worse: the right one is stopped, the others arrive', () => {
  const all = seeds.map((seed) => playAll(headgate, scenarioNamed('together-8'), seed));
  for (const { ending, others } of all) {
    expect(ending).toMatchObject({ outcome: 'stopped', cause: 'Worse', accused: { others: 0, before: false } });
    expect(others.map(({ outcome }) => outcome)).toEqual(others.map(() => 'promoted'));
  }
});

test('what breaks the arms of all others is named by them with its counts, and none goes back for it', () => {
  for (const seed of seeds.slice(0, 3)) {
    // Six minutes: the culprit is off, and stable has not recovered for long.
    const [culprit, ...others] = playAll(headgate, late, seed, 24).faces.map(releaseIn);
    const { at, gate, arms } = record(culprit, 'breach');
    expect(record(culprit, 'breach')).toMatchObject({ cause: 'Worse', gate: 'checkout' });
    for (const release of others) {
      expect(release['autoResumed']).toBe(false);
      expect(release['weight']).toBeGreaterThanOrEqual(50_000);
      expect(record(release, 'held')['culprit']).toEqual({ rollout: 'service-0', at, gate, arms });
      expect(release['breach']).toBeUndefined();
    }
  }
});

// kills: evidence of a stay that goes on with the failures of another one, which takes ten minutes more
test('holding costs less than going back alone', () => {
  const alone: Policy = {
    ...headgate,
    start(scenario, seed) {
      const run = headgate.start(scenario, seed);
      return {
        shares: nothing,
        lookBack: (served) => run.lookBack?.(served),
        tick: (served, at) => run.tick(served, at),
      };
    },
  };
  const lengths = (policy: Policy) => playAll(policy, late, 1, TICKS).others.map(({ minutes = 60 }) => minutes);
  expect(Math.max(...lengths(headgate))).toBeLessThan(Math.min(...lengths(alone)));
});
