import type { Millis, Weight } from '#lib/units.ts';
import { deploymentWish, type Handover, handover, isTakingOver, mayNarrow, notYetTaken } from './adopt.ts';
import { sizeToReplace } from './bad-pod.ts';
import { living, podsOnRecord, replicasDuring, servingOf, setOf } from './capacity.ts';
import type { ReleaseState, Revision, State } from './model.ts';
import { paced } from './pace.ts';
import { routesAtRest } from './routes.ts';
import type { Arms, Seen } from './seen.ts';
import { stableReplicas } from './shrink.ts';
import { awaitsNarrowing, isLeftWide } from './widened.ts';
import type { Reach } from './words.ts';

/** The world as the state wants it. `diff` compares it with what was seen. */
export interface Wish {
  arms: ArmWish[];
  /** The most traffic the routes may send to the canary. */
  weight: Weight;
  /** Who may be sent there beside it; undefined: nobody. */
  reach?: Reach;
  /** The user's Service selects pods with the stable label only. */
  narrow: boolean;
  canaryService: boolean;
  /** Replicas of the Deployment that was taken over; undefined: as many as it has. */
  deployment?: number;
  /** Where a give-back to it stands. */
  handover: Handover;
  /** The one pod of a retreated release that is kept for diagnosis. */
  quarantine?: { release: string; revision: Revision };
}

/** One revision's pods. */
export interface ArmWish {
  revision: Revision;
  /** Undefined: as many as there are. */
  replicas?: number;
  /** Labels of every pod, and of the template. */
  arms: Arms;
  /** So many pods carry the stable label, though the template does not: in-cluster clients move share by share. */
  joined?: number;
}

/** The default of scaleDownDelay, for a spec that cannot be read. */
const BLIND_DELAY_MS: Millis = 30_000;

const none: Arms = { stable: false, canary: false };
const stableOnly: Arms = { stable: true, canary: false };
const canaryOnly: Arms = { stable: false, canary: true };
const both: Arms = { stable: true, canary: true };

/** What should be there now. Pure: state, sight and time in; every revision that is not named wants no pods. */
export function desired(next: State, seen: Seen, now: Millis): Wish {
  const housed = next.stable !== undefined && seen.service !== undefined && !seen.deleting;
  const wish: Wish = {
    arms: armsOf(next, seen, now),
    weight: next.release?.weight ?? 0,
    narrow: housed && mayNarrow(seen) && !isLeftWide(next, seen),
    canaryService: housed,
    handover: seen.deleting ? handover(next, seen, now) : { kind: 'None' },
  };
  const deployment = deploymentWish(next, seen, now);
  if (deployment !== undefined) wish.deployment = deployment;
  const release = next.release;
  if (release?.reach !== undefined) wish.reach = release.reach;
  if (release?.ending?.kind === 'Retreat') wish.quarantine = { release: release.name, revision: release.revision };
  return wish;
}

function armsOf(next: State, seen: Seen, now: Millis): ArmWish[] {
  const { spec } = seen;
  const release = next.release;
  if (next.stable !== undefined && hasLeft(next, seen, now))
    return [{ revision: next.stable, replicas: 0, arms: stableOnly }];
  if (next.stable === undefined) {
    return spec === undefined || seen.problems.some(({ barsPods }) => barsPods) || isTooEarly(seen, spec.revision)
      ? []
      : [{ revision: spec.revision, replicas: spec.replicas, arms: stableOnly }];
  }
  if (release === undefined) {
    const kept = spec === undefined ? {} : { replicas: spec.replicas };
    return [{ revision: next.stable, ...kept, arms: stableOnly }];
  }
  const full = spec === undefined ? release.full : replicasDuring(seen, next, spec.replicas);
  const during = full === undefined ? {} : { replicas: full };
  if (release.committed) return afterCommit(next, release, seen, { during, now });
  // Once the canary has gone a release that went back keeps nothing up: who waits for a person may wait for days.
  const kept = spec !== undefined && isGone(release, seen, now) ? spec.replicas : full;
  const size = kept === undefined ? {} : { replicas: stableReplicas(release, seen, { full: kept, now }) };
  const stable: ArmWish = { revision: next.stable, ...size, arms: stableOnly };
  return [stable, canaryArm(next, release, seen, now)];
}

/** The Deployment serves again: our pods go, and stay away until everything is let go. */
function hasLeft(next: State, seen: Seen, now: Millis): boolean {
  const { kind } = seen.deleting ? handover(next, seen, now) : { kind: 'None' };
  return kind === 'Leave' || (kind === 'Done' && seen.orphaning !== true);
}

