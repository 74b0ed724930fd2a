import { decide } from '#core/decide.ts';
import { type Effect, isUrgent } from '#core/effect.ts';
import { epochOf, stepEpochOf } from '#core/epoch.ts';
import type { Evidence, Gate, GateReading } from '#core/gate.ts';
import type { Plan, Spec, State } from '#core/model.ts';
import { formatReach } from '#core/reach.ts';
import type { Arms, Fence, ProbeReading, Seen, SeenAction } from '#core/seen.ts';
import { initialState } from '#core/state.ts';
import { specUnderPin } from '#core/undo.ts';

/** A world of plain data around the production `decide`: just enough Kubernetes and gateway to be wrong about. */

export interface WorldPod {
  name: string;
  set: string;
  arms: Arms;
  age: number;
  terminating: number | undefined;
}

export interface WorldSet {
  name: string;
  revision: string;
  replicas: number;
  arms: Arms;
  createdAt: number;
}

export interface WorldRoute {
  name: string;
  weight: number;
  /** Who is sent to the canary beside the weight, as a lens would read it. */
  reach?: string | undefined;
  /** It names the canary's Service since a write of ours: a hand that sets 0 leaves it so. */
  named?: boolean;
  fence: Fence | undefined;
  version: number;
  acceptedAt: number;
  manager: string;
  exists: boolean;
}

/** What may be lost of a pass. */
export const FAULTS = ['crash-before-store', 'crash-after-store', 'crash-mid-effects', 'drop-store'] as const;
export type Fault = 'none' | (typeof FAULTS)[number];
/** Passes of a bad day: more than half of them lose something. */
export const badDay: readonly Fault[] = ['none', 'none', 'none', ...FAULTS];

const zero = { total: 0, bad: 0 };
/** Of a gate that has counted nothing. */
export const noEvidence: Evidence = {
  at: 0,
  ticks: 0,
  canary: zero,
  stable: zero,
  stopLogE: 0,
  stopLimit: 3.9,
  advanceLogE: 0,
  advanceLimit: 3,
  advanceExcess: 0,
  step: { canary: zero, stable: zero },
  rps: 0,
  spend: 0,
};

export const gate: Gate = {
  name: 'availability',
  role: 'Guardrail',
  slo: {
    name: 'availability',
    sli: {
      kind: 'events',
      total: { metric: 'http_requests_total', matchers: [] },
      bad: { metric: 'http_requests_total', matchers: [] },
    },
    arms: { by: 'Pod' },
    objective: 0.99,
    windowMs: 28 * 86_400_000,
  },
  tolerate: 0.01,
  maxWaitMs: 1_800_000,
};

/** Seconds per tick. */
export const TICK_MS = 1000;

export class World {
  now = 1_000_000;
  state: State = initialState(this.now);
  spec: Spec = {
    replicas: 4,
    revision: 'v1',
    minReadyMs: 0,
    progressDeadlineMs: 60_000,
    revisionHistoryLimit: 2,
    service: 'shop',
    routes: ['shop'],
    onBreach: 'Retreat',
    scaleDownDelayMs: 5000,
    rollbackWindow: 3,
    settleMs: 2000,
  };
  plan: Plan = {
    steps: [
      { weight: 5000, holdMs: 5000 },
      { weight: 20_000, holdMs: 5000 },
      { weight: 50_000, holdMs: 5000 },
    ],
    gates: [gate],
    probes: [],
    onBreach: 'Retreat',
    rollback: false,
  };
  sets: WorldSet[] = [];
  pods: WorldPod[] = [];
  routes: WorldRoute[] = [
    { name: 'shop', weight: 0, fence: undefined, version: 1, acceptedAt: 0, manager: 'kubectl', exists: true },
  ];
  /** Why the routes may not be split any more. */
  barred: string | undefined;
  narrowed = false;
  canaryService = false;
  releases = new Map<string, { plan: Plan; recorded: string; outcome: string | undefined }>();
  quarantined: string[] = [];
  actions: SeenAction[] = [];
  deleting = false;
  /** No parent accepts what is written from now on. */
  gatewayDead = false;
  finalized = false;
  problems: Seen['problems'] = [];
  probes: ProbeReading = { result: 'None', message: '' };
  group: Seen['group'];
  budget: Seen['budget'];
  /** Revisions whose pods never get ready. */
  broken = new Set<string>();
  /** Pods that the namespace has room for. */
  room = Number.POSITIVE_INFINITY;
  /** Whether the API server says why there are no more: a quota does, a node without room does not. */
  tells = true;
  /** What the gate says of the canary, given the world. */
  verdict: (world: World) => Pick<GateReading, 'verdict' | 'stable'> & Partial<Pick<GateReading, 'cause' | 'pod'>> =
    () => ({
      verdict: 'Pass',
      stable: 'Meets',
    });
  /** What the gate has counted since the attempt began. */
  counts: Partial<Pick<Evidence, 'at' | 'canary' | 'stable' | 'advanceLogE' | 'forecast'>> = {};
  timeline: string[] = [];
  podNames = 0;
  /** The highest weight seen on a route for each stored grant, and other things that invariants watch. */
  violations: string[] = [];

