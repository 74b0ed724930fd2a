import type { Millis, Weight } from '#lib/units.ts';
import type { Ending, Phase, Stage } from './model.ts';
import type { ForecastView, GateView } from './view-gates.ts';
import type { ReleaseView } from './view-release.ts';

/**
 * What people see of a Rollout: one model for the terminal, the page and the API. It is made from the raw objects,
 * holds no clock (ages are counted by whoever shows it), and the same objects give the same bytes.
 */
export interface RolloutView {
  namespace: string;
  name: string;
  /** `New` until the operator has looked at it once. */
  phase: Phase | 'New';
  reason?: string;
  stage?: Stage;
  /** One sentence: why it moves, waits or went back. */
  sentence: string;
  /** Something happens without anybody's help. */
  moving: boolean;
  /** Nothing more happens until a person says so. */
  needsPerson: boolean;
  /** Counted from 1; `bake` after the last one. */
  step?: { number: number; count: number } | 'bake';
  /** Canary's share of traffic now, as granted. */
  weight: Weight;
  /** Whom the canary gets instead, as granted, for sentences. */
  reach?: string;
  stable?: ArmView;
  canary?: ArmView;
  gates: GateView[];
  /** Share of the error budget that this release burnt, e.g. 0.001 is 0.1 %. */
  spend?: number;
  /** What the next weight would burn of it, by the dearest gate. */
  forecast?: ForecastView;
  /** The release that runs, else the last one. */
  release?: ReleaseView;
  /** Set while the traffic goes, or went, back to stable. */
  ending?: { kind: Ending['kind']; why: string };
  /** Set while an undo holds the template's revision back. */
  pinned?: { revision: string; by: string };
  /** Problems that only a person can mend, as the conditions name them. */
  problems: string[];
  createdAt?: Millis;
  /** When this phase and stage began. */
  since?: Millis;
}

export interface ArmView {
  revision: string;
  image?: string;
  /** Images that run, as `container=sha256:…`. */
  digests?: string[];
  ready: number;
  replicas: number;
}
