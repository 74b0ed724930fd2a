import type { ReleaseState } from './model.ts';

/** Names one attempt: stop evidence never outlives it. */
export function epochOf(release: ReleaseState): string {
  return `${release.name}/${release.attempt}`;
}

/**
 * Names one stay at one weight, or one share of in-cluster clients: advance evidence never outlives it.
 * The fence number is part of it, because a step that is reached again is another stay. So is a step that was free to go
 * on: what another release of its group did to both arms meanwhile is no evidence about this one.
 */
export function stepEpochOf(release: ReleaseState): string {
  const place = release.joined === undefined ? `step${release.step}` : `join${release.joined}`;
  const freed = release.held?.until === undefined ? '' : `/${release.held.until}`;
  return `${epochOf(release)}/${place}/${release.n}${freed}`;
}