  seen(): Seen {
    const release = this.state.release;
    const object = release === undefined ? undefined : this.releases.get(release.name);
    const ended = this.state.ended;
    const available = new Set(this.pods.filter((pod) => this.available(pod)));
    return {
      rollout: 'shop',
      ...this.specUnderPin(),
      deleting: this.deleting,
      problems: this.problems,
      replicaSets: this.sets.map((set) => ({
        ...set,
        ...this.refusal(set),
        pods: this.pods
          .filter((pod) => pod.set === set.name)
          .map((pod) => ({
            name: pod.name,
            uid: `uid-${pod.name}`,
            arms: pod.arms,
            terminating: pod.terminating !== undefined,
            available: available.has(pod),
            ready: available.has(pod),
          })),
      })),
      service: { name: 'shop', narrowed: this.narrowed },
      canaryService: { current: this.canaryService },
      routes: this.seenRoutes(),
      leftRoutes: this.seenLeft(),
      ...(object === undefined || release === undefined
        ? {}
        : {
            release: { name: release.name, uid: `uid-${release.name}`, plan: object.plan, recorded: object.recorded },
          }),
      proposal: this.plan,
      ...(this.group === undefined ? {} : { group: this.group }),
      ...(this.budget === undefined ? {} : { budget: this.budget }),
      endedRecorded: ended === undefined || this.recorded(ended.name),
      gates: release === undefined ? [] : [this.reading()],
      probes: this.probes,
      actions: this.actions,
      quarantined: this.quarantined,
    };
  }

  /** As the shell does it: what is pinned stands in the place of the template. */
  private specUnderPin(): Pick<Seen, 'spec' | 'template'> {
    const { revision, template } = specUnderPin(this.state, { revision: this.spec.revision, taken: true });
    const spec = { ...this.spec, revision };
    return template === undefined ? { spec } : { spec, template };
  }

  private refusal({ name, replicas }: WorldSet): { refused?: string } {
    const mine = this.pods.filter((pod) => pod.set === name && pod.terminating === undefined);
    const short = mine.length < replicas && this.pods.length >= this.room;
    return short && this.tells ? { refused: 'exceeded quota: team' } : {};
  }

  /** One that was deleted by hand has nothing left to be recorded in. */
  private recorded(name: string): boolean {
    const object = this.releases.get(name);
    return object === undefined || object.outcome !== undefined;
  }

  protected seenRoutes(): Seen['routes'] {
    return (this.state.release?.routes ?? this.spec.routes).map((name) => this.seenRoute(name));
  }

  /** With a fence of ours, and split by nothing. */
  private seenLeft(): Seen['routes'] {
    const named = new Set(this.state.release?.routes ?? this.spec.routes);
    const left = this.routes.filter(({ name, exists, fence }) => exists && fence !== undefined && !named.has(name));
    return left.map(({ name }) => this.seenRoute(name));
  }

  private seenRoute(name: string): Seen['routes'][number] {
    const route = this.routes.find((candidate) => candidate.name === name && candidate.exists);
    if (route === undefined) return { name, exists: false, resourceVersion: '', accepted: false, memo: '' };
    return {
      name,
      exists: true,
      resourceVersion: String(route.version),
      weight: route.weight,
      ...(route.reach === undefined ? {} : { reach: route.reach }),
      ...(route.fence === undefined ? {} : { fence: route.fence }),
      accepted: this.now >= route.acceptedAt && !this.gatewayDead,
      memo: '',
      ...(this.barred === undefined ? {} : { barred: this.barred }),
      manager: route.manager,
    };
  }

  private reading(): GateReading {
    const release = this.state.release;
    const said = this.verdict(this);
    return {
      gate: 'availability',
      role: 'Guardrail',
      message: said.verdict,
      evidence: { ...noEvidence, ...this.counts },
      epoch: release === undefined ? '' : epochOf(release),
      stepEpoch: release === undefined ? '' : stepEpochOf(release),
      ...said,
    };
  }

