import type { Millis, Weight } from '#lib/units.ts';
import type { ReleaseView } from './view-release.ts';

/** From `at` on the canary's share was `weight`, until the next point. */
export interface WeightPoint {
  at: Millis;
  weight: Weight;
}

/**
 * The canary's share of traffic over the life of a release, as a step line: from 0 at its start, by the changes that
 * the timeline tells, to what stands now. Ends at the release's end, or at `now`.
 */
export function weightSeries(release: ReleaseView, { weight, now }: { weight: Weight; now: Millis }): WeightPoint[] {
  const start = release.startedAt;
  if (start === undefined) return [];
  const end = Math.max(start, release.endedAt ?? now);
  const points: WeightPoint[] = [{ at: start, weight: 0 }];
  for (const moment of release.timeline) {
    const last = points.at(-1);
    if (moment.weight === undefined || moment.weight === last?.weight) continue;
    // Clocks of two operators differ: time never runs backwards on the picture.
    points.push({ at: Math.min(end, Math.max(last?.at ?? start, moment.at)), weight: moment.weight });
  }
  const final = release.endedAt === undefined ? weight : (points.at(-1)?.weight ?? 0);
  return [...points, { at: end, weight: final }];
}
