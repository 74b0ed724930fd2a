import { decide } from '#core/decide.ts';
import type { Effect } from '#core/effect.ts';
import type { GateReading } from '#core/gate.ts';
import type { Plan, Spec, State } from '#core/model.ts';
import type { Arms, Fence, Seen, SeenReplicaSet } from '#core/seen.ts';
import { initialState } from '#core/state.ts';
import type { PodInfo } from '#gates/samples.ts';
import { type Millis, WHOLE } from '#lib/units.ts';

/** A cluster of plain data where everything works at once, around the production `decide`. */

interface Pod {
  name: string;
  arms: Arms;
  startedAt: Millis;
  /** It was deleted, and serves until the tick that is under way has ended. */
  leaves?: true;
}

interface ReplicaSet {
  revision: string;
  replicas: number;
  arms: Arms;
  createdAt: Millis;
  pods: Pod[];
}

/** The defaults of a Rollout of three pods. */
export const spec: Spec = {
  replicas: 3,
  revision: 'v1',
  minReadyMs: 0,
  progressDeadlineMs: 600_000,
  revisionHistoryLimit: 5,
  service: 'shop',
  routes: ['shop'],
  onBreach: 'Retreat',
  scaleDownDelayMs: 30_000,
  rollbackWindow: 3,
  settleMs: 10_000,
};

/** Decisions that follow each other at one instant: more than these mean that the core does not come to rest. */
const MAX_PASSES = 30;

export class Cluster {
  state: State;
  readonly plan: Plan;
  /** The others of its group, where it has one. */
  group: Seen['group'];
  private wanted: Spec = spec;
  private sets: ReplicaSet[] = [];
  private route = { weight: 0, version: 1, fence: undefined as Fence | undefined };
  private narrowed = false;
  private canaryService = false;
  private readonly records = new Map<string, { recorded: string; outcome?: string }>();
  private quarantined: string[] = [];
  private born = 0;
  /** Places of the canary pods that were replaced by another one. */
  readonly replaced = new Set<number>();

  /** At rest on `v1`, which has served for an hour. */
  constructor(now: Millis, plan: Omit<Plan, 'probes' | 'onBreach' | 'rollback'>) {
    this.plan = { ...plan, probes: [], onBreach: 'Retreat', rollback: false };
    this.state = initialState(now - 3_600_000);
    this.settle(now - 3_600_000, () => []);
  }

  release(revision: string): void {
    this.wanted = { ...spec, revision };
  }

  /** Decides at `now` until nothing moves, then at each moment before `until` for which `decide` asks. */
  settle(now: Millis, readings: () => GateReading[], until: Millis = now): void {
    for (let passes = 0, at = now; passes < MAX_PASSES; passes += 1) {
      const before = this.state;
      const { next, effects, requeueAt } = decide(before, this.seen(readings()), at);
      this.state = next;
      for (const effect of effects) this.apply(effect, at);
      const moved = effects.length > 0 || JSON.stringify(before) !== JSON.stringify(next);
      if (moved) continue;
      if (requeueAt === undefined || requeueAt >= until) return;
      at = requeueAt;
    }
    throw new Error(`the state does not come to rest: ${JSON.stringify(this.state)}`);
  }

  /** Pods of the two revisions as the watch cache would show them to the gates. */
  pods(): PodInfo[] {
    const canary = this.state.release?.revision;
    return this.sets.flatMap(({ revision, pods }) =>
      pods.map(({ name, startedAt, leaves }) => ({
        pod: name,
        arm: revision === canary ? 'canary' : 'stable',
        available: leaves !== true,
        containers: [{ name: 'app', startedAt }],
      })),
    );
  }

  /** Pods that were deleted have gone. */
  reap(): void {
    for (const set of this.sets) set.pods = set.pods.filter(({ leaves }) => leaves !== true);
  }

  /** A container starts again. */
  restart(name: string, at: Millis): void {
    for (const { pods } of this.sets) for (const pod of pods) if (pod.name === name) pod.startedAt = at;
  }

  /** Share of all requests that the new revision gets: by the route, and through the user's own Service. */
  share(revision: string): number {
    const serving = this.sets.flatMap((set) => set.pods.filter(({ arms }) => arms.stable).map(() => set.revision));
    const joined = serving.filter((one) => one === revision).length / Math.max(1, serving.length);
    const weight = this.route.weight / WHOLE;
    return weight + (1 - weight) * joined;
  }

