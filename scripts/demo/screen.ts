import { setTimeout as delay } from 'node:timers/promises';
import type { ReleaseStatus } from '#schema/release.ts';
import type { RolloutStatus } from '#schema/rollout-status.ts';
import type { Change, Shop } from './shop.ts';

export type Ended = ReleaseStatus & { name: string };

export interface FollowOptions {
  say: (line: string) => void;
  /** Longest that the release may take; beyond it something is wrong and the demo says so. [4 minutes] */
  limitMs?: number;
  signal?: AbortSignal;
}

/** Prints what changes from the change of the image to the end of its release, and returns the release's record. */
export async function follow(
  shop: Shop,
  change: Change,
  { say, limitMs = 240_000, signal }: FollowOptions,
): Promise<Ended> {
  const number = (await shop.status()).state?.releases ?? 0;
  await shop.change(change);
  const name = `checkout-${number + 1}`;
  let told = '';
  const options = signal === undefined ? {} : { signal };
  for (const until = performance.now() + limitMs; performance.now() < until; await delay(200, undefined, options)) {
    const status = await shop.status();
    const line = `${(status.phase ?? '').padEnd(11)} ${(status.weight ?? '').padStart(5)}  ${status.message ?? ''}`;
    if (line !== told && (status.state?.releases ?? 0) > number) say(line);
    told = line;
    const release = await shop.release(name);
    if (release !== undefined && isOver(status, release)) return { ...release, name };
  }
  throw new Error(`the release of ${change.image} did not end within ${limitMs / 1000} s; last: ${told}`);
}

/** Promoted, or back on stable with its pods gone but for the one in quarantine, waiting for a person. */
function isOver({ phase, reason, canary }: RolloutStatus, release: ReleaseStatus): boolean {
  if (release.outcome !== undefined) return true;
  return phase === 'Paused' && reason === 'GateBreached' && canary?.replicas === 0;
}