  available(pod: WorldPod): boolean {
    const set = this.sets.find((candidate) => candidate.name === pod.set);
    return pod.terminating === undefined && pod.age >= 2 && set !== undefined && !this.broken.has(set.revision);
  }

  /** One reconcile, perhaps cut short. `seen` may be an older sight: a stale cache. */
  reconcile(fault: Fault = 'none', seen: Seen = this.seen()): void {
    const { next, effects } = decide(this.state, seen, this.now);
    if (fault === 'crash-before-store') return;
    const urgent = effects.filter(isUrgent);
    if (fault === 'drop-store') {
      // The weight write and the status write start together: the first may win alone.
      for (const effect of urgent) this.apply(effect);
      return;
    }
    if (this.state.message !== next.message) this.timeline.push(`${this.now} ${next.phase} ${next.message}`);
    this.state = next;
    if (fault === 'crash-after-store') return;
    const rest = fault === 'crash-mid-effects' ? effects.slice(0, Math.floor(effects.length / 2)) : effects;
    for (const effect of rest) this.apply(effect);
  }

  tick(fault: Fault = 'none'): void {
    this.now += TICK_MS;
    this.cluster();
    this.reconcile(fault);
    this.check();
  }

  run(ticks: number): void {
    for (let i = 0; i < ticks; i++) this.tick();
  }