/** Pods beside those of a Deployment are not begun before that one is ready; once begun they go on. */
function isTooEarly(seen: Seen, revision: Revision): boolean {
  return setOf(seen, revision) === undefined && notYetTaken(seen) !== undefined;
}

function canaryArm(next: State, release: ReleaseState, seen: Seen, now: Millis): ArmWish {
  const { revision } = release;
  const have = setOf(seen, revision)?.replicas ?? 0;
  if (release.ending !== undefined) return leavingArm(release, seen, now);
  const { spec } = seen;
  const plan = seen.release?.name === release.name ? seen.release.plan : undefined;
  // No canary pod before its release is recorded and every pre-flight is passed: what would select it by
  // accident is found before it exists.
  const blocked =
    release.stage === 'Preparing' &&
    (seen.problems.length > 0 || plan === undefined || isTakingOver(seen) || awaitsNarrowing(next, seen));
  if (spec === undefined || plan === undefined || blocked) return { revision, replicas: have, arms: canaryOnly };
  const full = replicasDuring(seen, next, spec.replicas);
  const asked = release.stage === 'Promoting' ? full : podsOnRecord(release, plan, full);
  // Never fewer than there are: pods that left would come back at the next step.
  const kept = Math.min(Math.max(asked, have), Math.max(full, have));
  // One that takes a bad pod's place comes before it goes, and stays: a set that shrinks picks its victims itself.
  const whole = Math.max(kept, sizeToReplace(release, seen, full));
  const replicas = paced(whole, release, { plan, seen, full });
  const joined = release.joined ?? 0;
  if (joined === 0) return { revision, replicas, arms: canaryOnly };
  return joined >= whole ? { revision, replicas, arms: both } : { revision, replicas, arms: canaryOnly, joined };
}

/**
 * The way back. The stable label goes at once; pods stay until no route sends to them and the delay is over,
 * because requests in flight and open connections do not move by themselves.
 */
function leavingArm(release: ReleaseState, seen: Seen, now: Millis): ArmWish {
  const { revision, ending } = release;
  const over = isGone(release, seen, now);
  const kept = setOf(seen, revision)?.replicas ?? 0;
  return { revision, replicas: over ? 0 : kept, arms: over && ending?.kind !== 'Retreat' ? none : canaryOnly };
}

/** It went back, no route sends to it any more, and its pods have had their time. */
function isGone(release: ReleaseState, seen: Seen, now: Millis): boolean {
  return release.ending !== undefined && routesAtRest(seen) && restedFor(release, now) >= leaveDelay(seen);
}

/** How long every route has been at rest; −1 when one is not. */
function restedFor({ restoredAt }: ReleaseState, now: Millis): Millis {
  return restoredAt === undefined ? -1 : now - restoredAt;
}

/** A gateway accepts a route before its last worker has taken it: even without a delay pods outlive that. */
export function leaveDelay({ spec }: Seen): Millis {
  return spec === undefined ? BLIND_DELAY_MS : Math.max(spec.scaleDownDelayMs, spec.settleMs);
}

function afterCommit(
  { since: committedAt }: State,
  release: ReleaseState,
  seen: Seen,
  { during, now }: { during: { replicas?: number }; now: Millis },
): ArmWish[] {
  const since = restedFor(release, now);
  const carried = servingOf(seen, release.revision).length;
  const fresh = setOf(seen, release.revision);
  const old = setOf(seen, release.from);
  const full = during.replicas ?? fresh?.replicas ?? 0;
  // Pods that were asked for later may find no room because the old ones have it: as many as the old ones are enough.
  const late = now - committedAt > (seen.spec?.progressDeadlineMs ?? Number.POSITIVE_INFINITY);
  const cramped = fresh?.refused !== undefined || late;
  const needed = cramped ? Math.min(full, release.full ?? old?.replicas ?? 0) : full;
  const begun = living(old).some((pod) => !pod.arms.stable) || (old !== undefined && !old.arms.stable);
  // Old pods leave the Service once the new ones carry it; a new pod that dies later must not bring them back.
  const oldArms = carried >= needed || begun ? none : stableOnly;
  const kept = old?.replicas ?? 0;
  const newArms = since >= (seen.spec?.settleMs ?? BLIND_DELAY_MS) ? stableOnly : both;
  return [
    { revision: release.revision, ...during, arms: newArms },
    { revision: release.from, replicas: since >= leaveDelay(seen) ? 0 : kept, arms: oldArms },
  ];
}
