import { type ErrorGate, loadErrorGate } from '#gates/error-state.ts';
import { readCheckpoint } from '#operator/gate-checkpoint.ts';
import type { App, RolloutObject } from './stage.ts';

/** What became of a release, as its objects tell it. */

interface Exposure {
  canaryRequests: number;
  canaryBad: number;
  excess: number;
}

interface ArmCounts {
  canary: { total: number; bad: number };
  stable: { total: number; bad: number };
}

export interface ReleaseObject {
  metadata: { name: string };
  spec: { attempt: number; plan: { steps: { weight: string }[] } };
  status: {
    outcome?: string;
    reason?: string;
    message?: string;
    step?: string;
    weight?: string;
    spend?: string;
    badRequests?: number;
    timeToDetect?: string;
    timeToRemedy?: string;
    earlierBreach?: string;
    exposure?: Exposure;
    breach?: { cause: string; gate?: string; exposure: Exposure; arms?: ArmCounts };
    held?: { since: string; until?: string; culprit?: { rollout: string; gate?: string; arms?: ArmCounts } };
    gates?: {
      gate: string;
      verdict: string;
      canary: { total: number; bad: number };
      stable: { total: number; bad: number };
    }[];
    timeline?: { at: string; kind: string; message: string }[];
    evidence?: string;
  };
}

export function releaseOf(app: App, number = 1): Promise<ReleaseObject> {
  return app.get<ReleaseObject>('releases.headgate.dev', `${app.spec.name}-${number}`);
}

/** The gate's whole state, as the operator stored it for its own restart. */
export function storedGate(release: ReleaseObject, gate: string): ErrorGate {
  const stored = loadErrorGate(readCheckpoint(release.status.evidence ?? '').get(gate) ?? '');
  if (stored === undefined) throw new Error(`Release ${release.metadata.name} holds no evidence of gate ${gate}`);
  return stored;
}

export interface Trail {
  /** Granted weights (1/100,000) and phases in the order in which they were stored; nothing twice in a row. */
  weights: number[];
  phases: string[];
  note(rollout: RolloutObject): void;
}

export function createTrail(): Trail {
  const weights: number[] = [];
  const phases: string[] = [];
  return {
    weights,
    phases,
    note({ status }) {
      const weight = status?.state?.release?.weight ?? 0;
      const phase = [status?.phase, status?.reason].filter((word) => word !== undefined).join(' ');
      if (weights.at(-1) !== weight) weights.push(weight);
      if (phases.at(-1) !== phase) phases.push(phase);
    },
  };
}

/** Weights that have arrived, as far as statuses are looked at on the way to the promotion. */
export function arrivals(): { weights: Set<number>; promoted(rollout: RolloutObject): boolean } {
  const weights = new Set<number>();
  return {
    weights,
    promoted(rollout) {
      const { arrivedAt, weight = 0 } = rollout.status?.state?.release ?? {};
      if (arrivedAt !== undefined) weights.add(weight);
      return isPromoted(rollout);
    },
  };
}

export function isPromoted({ status }: RolloutObject): boolean {
  return status?.phase === 'Healthy' && status.state?.ended?.outcome === 'Promoted';
}

/** The canary's weight is stored as 0 and the release has ended, for whatever cause. */
export function isEnding({ status }: RolloutObject): boolean {
  return status?.state?.release?.ending !== undefined && status.state.release.weight === 0;
}
