import { expect, test } from 'vitest';
import type { ReleaseState } from '#core/model.ts';
import { measureBreach, measureReplaced } from '#operator/breach-metrics.ts';
import { createTelemetry } from '#operator/metrics.ts';
import { releasing } from '../core/world.ts';

/** Plays a release through the production `decide`, and measures each of its turns. */
function play(then: (world: ReturnType<typeof releasing>) => void, onBreach: 'Retreat' | 'Pause' = 'Retreat') {
  const telemetry = createTelemetry();
  const world = releasing();
  world.plan = { ...world.plan, onBreach };
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  world.counts = { canary: { total: 400, bad: 14 }, stable: { total: 4000, bad: 20 } };
  then(world);
  for (let at = 0; at < 20; at++) {
    const was: ReleaseState | undefined = world.state.release;
    world.tick();
    measureBreach(telemetry, { was, is: world.state.release, tookMs: 20 });
  }
  const text = telemetry.render();
  const figure = (name: string) => new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1];
  return { figure, text };
}

const worse = () => ({ verdict: 'Fail' as const, stable: 'Meets' as const, cause: 'Worse' as const });

test('a breach is measured once: when it was found, what it had cost, and when it was mended', () => {
  const { figure, text } = play((world) => {
    world.verdict = worse;
  });
  expect(text).toContain('headgate_breaches_total{cause="Worse"} 1');
  expect(figure('headgate_detect_seconds_count')).toBe('1');
  expect(figure('headgate_detect_requests_sum')).toBe('400');
  expect(figure('headgate_detect_excess_requests_sum')).toBe('12');
  expect(figure('headgate_lower_seconds_sum')).toBe('0.02');
  // The gateway of the world takes a weight within a second.
  expect(figure('headgate_remedy_seconds_sum')).toBe('1');
});

// kills: detection that is measured at endings alone
test('a breach that keeps its weight is found all the same, and not mended', () => {
  const { figure, text } = play((world) => {
    world.verdict = worse;
  }, 'Pause');
  expect(text).toContain('headgate_breaches_total{cause="Worse"} 1');
  expect(figure('headgate_detect_seconds_count')).toBe('1');
  expect(figure('headgate_remedy_seconds_count')).toBeUndefined();
});

test("a person's word is no breach", () => {
  const { text } = play((world) => world.act('abort'));
  expect(text).not.toContain('headgate_breaches_total');
  expect(text).not.toContain('headgate_detect');
});

test('a replaced pod is counted once, and again for another release', () => {
  const telemetry = createTelemetry();
  const world = releasing();
  world.runUntil(({ state }) => state.release !== undefined);
  const was = world.state.release as ReleaseState;
  const one = { pod: 'shop-v2-1', uid: 'u1', gate: 'availability', at: 0, why: 'all failures are its' };
  const is = { ...was, replaced: [one] };
  measureReplaced(telemetry, { was, is });
  measureReplaced(telemetry, { was: is, is });
  // kills: what an earlier release replaced counted against the next one
  measureReplaced(telemetry, { was: is, is: { ...is, name: 'shop-2' } });
  expect(telemetry.render()).toContain('headgate_bad_pods_replaced_total{gate="availability"} 2');
});
