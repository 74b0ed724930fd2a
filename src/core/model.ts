import type { Millis, Weight } from '#lib/units.ts';
import type { BreachRecord, Held } from './breach.ts';
import type { Gate } from './gate.ts';
import type { Approval, Approvals, Reach, Replaced, Surge, Suspect } from './words.ts';

/**
 * The words of the state machine: what `decide` knows and wants. What it sees stands in seen.ts.
 * No Kubernetes types: the shell translates.
 */

export type Phase = 'Healthy' | 'Progressing' | 'Paused' | 'Degraded';
export type Stage = 'Preparing' | 'Probing' | 'Shifting' | 'Holding' | 'Baking' | 'Promoting';
export type PauseReason = 'Step' | 'User' | 'GateBreached' | 'NoData' | 'BudgetLow' | 'RouteChanged' | 'Approval';
export type DegradedReason = 'Aborted' | 'InvalidSpec' | 'DeadlineExceeded';
export type OnBreach = 'Pause' | 'Retreat' | 'Abort';
export type Outcome = 'Promoted' | 'Retreated' | 'Aborted' | 'Superseded' | 'Returned';
export type Verb =
  | 'promote'
  | 'skip-step'
  | 'pause'
  | 'resume'
  | 'retreat'
  | 'abort'
  | 'retry'
  | 'expedite'
  | 'approve'
  | 'undo';

/** Name of a pod template: the hash of its canonical JSON. */
export type Revision = string;

/** A weight and how long to stay there at least. */
export interface Step {
  weight: Weight;
  holdMs: Millis;
  /** Canary pods at this step; undefined: as many as the weight asks for. */
  canaryReplicas?: number;
  /** Canary pods that may be coming up at once on the way to it; undefined: as the plan says. */
  maxSurge?: Surge;
  /** Stop here until a person says `promote`, or until the time has passed. */
  pause?: { forMs?: Millis };
  /** Whom it sends to the canary instead of a share of everybody; the weight is 0 then. */
  reach?: Reach;
  /** Who must say `approve` before it is left. */
  approval?: Approval;
  /** Foreseen with the traffic there was: the smallest excess error ratio that is seen within the hold, and ... */
  sees?: number;
  /** ... how long the evidence takes that lets the release go on, when the canary is as good as stable. */
  needsMs?: Millis;
}

/** The time after the last step: all but a small control on the canary, watched by the stop gates. */
export interface Bake {
  forMs: Millis;
  /** Stable's share meanwhile; 0 leaves the canary without anything to compare with. */
  control: Weight;
}

/** The user's wish, validated and with every default filled in. */
export interface Spec {
  replicas: number;
  /** Revision of the pod template. The template itself never enters the core. */
  revision: Revision;
  minReadyMs: Millis;
  progressDeadlineMs: Millis;
  revisionHistoryLimit: number;
  service: string;
  /** Keys of the routes that split the traffic: see `routeKey`. */
  routes: string[];
  onBreach: OnBreach;
  scaleDownDelayMs: Millis;
  /** Going back to one of this many revisions that served last skips the steps. */
  rollbackWindow: number;
  /** Time given to the data plane after a route was accepted, where the share cannot be measured. */
  settleMs: Millis;
  /** Stable gets smaller while the canary serves. Undefined: it keeps its size. */
  shrinkStable?: true;
}

/** What a release goes by from its first moment to its last: later edits of the Rollout do not reach it. */
export interface Plan {
  steps: Step[];
  /** Undefined: promotion begins right after the last step. */
  bake?: Bake;
  /** Who must say `approve` before in-cluster clients move. */
  promotion?: Approval;
  gates: Gate[];
  /** Names of the probe suites to pass, or empty. */
  probes: string[];
  onBreach: OnBreach;
  /** Canary pods that may be coming up at once, where a step does not say it. Undefined: any number. */
  maxSurge?: Surge;
  /** Canary pods that may be replaced because all failures are theirs. Default 1; 0 leaves them to a person. */
  replaceBadPods?: number;
  /** True when the revision served recently: steps are skipped, probes and stop gates stay on. */
  rollback: boolean;
}

/** Stored in Rollout.status by one versioned write; everything that must survive a crash. */
export interface State {
  phase: Phase;
  reason?: PauseReason | DegradedReason;
  /** One sentence for people: why it moves, waits or went back. */
  message: string;
  stable?: Revision;
  release?: ReleaseState;
  /** Releases begun so far: names them. */
  releases: number;
  /** Revisions that were stable before, newest first, bounded. */
  served: Revision[];
  /** How the release before this moment ended, until its Release object says so too. */
  ended?: { name: string; revision: Revision; outcome: Outcome; at: Millis; why: string };
  /** Since when it waits for its turn in its group; it keeps its place by this. */
  queuedAt?: Millis;
  /** Since when it stands in the queue of releases that may move at once; it keeps its place by this. */
  inQueueSince?: Millis;
  /** The last actions taken or refused, newest first, bounded: an action works once, whatever is lost. */
  actions: ActionResult[];
  /** The Deployment whose pods ours took the place of, until it is given back. */
  adopted?: Adopted;
  /** The Service whose selector was seen with our label, where nothing was taken over. */
  narrowed?: string;
  /** An earlier revision that a person wants instead of the template's. */
  pinned?: Pinned;
  /** When this phase and stage began. */
  since: Millis;
}