  /** The one route as the operator sees it. */
  routes(): Seen['routes'] {
    const { weight, version, fence } = this.route;
    const route = { name: 'shop', exists: true, resourceVersion: String(version), weight, accepted: true, memo: '' };
    return [fence === undefined ? route : { ...route, fence }];
  }

  private seen(gates: GateReading[]): Seen {
    const { release, ended } = this.state;
    const record = release === undefined ? undefined : this.records.get(release.name);
    return {
      rollout: 'shop',
      spec: this.wanted,
      deleting: false,
      problems: [],
      replicaSets: this.sets.map(seenSet),
      service: { narrowed: this.narrowed },
      canaryService: { current: this.canaryService },
      routes: this.routes(),
      ...(release === undefined || record === undefined
        ? {}
        : { release: { name: release.name, uid: release.name, plan: this.plan, recorded: record.recorded } }),
      endedRecorded: ended === undefined || this.records.get(ended.name)?.outcome !== undefined,
      proposal: this.plan,
      ...(this.group === undefined ? {} : { group: this.group }),
      gates,
      probes: { result: 'None', message: '' },
      actions: [],
      quarantined: this.quarantined,
    };
  }

  private apply(effect: Effect, now: Millis): void {
    switch (effect.kind) {
      case 'LabelPod':
        for (const { pods } of this.sets) for (const pod of pods) if (pod.name === effect.pod) pod.arms = effect.arms;
        return;
      case 'NarrowService':
        this.narrowed = true;
        return;
      case 'ApplyCanaryService':
        this.canaryService = true;
        return;
      case 'SetWeight':
        this.route = { weight: effect.weight, fence: effect.fence, version: this.route.version + 1 };
        return;
      case 'ClearFence':
        this.route = { ...this.route, fence: undefined, version: this.route.version + 1 };
        return;
      case 'CreateRelease':
        this.records.set(effect.release.name, { recorded: '' });
        return;
      case 'QuarantinePod':
        this.quarantined = [effect.pod];
        return;
      case 'DeletePod':
        if (effect.uid === undefined) this.quarantined = [];
        else this.replace(effect.uid, now);
        return;
      default:
        this.applyToSet(effect, now);
    }
  }

  private applyToSet(effect: Effect, now: Millis): void {
    const named = 'name' in effect ? this.sets.find((set) => nameOf(set) === effect.name) : undefined;
    if (effect.kind === 'CreateReplicaSet') {
      const { revision, arms, replicas } = effect;
      this.scale(this.add({ revision, arms, replicas: 0, createdAt: now, pods: [] }), replicas, now);
    }
    if (effect.kind === 'ScaleReplicaSet' && named !== undefined) this.scale(named, effect.replicas, now);
    if (effect.kind === 'LabelTemplate' && named !== undefined) named.arms = effect.arms;
    if (effect.kind === 'DeleteReplicaSet') this.sets = this.sets.filter((set) => nameOf(set) !== effect.name);
    if (effect.kind === 'RecordRelease') {
      const { name, record, outcome } = effect;
      this.records.set(name, { recorded: record, ...(outcome === undefined ? {} : { outcome }) });
    }
  }

  private add(set: ReplicaSet): ReplicaSet {
    this.sets.push(set);
    return set;
  }

  private scale(set: ReplicaSet, replicas: number, now: Millis): void {
    set.replicas = replicas;
    set.pods = set.pods.slice(0, replicas);
    while (set.pods.length < replicas) set.pods.push(this.bear(set, now));
  }

  private bear(set: ReplicaSet, now: Millis): Pod {
    this.born += 1;
    return { name: `${nameOf(set)}-${this.born}`, arms: set.arms, startedAt: now };
  }

  /** Its successor takes its place among the slots of the traffic. */
  private replace(uid: string, now: Millis): void {
    for (const set of this.sets) {
      const place = set.pods.findIndex(({ name, leaves }) => name === uid && leaves !== true);
      const pod = set.pods[place];
      if (pod === undefined) continue;
      set.pods.splice(place, 1, { ...pod, leaves: true }, this.bear(set, now));
      this.replaced.add(place);
    }
  }
}

function nameOf({ revision }: { revision: string }): string {
  return `shop-${revision}`;
}

function seenSet(set: ReplicaSet): SeenReplicaSet {
  const pods = set.pods.map(({ name, arms, leaves = false }) => {
    return { name, uid: name, arms, available: !leaves, ready: !leaves, terminating: leaves };
  });
  return { ...set, name: nameOf(set), pods };
}
