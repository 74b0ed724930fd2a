import type { Millis, Weight } from '#lib/units.ts';
import type { ActionResult, Outcome, Plan, ReleaseState, Revision, State } from './model.ts';
import type { Arms, Fence } from './seen.ts';
import type { Reach } from './words.ts';

/** What the shell is to do. Each is idempotent: applying it twice equals applying it once. */
export type Effect =
  | { kind: 'CreateReplicaSet'; revision: Revision; replicas: number; arms: Arms }
  | { kind: 'ScaleReplicaSet'; name: string; replicas: number }
  | { kind: 'LabelTemplate'; name: string; arms: Arms }
  | { kind: 'DeleteReplicaSet'; name: string }
  | { kind: 'LabelPod'; pod: string; arms: Arms }
  /** A pod of the Deployment that is given back gets the stable label. */
  | { kind: 'LabelGivenBack'; pod: string; uid: string }
  /** With a `uid` only if it is still that pod. */
  | { kind: 'DeletePod'; pod: string; uid?: string }
  | { kind: 'QuarantinePod'; pod: string; release: string }
  | { kind: 'NarrowService'; service: string }
  | { kind: 'WidenService'; service: string }
  | { kind: 'ApplyCanaryService'; service: string }
  | { kind: 'ScaleDeployment'; name: string; replicas: number }
  | {
      kind: 'SetWeight';
      route: string;
      weight: Weight;
      /** Left out: nobody is sent to the canary beside the weight. */
      reach?: Reach;
      raise: boolean;
      /** It takes nobody from the canary, and leaves its number alone. */
      plants?: true;
      fence: Fence;
      seenFence?: Fence;
      resourceVersion: string;
      memo: string;
    }
  | { kind: 'ClearFence'; route: string; resourceVersion: string }
  | { kind: 'CreateRelease'; release: ReleaseState; plan: Plan }
  | { kind: 'RecordRelease'; name: string; record: string; outcome?: Outcome }
  | { kind: 'AnswerAction'; action: string; uid: string; result: ActionResult }
  | { kind: 'ReleaseFinalizer' };

/**
 * Traffic is taken back: that waits for nothing. A fence alone waits for its record, as a raise does: what it is written
 * over may be all that tells of a hand that took the traffic away, and the record of that may be lost.
 */
export function isUrgent(effect: Effect): boolean {
  return effect.kind === 'SetWeight' && !effect.raise && effect.plants === undefined;
}

export interface Decision {
  next: State;
  /** In order. Lowering comes first and waits for nothing, not even for the store of `next`. */
  effects: Effect[];
  /** When to look again even if nothing happens; undefined: wait for an event. */
  requeueAt?: Millis;
}
