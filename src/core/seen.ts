import type { Millis, Weight } from '#lib/units.ts';
import type { GateReading } from './gate.ts';
import type { Plan, Revision, Spec, Verb } from './model.ts';
import type { BudgetSight, GroupSight, Spread } from './sights.ts';

/** Everything the shell looked at before it asked for a decision. */
export interface Seen {
  /** Name of the Rollout: names everything that is ours. */
  rollout: string;
  /** Undefined when the spec cannot be used at all (`problems` says why). */
  spec?: Spec;
  /** Revision of the template that is there, where another one is pinned over it and stands in `spec.revision`. */
  template?: Revision;
  deleting: boolean;
  /** What keeps a release from beginning: bad spec, missing objects, conflicts. Ordered, stable. */
  problems: Problem[];
  replicaSets: SeenReplicaSet[];
  /** Living pods with an arm label whose ReplicaSet somebody deleted: nobody counts them, and Services still find them. */
  strays?: StrayPod[];
  /** The user's Service; undefined when it is missing. */
  service?: SeenService;
  canaryService?: { current: boolean };
  /** Set when the pods are described by a Deployment; that one is missing when it does not exist. */
  workload?: { name: string; deployment?: SeenDeployment };
  /** Deleted with `--cascade=orphan`: pods and Services stay. */
  orphaning?: boolean;
  /** The namespace is being deleted, and everything in it. */
  terminating?: boolean;
  routes: SeenRoute[];
  /** Routes that have left the spec since a release of this Rollout wrote its fence on them. */
  leftRoutes?: SeenRoute[];
  /** The Release object of state.release, when it exists. */
  release?: {
    name: string;
    uid: string;
    plan: Plan;
    recorded: string;
    /** Whose change it is, as its record says. */
    author?: string;
  };
  /** What the Release object of state.ended says: true when its outcome stands there (or it is gone). */
  endedRecorded: boolean;
  /** The plan that a release beginning now would get; undefined when it cannot be made. */
  proposal?: Plan;
  /** What the records say of earlier failures of the revision that a release beginning now would try. */
  tried?: { attempts: number; breach: string };
  /** Set when the spec names a group. */
  group?: GroupSight;
  /** Set where the operator limits how many releases move at once, before a first raise. */
  places?: PlacesSight;
  /** What is left of the error budgets, for what a release begins with; undefined: nobody has looked yet. */
  budget?: BudgetSight;
  gates: GateReading[];
  probes: ProbeReading;
  actions: SeenAction[];
  /** The API server takes forged actions, so none is looked at. */
  actionsUnprotected?: boolean;
  quarantined: string[];
  /** What a person should know and what stops nothing. Ordered, stable. */
  notices?: Notice[];
}

/** A condition of its own: at most one of each type. */
export interface Notice {
  type: 'SharedDisruptionBudget' | 'ClusterTooOld';
  reason: string;
  /** Names the object and the fix. */
  message: string;
}

/** Something only a person can mend, naming the field and the fix. */
export interface Problem {
  field: string;
  message: string;
  /** Not even the first revision may have pods: they could not exist, or would serve where another one serves. */
  barsPods?: true;
}

export interface SeenReplicaSet {
  name: string;
  revision: Revision;
  replicas: number;
  /** Arm labels in the pod template: what a new pod will carry. */
  arms: Arms;
  createdAt: Millis;
  /** Image of its first container, for people. */
  image?: string;
  /** Why its missing pods cannot be made, as the API server says it, e.g. `exceeded quota: team, …`. */
  refused?: string;
  /** What its living pods run, as `container=sha256:…`: sorted, each once. */
  digests?: string[];
  pods: SeenPod[];
}

/** Which arm labels something carries. */
export interface Arms {
  stable: boolean;
  canary: boolean;
}

export interface SeenPod {
  name: string;
  uid: string;
  /** Where it runs, once it has been placed. */
  node?: string;
  arms: Arms;
  /** Ready for at least minReadySeconds. */
  available: boolean;
  /** Ready now, however briefly: a gateway sends to it. */
  ready: boolean;
  /** Being deleted: no label of it matters any more. */
  terminating: boolean;
  /** Why it is not ready, as the kubelet says it, e.g. `CrashLoopBackOff`. */
  trouble?: string;
}

