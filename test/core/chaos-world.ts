import { podLadder } from '#core/capacity.ts';
import { decide } from '#core/decide.ts';
import { type Effect, isUrgent } from '#core/effect.ts';
import { epochOf, stepEpochOf } from '#core/epoch.ts';
import type { GateReading } from '#core/gate.ts';
import type { OnBreach, ReleaseState, State } from '#core/model.ts';
import { formatReach } from '#core/reach.ts';
import type { Seen } from '#core/seen.ts';
import type { Invariant } from '#test/sim/invariants.ts';
import { byAndBy, tooQuickBy } from './pace-rules.ts';
import { carried, type Live, nothing, risen, sends } from './share.ts';
import { keptBy, leastOfStable, unlawfulReturn } from './shrink-rules.ts';
import { STRIKES, verbs, verdicts } from './strikes.ts';
import { isCovered, isTaken } from './taken-back.ts';
import { FAULTS, type Fault, TICK_MS, World, type WorldRoute } from './world.ts';

/** The small world with everything broken at once, and with eyes for what must never happen. */

export type Chance = () => number;

/** The same numbers for the same seed (mulberry32). */
export function chanceOf(seed: number): Chance {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What a gateway really does lags behind what the route says, by less than settleMs after it was accepted. */
const LAG_MS = 1500;

export class ChaosWorld extends World {
  /** How often each invariant was looked at. */
  readonly checks = new Map<string, number>();
  readonly events: string[] = [];
  /** Weights that the data plane uses, by route. */
  live = new Map<string, Live>();
  /** Time as gateways and sources have it, whatever the operator's clock does. */
  protected beat = 1_000_000;
  private jumpedAt = Number.NEGATIVE_INFINITY;
  unreadable = false;
  frozenGateway = false;
  probeResult: Seen['probes']['result'] = 'Passed';
  /** Releases whose traffic somebody took back, until a person says something. */
  takenBack = new Set<string>();
  begun = new Set<string>();
  protected old: { state: State; seen: Seen } | undefined;
  /** Another operator writes, with an older sight. */
  private stale = false;
  /** What was on record when the pass began. */
  private known: State | undefined;
  /** The pass died after it had stored its record: what that has to say to the routes may not stand there yet. */
  private unfenced = false;
  /** The pass that writes keeps no record. */
  private unrecorded = false;
  private darkTicks = 0;
  protected died = false;
  protected chance: Chance;

  constructor(seed: number) {
    super();
    this.chance = chanceOf(seed);
    const onBreach = this.pick<OnBreach>(['Retreat', 'Pause', 'Abort']);
    // Of three pods one may be the odd one from the first step on.
    const pods = this.pick([{}, { canaryReplicas: 3 }]);
    const steps = this.plan.steps.map((step) => ({ ...step, ...pods, holdMs: 2000 }));
    if (this.chance() < 0.2) Object.assign(steps[0] ?? {}, { pause: {} });
    const bake = this.chance() < 0.5 ? { bake: { forMs: 3000, control: this.pick([0, 5000, 20_000]) } } : {};
    const gates = this.plan.gates.map((one) => ({
      ...one,
      onNoData: this.pick(['Hold', 'Hold', 'Pause', 'Retreat'] as const),
    }));
    this.plan = { ...this.plan, steps, ...bake, gates, onBreach, probes: this.chance() < 0.5 ? ['smoke'] : [] };
    this.routes.push({ ...(this.routes[0] as WorldRoute), name: 'admin' });
    this.spec = {
      ...this.spec,
      onBreach,
      routes: this.pick([['shop'], ['shop'], ['shop', 'admin'], ['shop', 'admin'], []]),
    };
    // Drawn from nothing, so that the other worlds stay as they are.
    if (seed % 5 === 2) this.spec = { ...this.spec, shrinkStable: true };
    if (seed % 7 === 4) this.plan = byAndBy(this.plan, seed);
    if (this.spec.routes.length === 0) this.plan = podLadder(this.plan, this.spec.replicas);
  }

  /** The pod that was replaced in each release. */
  private readonly replaced = new Map<string, string>();

  protected pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.chance() * list.length)] as T;
  }

  protected violate(what: string): void {
    this.violations.push(`${what} (at ${this.now}, ${JSON.stringify(this.state)})`);
  }

  override seen(): Seen {
    const seen = super.seen();
    const release = this.state.release;
    const probes = {
      result: this.plan.probes.length === 0 ? ('None' as const) : this.probeResult,
      message: this.probeResult,
      ...(release === undefined ? {} : { epoch: stepEpochOf(release) }),
    };
    if (!this.unreadable) return { ...seen, probes };
    const { spec: _, ...blind } = seen;
    return { ...blind, probes };
  }

  /** One tick of act one. */
  chaos(): void {
    this.now += TICK_MS;
    this.died = false;
    if (this.chance() < 0.35) this.strike();
    this.cluster();
    this.carry();
    if (this.chance() < 0.3) this.wakeStale();
    if (this.chance() < 0.1) this.remember();
    this.turn(this.chance() < 0.15 ? this.pick(FAULTS) : 'none');
  }

  /** One tick of act two: nothing breaks any more. */
  calm(): void {
    this.now += TICK_MS;
    this.died = false;
    this.cluster();
    this.carry();
    this.turn('none');
  }

  heal(): void {
    if (this.now !== this.beat) this.jumpedAt = this.beat;
    this.now = this.beat;
    this.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
    this.broken.clear();
    this.problems = [];
    this.budget = undefined;
    this.group = undefined;
    this.room = Number.POSITIVE_INFINITY;
    this.unreadable = false;
    this.probeResult = 'Passed';
    this.frozenGateway = false;
    for (const route of this.routes) {
      // Whoever puts it back puts back the user's own text.
      if (!route.exists) Object.assign(route, { exists: true, ...nothing, named: false, fence: undefined });
      // A split without a fence is the user's own, and a release cannot begin on it.
      if (route.fence === undefined) Object.assign(route, nothing);
      if (route.acceptedAt > this.now) route.acceptedAt = this.now + 1000;
    }
  }

  /** What a person would say to what stands there now. */
  help(): void {
    const { phase, reason, release } = this.state;
    if (release === undefined || phase === 'Progressing' || phase === 'Healthy') return;
    if (release.ending !== undefined) this.act('retry');
    else if (phase === 'Paused') this.act(reason === 'Step' ? 'promote' : 'resume');
  }

  protected turn(fault: Fault): void {
    const before = this.state;
    this.known = before;
    const seen = this.seen();
    this.unrecorded = fault === 'drop-store';
    this.reconcile(fault, seen);
    const dead = fault === 'crash-after-store' || fault === 'crash-mid-effects';
    this.unfenced = dead || (this.unfenced && fault === 'crash-before-store');
    this.watch(before, seen, fault);
  }

  /** Another operator with an older record and sight: it lowers, and raises what it need not store first. */
  protected wakeStale(): void {
    if (this.old === undefined) return;
    const { state, seen } = this.old;
    const { next, effects } = decide(state, { ...seen, actions: [] }, this.now);
    const stores = () => JSON.stringify({ ...state, message: '' }) !== JSON.stringify({ ...next, message: '' });
    this.stale = true;
    for (const effect of effects)
      if (effect.kind === 'SetWeight' && (isUrgent(effect) || !stores())) this.apply(effect);
    this.stale = false;
  }

  /** What the other operator will know when it wakes. */
  protected remember(): void {
    // States, and what is seen, are made anew by every pass; what the world changes in place is copied.
    this.old = { state: this.state, seen: { ...this.seen(), quarantined: [...this.quarantined], actions: [] } };
  }

  /** For those who count what befell the world. */
  protected struck(_what: string): void {}

  protected looked(...invariants: Invariant[]): void {
    for (const name of invariants) this.checks.set(name, (this.checks.get(name) ?? 0) + 1);
  }

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one line a misfortune reads best in one place.
  protected strike(): void {
    const kind = Math.floor(this.chance() * STRIKES.length);
    this.struck(STRIKES[kind] ?? '');
    const route = this.pick(this.routes);
    this.events.push(`${this.now} strike ${kind}`);
    // In the pass that lets a deleted Rollout go, a lowering of this would come too late to be cleared.
    if (kind <= 1 && !this.deleting) this.foreignWeight(route);
    if (kind === 2) Object.assign(route, { fence: undefined, version: route.version + 1, manager: 'kubectl' });
    if (kind === 3) route.exists = !route.exists;
    if (kind <= 5 && kind >= 4) this.kill();
    if (kind === 6) this.toggleBroken();
    if (kind === 7) this.spec = { ...this.spec, replicas: this.pick([1, 2, 4, 6]) };
    if (kind === 8) this.spec = { ...this.spec, revision: this.pick(['v1', 'v2', 'v2', 'v3']) };
    if (kind >= 9 && kind <= 11) this.say();
    if (kind === 12) this.jump();
    if (kind >= 13 && kind <= 14) this.turnGate();
    if (kind === 15) this.frozenGateway = !this.frozenGateway;
    if (kind === 16) this.spec = { ...this.spec, routes: this.pick([['shop'], ['shop', 'admin'], ['admin'], []]) };
    if (kind === 17) this.problems = this.problems.length > 0 ? [] : [{ field: 'spec.service', message: 'is missing' }];
    if (kind === 18) this.unreadable = !this.unreadable;
    if (kind === 19 && this.state.release !== undefined && this.chance() < 0.3)
      this.releases.delete(this.state.release.name);
    if (kind === 20) this.toggleBudget();
    if (kind === 21) this.toggleRival();
    if (kind === 19) this.probeResult = this.pick(['Passed', 'Running', 'BothFailed', 'CanaryFailed']);
  }

  private foreignWeight(route: WorldRoute): void {
    const weight = this.pick([0, 0, 1000, 50_000, 100_000]);
    const release = this.state.release;
    if (release !== undefined && isTaken(route, weight, release)) this.takenBack.add(`${release.name}/${route.name}`);
    // Whoever gives more afterwards, before anybody looked, has withdrawn it.
    else if (release !== undefined) this.takenBack.delete(`${release.name}/${route.name}`);
    const reach = weight === 0 ? undefined : route.reach;
    Object.assign(route, { weight, reach, version: route.version + 1, manager: 'kubectl-edit', acceptedAt: this.now });
    this.events.push(`${this.now} ${route.name} set to ${weight} by hand`);
  }

  private kill(): void {
    this.died = true;
    const set = this.pick(this.sets)?.name;
    const all = this.chance() < 0.2;
    const mine = this.pods.filter((pod) => pod.set === set && pod.terminating === undefined);
    for (const pod of all ? mine : mine.slice(0, 1)) pod.terminating = this.now + 2000;
  }

  private toggleBroken(): void {
    const revision = this.pick(['v2', 'v2', 'v3']);
    if (revision === this.state.stable) return;
    this.died = true;
    if (!this.broken.delete(revision)) this.broken.add(revision);
  }

  private toggleBudget(): void {
    const [left, onUnknown] = this.pick([
      [-1, 'Proceed'],
      [0.05, 'Hold'],
      [undefined, 'Hold'],
    ] as const);
    const budgets = [{ slo: 'availability', carried: 0, ...(left === undefined ? {} : { left }) }];
    this.budget = this.budget === undefined ? { budgets, least: 0.1, most: 0.01, onUnknown } : undefined;
  }

  private toggleRival(): void {
    const rival = this.pick([{ carries: true }, { carries: false, wantsSince: this.now - 60_000 }]);
    const members = [{ rollout: 'cart', ...rival }];
    this.group = this.group === undefined ? { name: 'path', members, elsewhere: [] } : undefined;
  }

  private say(): void {
    const verb = this.pick(verbs);
    this.act(verb);
    this.events.push(`${this.now} ${verb}`);
  }

  protected jump(): void {
    this.now += this.pick([-30_000, -5000, 5000, 70_000]);
    this.jumpedAt = this.beat;
  }

  protected turnGate(): void {
    const said = this.pick(verdicts);
    const place = Math.floor(this.chance() * 4);
    this.verdict = () => {
      if (!('cause' in said) || said.cause !== 'SinglePod') return said;
      // Whoever is blamed goes on failing, and its successor may be blamed after it.
      this.counts = { at: this.now, canary: { total: 9000, bad: this.now / TICK_MS } };
      const pod = this.pods.filter(({ arms }) => arms.canary).at(place)?.name ?? 'nobody';
      return { ...said, pod };
    };
  }

  /** The data plane takes what was accepted, a little later. */
  protected carry(): void {
    this.beat += TICK_MS;
    for (const route of this.routes) {
      if (this.frozenGateway && route.acceptedAt + 1000 > this.now) route.acceptedAt = this.now + 1000;
      const live = this.live.get(route.name) ?? { ...nothing, written: nothing, at: 0 };
      this.live.set(route.name, carried(live, route, { now: this.now, beat: this.beat, lagMs: LAG_MS }));
    }
  }

  /** A clock that leaps over the time given to the data plane takes that time away: a known limit. */
  private justJumped(): boolean {
    return this.beat - this.jumpedAt <= LAG_MS + TICK_MS;
  }

  protected sent(): boolean {
    if (this.justJumped()) return false;
    // A gateway that takes nothing any more keeps no deleted Rollout for ever.
    const { ending } = this.state.release ?? {};
    if (this.deleting && ending !== undefined && this.now - ending.at > this.spec.progressDeadlineMs) return false;
    const names = this.state.release?.routes ?? [];
    return [...this.live].some(([name, live]) => names.includes(name) && sends(live));
  }

  override apply(effect: Effect): void {
    const set = 'name' in effect ? this.sets.find(({ name }) => name === effect.name) : undefined;
    const { stable, release } = this.state;
    if (effect.kind === 'ScaleReplicaSet') this.looked('scaled', 'demand');
    const fewer = effect.kind === 'ScaleReplicaSet' && set !== undefined && effect.replicas < set.replicas;
    if (fewer && set.revision === release?.revision && !release.committed && this.sent())
      this.violate('the canary is scaled down while a gateway sends to it');
    if (fewer && set.revision === stable && effect.replicas < leastOfStable(this, this.justJumped()))
      this.violate('stable is scaled below its size');
    this.watchPace(effect);
    if (effect.kind === 'LabelPod') this.watchLabel(effect);
    if (effect.kind === 'DeletePod') this.watchDeletion(effect);
    this.watchLowering(effect);
    const shares = this.routes.map(({ weight, reach }) => ({ weight, reach }));
    super.apply(effect);
    if (effect.kind === 'SetWeight') this.wrote(effect);
    // A stale raise is tried all the same; what counts is that the route refuses it.
    const more = this.routes.some((route, index) => risen(route, shares[index] ?? nothing));
    if (effect.kind === 'SetWeight' && more && this.takenBack.has(`${effect.fence.release}/${effect.route}`))
      this.violate('corrected upward');
    if (effect.kind === 'SetWeight' && more && !this.stale) this.raised(effect);
  }

  private wrote({ route, fence, raise }: Extract<Effect, { kind: 'SetWeight' }>): void {
    this.looked('upward', 'granted', 'fenced');
    if (raise || !(this.stale || this.unrecorded)) return;
    if (isCovered(this.routes, { route, fence }, this.state)) this.takenBack.delete(`${fence.release}/${route}`);
  }

  /**
   * Who wakes here asks for no lease, as a request that was on its way when its operator lost it. Between a record and its
   * fence nothing stops it: the next whole pass has to (`watchGrant`).
   */
  protected override onItsWay(): boolean {
    return this.stale && this.unfenced;
  }

  /** Where pods come by and by no more of them are asked for than that. */
  private watchPace(effect: Effect): void {
    const wrong = tooQuickBy(effect, this);
    if (wrong === undefined) return;
    this.looked('paced');
    if (wrong !== '') this.violate(wrong);
  }

  /** For those who know what a raise needs. */
  protected raised(_effect: { weight: number; route: string }): void {}

  /** It starts beside the store of its record: what it leaves must be granted even if that is lost. */
  private watchLowering(effect: Effect): void {
    if (effect.kind !== 'SetWeight' || effect.raise || this.stale) return;
    const { release } = this.known ?? {};
    const granted = release?.name === effect.fence.release ? release.weight : 0;
    if (effect.weight > granted) this.violate(`lowered to ${effect.weight} where ${granted} is on record`);
  }

  private watchDeletion({ pod: name, uid }: Extract<Effect, { kind: 'DeletePod' }>): void {
    const { release } = this.state;
    if (uid === undefined || release === undefined) return;
    const pod = this.pods.find((one) => one.name === name);
    if (pod?.arms.stable) this.violate('a pod behind the stable Service is deleted');
    const before = this.replaced.get(release.name) ?? uid;
    if (before !== uid) this.violate('a second pod of one release is replaced');
    this.replaced.set(release.name, uid);
  }

  private watchLabel(effect: Extract<Effect, { kind: 'LabelPod' }>): void {
    const pod = this.pods.find(({ name }) => name === effect.pod);
    const revision = this.sets.find(({ name }) => name === pod?.set)?.revision;
    if (pod === undefined || revision === undefined) return;
    if (revision === this.state.stable && pod.arms.stable && !effect.arms.stable)
      this.violate('a stable pod leaves the Service');
    const { release } = this.state;
    const granted = release?.committed || (release?.joined ?? 0) > 0;
    if (revision === release?.revision && revision !== release?.from && effect.arms.stable && !granted)
      this.violate('a pod joins the Service without a stored grant');
    if (pod.arms.canary && !effect.arms.canary && revision === this.state.release?.revision && this.sent())
      this.violate('a canary pod leaves its Service while a gateway sends to it');
  }

  /** What must hold after every pass. */
  protected watch(before: State, seen: Seen, fault: Fault): void {
    const { state } = this;
    if (state.release !== undefined) this.begun.add(state.release.name);
    const acted = state.actions[0]?.uid !== before.actions[0]?.uid;
    if (acted) this.takenBack.clear();
    this.watchPhase(before, acted);
    if (fault === 'none') {
      this.watchBreach(before, seen);
      this.watchReturn(before, seen);
      this.watchArms();
      this.watchDark();
      if (before.release?.name === state.release?.name) this.watchGrant();
    }
    if (this.chance() > 0.1) return;
    this.looked('awake');
    const { next, requeueAt } = decide(state, this.seen(), this.now);
    if (requeueAt !== undefined && requeueAt <= this.now) this.violate('looks again in the past');
    if (requeueAt === undefined && next.phase !== 'Healthy') this.violate('waits for nothing');
  }

  private watchPhase(before: State, acted: boolean): void {
    const [was, is] = [before.release, this.state.release];
    this.looked('committed', 'paused');
    if (was?.committed && is?.name === was.name && (!is.committed || is.ending !== undefined))
      this.violate('back over the commit point');
    if (was?.committed && this.state.stable === was.from) this.violate('stable fell back after the commit point');
    if (acted || was === undefined || is?.name !== was.name || is.ending !== undefined || is.committed) return;
    const held = before.phase === 'Paused' && before.reason !== 'Step';
    if (held && this.state.phase !== 'Paused') this.violate('a pause was lifted by nobody');
  }

  private watchBreach(before: State, seen: Seen): void {
    const release = before.release;
    if (release === undefined || release.committed || release.ending !== undefined) return;
    const failed = seen.release !== undefined && seen.gates.some((reading) => breaks(reading, release));
    const kept = this.plan.onBreach === 'Pause' && seen.gates.every(({ cause }) => cause !== 'DarkCanary');
    if (!failed || kept || this.state.release?.committed) return;
    this.looked('breached');
    const names = release.routes ?? [];
    const left = this.routes.filter(({ name, exists }) => names.includes(name) && exists);
    if (left.some((route) => risen(route, { ...nothing, weight: keptBy(this.state) })))
      this.violate('a breach left traffic on the canary');
  }

  /** Where stable shrinks a way back is as quick as its pods allow. */
  private watchReturn(before: State, seen: Seen): void {
    if (this.state.release?.full === undefined) return;
    this.looked('returned');
    const wrong = unlawfulReturn({ before, after: this.state, seen, now: this.now });
    if (wrong !== undefined) this.violate(wrong);
  }

  private watchArms(): void {
    const { stable, release } = this.state;
    if (stable === undefined) return;
    this.looked('unproven');
    const proven = new Set([stable]);
    if (release?.committed) proven.add(release.from);
    const granted = release?.stage === 'Promoting' || (release?.joined ?? 0) > 0;
    if (release !== undefined && granted && release.ending === undefined) proven.add(release.revision);
    const stray = this.pods.find((pod) => {
      const revision = this.sets.find(({ name }) => name === pod.set)?.revision ?? '';
      return pod.arms.stable && pod.terminating === undefined && !proven.has(revision);
    });
    if (stray !== undefined) this.violate(`unproven pod ${stray.name} is behind the stable Service`);
    if (this.quarantined.length > 1) this.violate('more than one pod in quarantine');
  }

  /** Nobody but a record grants traffic: what somebody else gave is gone after one pass. */
  private watchGrant(): void {
    const { release } = this.state;
    this.looked('overgranted');
    // What the step before this one granted beside a weight stays until the raise that takes its place is written.
    const over = this.routes.find(
      ({ name, exists, weight, reach }) =>
        exists &&
        release?.routes?.includes(name) &&
        (weight > release.weight ||
          (reach !== undefined && !sends({ ...nothing, ...release, reach: formatReach(release.reach) }))),
    );
    if (over !== undefined) this.violate(`${over.name} sends more than was granted`);
  }

  /** A weight that is written with nobody behind it goes within a tick of being seen. */
  private watchDark(): void {
    const { release } = this.state;
    this.looked('carried');
    const names = release?.routes ?? this.spec.routes;
    const sent = this.routes.some((route) => names.includes(route.name) && route.exists && sends(route));
    const behind = this.pods.some((pod) => pod.arms.canary && this.available(pod));
    const ours = release !== undefined && this.releases.has(release.name);
    this.darkTicks = sent && !behind && ours && !this.died ? this.darkTicks + 1 : 0;
    if (this.darkTicks > 1) this.violate('traffic to a canary without pods');
  }

  protected override check(): void {}
}

/** A guardrail's word about this attempt. */
function breaks({ verdict, role, epoch }: GateReading, release: ReleaseState): boolean {
  return verdict === 'Fail' && role === 'Guardrail' && epoch === epochOf(release);
}
