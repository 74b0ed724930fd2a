import { epochOf, stepEpochOf } from '#core/epoch.ts';
import type { Gate, GateReading } from '#core/gate.ts';
import { weightedSteps } from '#core/ladder.ts';
import type { ReleaseState, State, Step } from '#core/model.ts';
import { formatReach } from '#core/reach.ts';
import type { Seen } from '#core/seen.ts';
import { specUnderPin } from '#core/undo.ts';
import { sameJson } from '#lib/json.ts';
import { contextsOf } from '#operator/contexts.ts';
import { readState, storable } from '#schema/translate.ts';
import type { Budget } from '#schema/translate-release.ts';
import { ChaosWorld } from '#test/core/chaos-world.ts';
import { nothing, risen } from '#test/core/share.ts';
import { keptBy } from '#test/core/shrink-rules.ts';
import { FAULTS, type Fault, TICK_MS } from '#test/core/world.ts';
import { COPIED, FEW, MATCHED } from './few-users.ts';
import { byHand } from './hands.ts';
import { type Mishap, randomOf, type Tally, tally } from './plan.ts';
import { type Checkpoint, GATES, PureGates } from './pure-gates.ts';
import { type Living, type Nature, PureService, ROTTEN, SHAPES, type Shape, SOUND } from './pure-service.ts';
import { failsProbes, podsBehind, unlawfulGrant, unlawfulLeave } from './raise-rules.ts';

/** The small world of plain data with real gates over a made-up Prometheus, whose truth is known. */

const REQUESTS = 400;
const BUDGET: Budget = { targetSpend: 0.001, maxSpend: 0.01 };
/** So often is evidence stored while nothing else changes. */
const CHECKPOINT_TICKS = 20;
/** Scrapes may be so old at most: what was asked so long before an attempt may count for it. */
const LATE_TICKS = 12;
/** A release that stands for so long hears a person's word. */
const HELP_MS = 100_000;
const GATE_BYTES = 1024;
/** Verdicts that say something bad of the canary itself. */
const SLANDER = new Set(['Worse', 'ObjectiveMissed', 'BudgetSpent', 'SinglePod', 'Threshold']);

const NO_CHECKPOINT = { release: '', saved: new Map(), at: 0, state: '' };

export class PureWorld extends ChaosWorld {
  readonly faults: Tally = new Map();
  /** By so much was the operator's clock ahead when it was put right: until it is there again gates count nothing. */
  setBackMs = 0;
  readonly #service = new PureService();
  readonly #gates = new PureGates(this.#service);
  readonly #rotten: ReadonlySet<string>;
  /** The environment of both arms is broken. */
  #sick = false;
  /** It was, at some time since the release began: then sound canaries fail requests too. */
  #wasSick = '';
  #shape: Shape = 'whole';
  #shapeUntil = 0;
  #checkpoint: { release: string; saved: Checkpoint; at: number; state: string } = NO_CHECKPOINT;
  /** Requests that pods of each revision were asked, and how many they had been at the end of each tick. */
  readonly #served = new Map<string, { all: number; before: number[] }>();
  /** By attempt: what had been asked when it began. */
  readonly #began = new Map<string, number>();
  /** Revisions that a person's word or an earlier service may have brought to all users. */
  readonly #worded = new Set<string>();
  protected healed = false;
  /** The stay that probes answer for. */
  #probed = '';
  /** So many ticks after the stay changes gates and probes are told of it; until then they answer for the stay before. */
  #lateTicks = 0;
  #deafUntil = 0;
  #first: string | undefined;

  /** `few`: steps without a weight, before all others. */
  constructor(seed: number, few: readonly Step[] = []) {
    super(seed);
    this.#rotten = new Set(['v2', 'v3'].filter(() => this.chance() < 0.4));
    const names = this.pick([['errors'], ['errors', 'latency'], ['latency', 'orders'], ['errors', 'ratio'], []]);
    const gates = GATES.filter(({ name }) => names.length === 0 || names.includes(name)).map((gate) => ({
      ...gate,
      onNoData: this.pick(['Hold', 'Hold', 'Pause', 'Retreat'] as const),
    }));
    this.plan = { ...this.plan, gates, steps: [...few, ...this.plan.steps] };
    this.chance = randomOf('world', seed);
  }