/** A pod that no ReplicaSet of its revision keeps. */
export interface StrayPod {
  name: string;
  revision: Revision;
  arms: Arms;
}

export interface SeenService {
  /** As the Rollout names it, whether or not the rest of its spec can be read. */
  name?: string;
  /** The selector carries the stable label. */
  narrowed: boolean;
  /** Somebody else's text has the label there: whoever takes it off is undone. */
  declared?: true;
  /** Who of others wrote its spec last. */
  manager?: string;
}

export interface SeenDeployment {
  name: string;
  /** As its spec wishes. */
  replicas: number;
  /** Revision of its pod template. */
  revision: Revision;
  /** Counts specs: somebody's every write of it is another one. */
  generation: number;
  /** Its controller has seen this generation, so that the counts are of it. */
  observed: boolean;
  /** Its pods, but for those that are being deleted. */
  pods: number;
  /** Those of the newest template. */
  updated: number;
  available: number;
  /** Its living pods without the stable label, where a give-back needs them to have it; undefined: nobody has looked. */
  bare?: { name: string; uid: string }[];
  /** Who wrote `spec.replicas` last, ourselves left out. */
  manager?: string;
}

export interface SeenRoute {
  name: string;
  exists: boolean;
  resourceVersion: string;
  /** Canary's share as written; undefined when the rules disagree among themselves. */
  weight?: Weight;
  /** The least and the most that a rule sends to the canary, where the rules disagree. */
  spread?: Spread;
  fence?: Fence;
  /** Who is sent to the canary beside the weight, as `formatReach` says it. Left out: nobody. */
  reach?: string;
  /** Accepted with resolved references, at its generation, on every parent. */
  accepted: boolean;
  /** Original text to come back to, as the router's lens remembers it. */
  memo: string;
  /** Who wrote `spec` last, by field manager. */
  manager?: string;
  /** Why the lens refuses this route, naming the rule. */
  conflict?: string;
  /** Who has not allowed this Rollout to split it, or no longer does, with the fix: nothing may go to the canary. */
  barred?: string;
  /** Users stay with the arm that they met first: the share of requests follows the weight late. */
  sticky?: true;
  /** Rules that came after the release began: untouched until the next one. */
  extra?: string[];
}

/** `headgate.dev/fence: <release>/<n>/<weight>` on a route. */
export interface Fence {
  release: string;
  n: number;
  weight: Weight;
}

export interface ProbeReading {
  /** The `stepEpoch` that was probed; undefined: nothing was. */
  epoch?: string;
  /** `CanaryFailed`: canary fails and stable passes. `BothFailed`: an environment problem, nobody is blamed. */
  result: 'None' | 'Running' | 'Passed' | 'CanaryFailed' | 'BothFailed';
  message: string;
}

export interface SeenAction {
  uid: string;
  name: string;
  verb: Verb;
  releaseUid?: string;
  step?: number;
  by: string;
  /** Groups that the API server has proved `by` to be in. */
  groups?: string[];
  /** Images that were shown to whoever approves. */
  digests?: string[];
  /** What an undo goes back to; undefined: what served before. */
  toRevision?: Revision;
  reason: string;
  createdAt: Millis;
  acknowledged: boolean;
}

/** Releases of other Rollouts that move or want to, and how many may. */
export interface PlacesSight {
  /** Namespace of this Rollout. */
  namespace: string;
  /** Most releases at once in the cluster; undefined: any number. */
  cluster?: number;
  /** The same in one namespace. */
  perNamespace?: number;
  others: Mover[];
}

export interface Mover {
  namespace: string;
  rollout: string;
  /** `Carries`: its canary has traffic. `Begun`: it prepares its first raise. `Waits`: it stands in the queue. */
  stands: 'Carries' | 'Begun' | 'Waits';
  /** When it came. */
  since: Millis;
}