  /** Time passes and nobody decides: there is no operator. */
  away(ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      this.now += TICK_MS;
      this.cluster();
    }
  }

  runUntil(done: (world: World) => boolean, limit = 400): void {
    for (let i = 0; i < limit; i++) {
      if (done(this)) return;
      this.tick();
    }
    throw new Error(`not reached within ${limit} ticks:\n${this.timeline.join('\n')}\n${JSON.stringify(this.state)}`);
  }

  act(verb: SeenAction['verb'], more: Partial<SeenAction> = {}): void {
    const uid = `action-${this.actions.length}`;
    this.actions.push({
      uid,
      name: uid,
      verb,
      by: 'ann',
      reason: '',
      createdAt: this.now,
      acknowledged: false,
      ...more,
    });
  }

  /** ReplicaSet controller and kubelet. */
  protected cluster(): void {
    for (const pod of this.pods) pod.age++;
    this.pods = this.pods.filter((pod) => pod.terminating === undefined || this.now < pod.terminating);
    for (const set of this.sets) {
      const mine = this.pods.filter((pod) => pod.set === set.name && pod.terminating === undefined);
      for (let i = mine.length; i < set.replicas && this.pods.length < this.room; i++) {
        this.pods.push({
          name: `${set.name}-${this.podNames++}`,
          set: set.name,
          arms: set.arms,
          age: 0,
          terminating: undefined,
        });
      }
      for (const pod of mine.slice(set.replicas)) pod.terminating = this.now + 3000;
    }
  }

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one short case per effect reads best in one place.
  apply(effect: Effect): void {
    switch (effect.kind) {
      case 'CreateReplicaSet':
        if (!this.sets.some((set) => set.revision === effect.revision)) {
          this.sets.push({
            name: `shop-${effect.revision}`,
            revision: effect.revision,
            replicas: effect.replicas,
            arms: effect.arms,
            createdAt: this.now,
          });
        }
        return;
      case 'ScaleReplicaSet':
        for (const set of this.sets) if (set.name === effect.name) set.replicas = effect.replicas;
        return;
      case 'LabelTemplate':
        for (const set of this.sets) if (set.name === effect.name) set.arms = effect.arms;
        return;
      case 'DeleteReplicaSet':
        this.sets = this.sets.filter((set) => set.name !== effect.name);
        return;
      case 'LabelPod':
        for (const pod of this.pods) if (pod.name === effect.pod) pod.arms = effect.arms;
        return;
      case 'QuarantinePod':
        this.pods = this.pods.filter((pod) => pod.name !== effect.pod);
        this.quarantined.push(effect.pod);
        return;
      case 'DeletePod':
        this.quarantined = this.quarantined.filter((pod) => pod !== effect.pod);
        for (const pod of this.pods) if (`uid-${pod.name}` === effect.uid) pod.terminating ??= this.now + 3000;
        return;
      case 'SetWeight':
        this.setWeight(effect);
        return;
      case 'ClearFence':
        this.clearFence(effect);
        return;
      case 'CreateRelease':
        if (!this.releases.has(effect.release.name))
          this.releases.set(effect.release.name, { plan: effect.plan, recorded: '', outcome: undefined });
        return;
      case 'RecordRelease': {
        const object = this.releases.get(effect.name);
        if (object !== undefined) Object.assign(object, { recorded: effect.record, outcome: effect.outcome });
        return;
      }
      case 'AnswerAction':
        for (const action of this.actions) if (action.uid === effect.uid) action.acknowledged = true;
        return;
      case 'NarrowService':
        this.narrowed = true;
        return;
      case 'WidenService':
        this.narrowed = false;
        return;
      case 'ApplyCanaryService':
        this.canaryService = true;
        return;
      case 'ReleaseFinalizer':
        this.finalized = true;
        return;
    }
  }

  /** A raise is for the very object that was judged; a lowering reads it again, as often as it takes. */
  protected setWeight(effect: Extract<Effect, { kind: 'SetWeight' }>): void {
    const route = this.routes.find((candidate) => candidate.name === effect.route && candidate.exists);
    if (route === undefined || (effect.raise && String(route.version) !== effect.resourceVersion)) return;
    const seenN = route.fence?.release === effect.fence.release ? route.fence.n : 0;
    const reach = formatReach(effect.reach);
    const stays = route.reach === undefined || route.reach === reach;
    const below = route.weight < effect.weight || (route.weight === effect.weight && seenN >= effect.fence.n);
    if (!effect.raise && below && stays) return;
    const fence = effect.raise ? effect.fence : { ...effect.fence, n: Math.max(effect.fence.n, seenN + 1) };
    if (effect.raise || effect.weight > route.weight) this.watchRaise(route, effect);
    const given = effect.raise || route.reach === reach ? reach : undefined;
    Object.assign(route, {
      weight: effect.weight,
      reach: given,
      named: effect.weight > 0 || given !== undefined,
      fence,
      version: route.version + 1,
      acceptedAt: this.now + 1000,
      manager: 'headgate',
    });
  }

  private clearFence({ route: name, resourceVersion }: Extract<Effect, { kind: 'ClearFence' }>): void {
    const route = this.routes.find((one) => one.name === name && String(one.version) === resourceVersion);
    if (route === undefined) return;
    if (route.exists && route.named) this.violations.push(`the fence of ${name} goes, and what it named stays`);
    Object.assign(route, { fence: undefined, version: route.version + 1 });
  }

  private watchRaise(route: WorldRoute, { weight, reach, fence }: Extract<Effect, { kind: 'SetWeight' }>): void {
    const granted = this.state.release;
    const over = granted === undefined || weight > granted.weight;
    if (over && !this.onItsWay()) this.violations.push(`raised to ${weight} without a stored grant`);
    if (reach !== undefined && formatReach(granted?.reach) !== formatReach(reach) && !this.onItsWay())
      this.violations.push('users matched without a stored grant');
    if ((route.fence?.n ?? 0) >= fence.n) this.violations.push('raised past a newer fence');
  }

  /** A write under an older record that nothing could stop. */
  protected onItsWay(): boolean {
    return false;
  }

  /** What must hold after every step, whatever went wrong. */
  protected check(): void {
    const { stable, release } = this.state;
    const revisionOf = (pod: WorldPod) => this.sets.find((set) => set.name === pod.set)?.revision;
    const serving = this.pods.filter((pod) => pod.arms.stable && this.available(pod));
    if (stable !== undefined && this.narrowed && serving.length < Math.min(4, this.spec.replicas))
      this.violations.push(`${serving.length} pods serve`);
    const unproven = serving.filter((pod) => revisionOf(pod) !== stable && revisionOf(pod) !== release?.from);
    const byPods = release?.routes?.length === 0 && release.weight > 0;
    const joining = (release?.stage === 'Promoting' || byPods) && release.ending === undefined;
    if (unproven.length > 0 && !joining && release?.ending === undefined)
      this.violations.push('an unproven pod behind the stable Service');
    for (const route of this.routes) {
      const canaries = this.pods.filter((pod) => pod.arms.canary && this.available(pod));
      if ((route.weight > 0 || route.reach !== undefined) && canaries.length === 0 && !this.broken.size)
        this.violations.push('traffic to a canary without pods');
    }
  }
}

/** A world at rest: the first revision serves. */
export function settled(): World {
  const world = new World();
  world.runUntil((w) => w.state.phase === 'Healthy' && w.narrowed && w.canaryService);
  return world;
}

/** The same world with a new template applied. */
export function releasing(revision = 'v2'): World {
  const world = settled();
  world.spec = { ...world.spec, revision };
  return world;
}