  override seen(): Seen {
    const seen = super.seen();
    // A fix for a stable that is rotten itself has nothing to be held against: a person takes the gates away.
    const helped = this.healed && this.#rotten.has(this.state.stable ?? '');
    const steps = this.spec.routes.length === 0 ? weightedSteps(this.plan) : this.plan.steps;
    const proposal = { ...this.plan, steps, ...(helped ? { gates: [] } : {}) };
    const gates = this.state.release === undefined ? [] : this.#gates.readings(this.now);
    // The prober, like the gates, answers for the stay that it was last told of.
    return { ...seen, proposal, gates, probes: { ...seen.probes, epoch: this.#probed } };
  }

  /** One tick of either act. */
  step(mishaps: readonly Mishap[]): void {
    this.now += TICK_MS;
    this.died = false;
    const own = this.chance;
    let fault: Fault = 'none';
    for (const { what, random } of mishaps) {
      this.chance = random;
      if (what === 'fault') fault = this.pick(FAULTS);
      else this.befall(what);
    }
    this.chance = own;
    this.cluster();
    this.carry();
    this.#serve();
    this.#look();
    if (mishaps.some(({ what }) => what === 'stale operator')) this.wakeStale();
    this.turn(fault);
    if (fault === 'none') this.#follow();
    else this.#crash(fault);
    for (const asked of this.#served.values()) asked.before.push(asked.all);
    this.#noteService();
  }

  protected befall(what: string): void {
    if (what === 'strike') this.strike();
    else this.struck(what);
    if (byHand(what, { world: this, random: this.chance })) this.died = true;
    if (what === 'memory of a stale operator') this.remember();
    if (what === 'source') this.#turnSource();
    if (what === 'both arms sick') this.#sick = !this.#sick;
    if (what === 'restart') this.#restart();
    if (what === 'deletion') this.deleting = true;
    if (what === 'gates and probes hear late') this.#lateTicks = 4 + Math.floor(this.chance() * 10);
    if (what === 'counters start again' && this.pods.length > 0)
      this.#service.restart(this.pick(this.pods).name, this.beat);
  }

  protected override struck(what: string): void {
    tally(this.faults, what);
    this.events.push(`${this.now} ${what}`);
  }

  protected override turnGate(): void {
    this.#turnSource();
  }

  #turnSource(): void {
    this.#shape = this.pick(SHAPES);
    this.#shapeUntil = this.now + TICK_MS * (1 + Math.floor(this.chance() * 10));
    this.struck(`source ${this.#shape}`);
  }

  /** Everything but the releases and their gates is well again. */
  override heal(): void {
    this.setBackMs = Math.max(0, this.now - this.beat);
    super.heal();
    this.healed = true;
    this.#sick = false;
    this.#shape = 'whole';
    this.#lateTicks = 0;
    this.#deafUntil = 0;
  }

  /** A release from a stable that is rotten itself waits for ever: it begins anew without gates. */
  override help(): void {
    const { stable, release } = this.state;
    const waits = release?.stage === 'Probing' && release.ending === undefined;
    const stands = this.now - this.state.since > HELP_MS && this.state.phase === 'Progressing';
    if (waits && this.#rotten.has(stable ?? '') && this.plan.gates.length > 0) this.act('abort');
    else if (stands && release !== undefined) this.act('promote');
    else super.help();
  }

  deploy(revision: string): void {
    this.spec = { ...this.spec, revision };
  }

  /** A route carries weight that we gave. */
  get sends(): boolean {
    return this.seenRoutes().some(
      ({ weight = 0, reach, fence }) => (weight > 0 || reach !== undefined) && fence !== undefined,
    );
  }

  get rotten(): boolean {
    return this.#rotten.has(this.wished);
  }

  /** Its routes leave nothing to stable. */
  get hasAll(): boolean {
    return this.state.release?.weight === 100_000;
  }

  /** A fix is held against stable alone: beside one that is rotten too it stays, until stable serves nobody any more. */
  get isNoWorse(): boolean {
    const { stable, release } = this.state;
    return release?.expedited !== undefined && this.#rotten.has(stable ?? '') && !this.hasAll;
  }

  /** The revision of the template, or what somebody has pinned over it. */
  get wished(): string {
    return specUnderPin(this.state, { revision: this.spec.revision, taken: true }).revision;
  }

  /** What a release was begun with; undefined: there is no record of it. */
  gatesOf(release = ''): readonly Gate[] | undefined {
    return this.releases.get(release)?.plan.gates;
  }

  #natureOf(revision: string): Nature {
    return this.#sick || this.#rotten.has(revision) ? ROTTEN : SOUND;
  }

  #revisionOf(set: string): string {
    return set.slice('shop-'.length);
  }

  #living(): Living[] {
    const { release } = this.state;
    const living = this.pods.filter(({ terminating, age }) => terminating === undefined && age >= 2);
    return living.map((pod) => {
      const revision = this.#revisionOf(pod.set);
      const arm = revision === release?.revision ? 'canary' : revision === release?.from ? 'stable' : undefined;
      return { name: pod.name, arm, available: this.available(pod) };
    });
  }

