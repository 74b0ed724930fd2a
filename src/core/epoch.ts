import type { ReleaseState } from './model.ts';

/** Names one attempt: stop evidence never outlives it. */
export function epochOf(release: ReleaseState): string {
  return `${release.name}/${release.attempt}`;
}

/**
 * Names one stay at one weight, or one share of in-cluster clients: advance evidence never outlives it.
 * The fence number is part of it, because a step that is reached again is another stay.
 */
export function stepEpochOf(release: ReleaseState): string {
  const place = release.joined === undefined ? `step${release.step}` : `join${release.joined}`;
  return `${epochOf(release)}/${place}/${release.n}`;
}
