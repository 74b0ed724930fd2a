import { figure, instant, type Raw, record } from '#core/raw.ts';
import type { Millis } from '#lib/units.ts';

/** A release that prepares its first raise for longer is stuck on something: nobody waits for it. */
export const PREPARES_MS: Millis = 30 * 60_000;

/** Users meet its canary, by the stored state of the release: through the routes, or as clients of the Service. */
export function carriesTraffic(release: Raw): boolean {
  const joined = release['ending'] === undefined && (figure(release['joined']) ?? 0) > 0;
  const sends = (figure(release['weight']) ?? 0) > 0 || release['reach'] !== undefined;
  return sends || (joined && release['committed'] !== true);
}

/**
 * Its record says that nothing is sent to its canary, and no gateway has said so yet: the write may have failed. One that
 * never hears it is waited for no longer than one that prepares.
 */
export function goesBack(release: Raw, now: Millis): boolean {
  const { at, remediedAt } = record(release, 'ending');
  const endedAt = instant(at);
  if (endedAt === undefined || remediedAt !== undefined || release['raisedAt'] === undefined) return false;
  return now - endedAt <= PREPARES_MS;
}