  /** Users' requests, dealt out as the gateways deal them. */
  #serve(): void {
    const names = this.state.release?.routes ?? this.spec.routes;
    const shares = names.map((name) => this.live.get(name));
    const weight = Math.max(0, ...shares.map((share) => share?.weight ?? 0)) / 100_000;
    const reaches = shares.map((share) => share?.reach);
    // Matched users are nobody else's, copies come beside what stable is asked.
    const matched = reaches.includes(formatReach(MATCHED)) ? FEW : 0;
    const copied = reaches.includes(formatReach(COPIED)) ? FEW : 0;
    this.#ask('canary', REQUESTS * (Math.max(weight, matched) + copied));
    this.#ask('stable', REQUESTS * (1 - Math.max(weight, matched)));
    if (this.#sick) this.#wasSick = this.state.release?.name ?? '';
  }

  #ask(arm: 'canary' | 'stable', requests: number): void {
    const pods = this.pods.filter((pod) => pod.arms[arm] && this.available(pod));
    for (const pod of pods) {
      const revision = this.#revisionOf(pod.set);
      this.#service.serve(pod.name, this.beat, requests / pods.length, this.#natureOf(revision));
      const asked = this.#served.get(revision) ?? { all: 0, before: [] };
      asked.all += requests / pods.length;
      this.#served.set(revision, asked);
    }
  }

  /** What the source is asked at this tick, and what it answers. */
  #look(): void {
    if (this.now >= this.#shapeUntil) this.#shape = 'whole';
    // Nobody asks while nothing is released.
    const { release } = this.state;
    if (release === undefined) return;
    const living = this.#living();
    this.#gates.record(this.beat, release.name, living, this.#shape);
    this.#gates.read(this.now, () => this.#service.infos(living), this.#shape);
  }

  /** As the operator's `follow`: gates look where the release stands now. */
  #follow(): void {
    const { release } = this.state;
    const stay = release === undefined ? '' : stepEpochOf(release);
    const known = this.#gates.watches(release?.name);
    if (known && stay !== this.#probed && this.#lateTicks > 0)
      [this.#deafUntil, this.#lateTicks] = [this.now + this.#lateTicks * TICK_MS, 0];
    if (known && this.now < this.#deafUntil) return;
    this.#probed = stay;
    const object = release === undefined ? undefined : this.releases.get(release.name);
    const over = release?.committed || release?.ending !== undefined;
    if (release === undefined || object === undefined || over) {
      this.#gates.watch([], NO_CHECKPOINT.saved);
      return;
    }
    const contexts = contextsOf(release, object.plan, {
      budget: BUDGET,
      routes: this.seenRoutes(),
      tickMs: TICK_MS,
      scrapeMs: TICK_MS,
      settleMs: this.spec.settleMs,
    });
    const { saved, at, state } = this.#checkpoint;
    const mine = this.#checkpoint.release === release.name;
    this.#gates.watch(contexts, mine ? saved : NO_CHECKPOINT.saved);
    const place = `${release.stage} ${release.step}`;
    if (mine && state === place && this.now - at < CHECKPOINT_TICKS * TICK_MS) return;
    this.#checkpoint = { release: release.name, saved: this.#gates.checkpoint(), at: this.now, state: place };
  }

  #crash(fault: Fault): void {
    this.struck(fault);
    if (fault !== 'drop-store') this.#gates.forget();
  }

  /** Another process: it knows what was stored, as it was stored. */
  #restart(): void {
    this.looked('restarted', 'bounded');
    const before = this.state;
    const after: State | undefined = readState({ status: { state: JSON.parse(JSON.stringify(storable(before))) } });
    if (!sameJson(after, storable(before))) this.violate(`a restart changes the state to ${JSON.stringify(after)}`);
    const saves = this.#gates.saves();
    if (saves.some((text) => Buffer.byteLength(text) > GATE_BYTES)) this.violate('a saved gate is larger than 1 KiB');
    if (this.#gates.saves(true).join() !== saves.join()) this.violate('a saved gate is read otherwise');
    this.#gates.forget();
  }

  /** What gates told the pass that is over, before it changed anything. */
  #checkReading(reading: GateReading, release: ReleaseState): void {
    const { gate, epoch, verdict, cause = '', evidence } = reading;
    this.looked('silence', 'slander', 'counted');
    if (verdict === 'Pass' && !this.#gates.hasCounted(reading)) this.violate(`${gate} passes and has counted nothing`);
    if (verdict === 'Pass' && this.#shape === 'down') this.violate(`${gate} passes and its source is down`);
    const sound = !this.#rotten.has(release.revision) && this.#wasSick !== release.name;
    if (verdict === 'Fail' && sound && SLANDER.has(cause)) this.violate(`${gate} calls a sound canary ${cause}`);
    const asked = this.#served.get(release.revision)?.all ?? 0;
    const most = Math.ceil(asked - (this.#began.get(epoch) ?? 0)) + 1;
    if (evidence.canary.total > most) this.violate(`${gate} counts ${evidence.canary.total} requests of ${most}`);
  }

  #noteAttempt(release: ReleaseState): void {
    const { before } = this.#served.get(release.revision) ?? { before: [] };
    const epoch = epochOf(release);
    if (!this.#began.has(epoch)) this.#began.set(epoch, before[Math.max(0, before.length - LATE_TICKS)] ?? 0);
  }

  protected override watch(before: State, seen: Seen, fault: Fault): void {
    const plan = this.releases.get(this.state.release?.name ?? '')?.plan;
    this.looked('earned');
    if (this.state.release !== undefined) this.#noteAttempt(this.state.release);
    if (before.release !== undefined) for (const reading of seen.gates) this.#checkReading(reading, before.release);
    const pass = { before, after: this.state, seen };
    const wrong = (plan && unlawfulGrant({ ...pass, plan })) ?? unlawfulLeave(pass);
    if (wrong !== undefined) this.violate(wrong);
    this.#watchPods(before);
    if (fault === 'none') this.#watchProbes(before, seen);
    super.watch(before, seen, fault);
  }

  /** Probes that the canary alone fails take its traffic in the pass that hears of them. */
  #watchProbes({ release }: State, seen: Seen): void {
    if (release === undefined || release.committed || release.ending !== undefined || !failsProbes(seen, release))
      return;
    if (this.plan.onBreach === 'Pause' || this.state.release?.committed) return;
    this.looked('breached');
    const left = this.routes.filter(({ name, exists }) => release.routes?.includes(name) && exists);
    const over = left.find((route) => risen(route, { ...nothing, weight: keptBy(this.state) }));
    if (over !== undefined) this.violate(`probes failed and ${over.name} still sends to the canary`);
  }

  protected override raised({ weight }: { weight: number; route: string }): void {
    const wanted = this.#podsBehind(weight);
    if (wanted === undefined) return;
    const ready = this.pods.filter((pod) => pod.arms.canary && this.available(pod)).length;
    this.looked('carried');
    if (ready < wanted) this.violate(`raised to ${weight} with ${ready} of ${wanted} pods`);
    if (!this.narrowed) this.violate(`raised to ${weight} while the Service selects both arms`);
  }

  /** Pods of the canary that this weight asks for at the step where the release stands. */
  #podsBehind(weight: number): number | undefined {
    const { release, stable } = this.state;
    if (release === undefined) return undefined;
    const replicas = Math.max(this.spec.replicas, this.sets.find(({ revision }) => revision === stable)?.replicas ?? 0);
    const asked = this.releases.get(release.name)?.plan.steps[release.step]?.canaryReplicas;
    const shrinks = release.full !== undefined;
    return podsBehind(weight, { replicas: Math.max(replicas, release.full ?? 0), asked, shrinks });
  }

  /** Without routes the share is that of pods: no more of them are granted to users than the step asks for. */
  #watchPods({ release: was }: State): void {
    const { release: is } = this.state;
    if (is?.routes?.length !== 0 || is.stage !== 'Shifting' || was?.stage === 'Shifting') return;
    this.looked('carried');
    const most = Math.max(was?.joined ?? 0, this.#podsBehind(is.weight) ?? 0);
    if ((is.joined ?? 0) > most) this.violate(`${is.joined} pods are granted where ${most} are asked for`);
  }

  /** Who serves all users, and whether gates or a person let it. */
  #noteService(): void {
    const { release, stable } = this.state;
    const ungated = this.gatesOf(release?.name)?.length === 0;
    if (release !== undefined && (release.word !== undefined || release.expedited !== undefined || ungated))
      this.#worded.add(release.revision);
    if (stable === undefined) return;
    // The first revision meets nobody to compare it with.
    if (this.#first === undefined) this.#worded.add(stable);
    this.#first ??= stable;
    this.looked('rotten');
    if (this.#rotten.has(stable) && !this.#worded.has(stable)) this.violate(`${stable} is rotten and serves everybody`);
  }
}