/** What counts as the newest revision until the template is another one than it was. */
export interface Pinned {
  revision: Revision;
  /** The template's revision as the pin was made. */
  over: Revision;
  /** Who said so. */
  by: string;
}

/** What a Deployment was when it was taken over, and what became of it since. */
export interface Adopted {
  deployment: string;
  /** Replicas that it had. */
  replicas: number;
  /** When our pods served beside its own. */
  at: Millis;
  /** It was at 0 since: whoever sets it up again works against us. */
  emptied?: boolean;
  /** When that happened, newest last, and which generation of the Deployment it made. */
  resets?: { at: Millis; generation: number }[];
  /** Who did it so often that we let it be. */
  contested?: string;
  /** In a give-back: since when it serves again. */
  servesSince?: Millis;
}

export interface ReleaseState {
  /** Name of the Release object, and of the fence. */
  name: string;
  revision: Revision;
  /** The stable revision it began from. */
  from: Revision;
  /** Counts tries of this revision. A retry or a resume after a breach is a new attempt. */
  attempt: number;
  stage: Stage;
  /** Index of the rung that stands or is being reached: into plan.steps, or their number for the bake. */
  step: number;
  /** The most traffic that this record grants the canary. */
  weight: Weight;
  /** Whom it grants the canary instead of a weight. */
  reach?: Reach;
  /** The fence number that a write under this record carries. */
  n: number;
  /** How often a raise of this step was written again after it was lost. */
  rewrites: number;
  startedAt: Millis;
  /** When the route was accepted everywhere with this step's weight. */
  acceptedAt?: Millis;
  /** When the step's share of requests was really there: its clock starts here. */
  arrivedAt?: Millis;
  /** When traffic was last raised. */
  raisedAt?: Millis;
  /** When somebody resumed it after a breach: what was asked until then belongs to the attempt before. */
  resumedAt?: Millis;
  /** The one auto-resume after both arms were bad was used. */
  autoResumed: boolean;
  suspect?: Suspect;
  replaced?: Replaced[];
  /** The breach of this attempt, as it was when it was found. */
  breach?: BreachRecord;
  /** What an earlier attempt failed on. */
  earlierBreach?: string;
  /** The last time that it held for another release of its group, or holds. */
  held?: Held;
  /** Who said that it mends what fails now: it is compared with stable alone, and waits for no budget. */
  expedited?: string;
  /** A word that this step may be left without its evidence (promote) or its hold (skip-step). */
  word?: { step: number; verb: 'promote' | 'skip-step'; by: string };
  /** Who has approved, and what was shown to them. */
  approvals?: Approvals;
  /** How many canary pods serve in-cluster clients too, and since when; all of them before the commit point. */
  joined?: number;
  joinedAt?: Millis;
  /** The commit point: from here a fall goes to the new revision, never back to the old by itself. */
  committed?: boolean;
  /** Since when every route is at rest, after the commit point or an ending: scaleDownDelay counts from here. */
  restoredAt?: Millis;
  /** Set when the traffic goes, or went, back to stable. */
  ending?: Ending;
  /** Where stable shrinks: how many pods it is whole with, by the highest wish since the release began. */
  full?: number;
  /** Where stable shrinks: since when every route carries what is granted, with nothing else on any of them since. */
  carriedSince?: Millis;
  /** Sum of the numbers of the fences by which that was seen: every write of ours makes it larger. */
  carriedUnder?: number;
  /** Since when the traffic goes back to a stable that is not whole, as its pods come. */
  returningSince?: Millis;
  /** Where pods come by and by: the most that the canary was seen to be asked for, and since when. */
  grownTo?: number;
  grownAt?: Millis;
  /** Routes that this release splits, whatever the spec says meanwhile; absent in records of older operators. */
  routes?: string[];
  /** What each route said before the first raise, so that rest is the user's own text. */
  memo: Record<string, string>;
}

export interface Ending {
  /** Retreat keeps one quarantined pod; Returned and Superseded make room for what comes next. */
  kind: 'Retreat' | 'Abort' | 'Superseded' | 'Returned';
  at: Millis;
  why: string;
  /** The breach's cause, when a gate or a probe ended it. */
  cause?: string;
  deadline?: boolean;
  /** When every gateway had taken weight 0 for the first time. */
  remediedAt?: Millis;
}

export interface ActionResult {
  uid: string;
  result: 'Applied' | 'Refused' | 'Expired';
  message: string;
}
