import { REVISION_LABEL } from '#core/labels.ts';
import type { State } from '#core/model.ts';
import { NAMESPACE, POD, REPLICA_SET, ROLLOUT_ACTION } from '#kube/resources.ts';
import { stateOf } from '#operator/reading.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';
import { createActor } from '#sandbox/actor.ts';
import { runCluster } from '#sandbox/cluster.ts';
import { dig } from '#sandbox/kind.ts';
import { PERSON } from '#sandbox/reviews.ts';
import { createSandbox } from '#sandbox/sandbox.ts';
import { createVirtualClock, seededRandom } from '#test/support/virtual-clock.ts';
import { deploymentOf, deploymentRef } from './adoption.ts';
import { approveAll, asking, PEOPLE } from './approvals.ts';
import { companionRoutes } from './companions.ts';
import { runDeployments } from './deployments.ts';
import { BACKLOG_MS, type Body, calm, createBody, type Death, faultyExchange, type Storm } from './faults.ts';
import type { Invariant } from './invariants.ts';
import { matching } from './matching.ts';
import { mirroring } from './mirroring.ts';
import { randomOf, type Tally, tally } from './plan.ts';
import { type OperatorProcess, startOperator } from './process.ts';
import { Prometheus, type Shape, SILENT } from './prometheus.ts';
import {
  NAMESPACE_NAME,
  objectsAround,
  ROUTES,
  ref,
  refs,
  rolloutOf,
  type ShopSpec,
  templateOf,
  trafficOf,
} from './shop.ts';
import { type Traits, wordsOf } from './traits.ts';
import { outsideOf, type Truth, type Verdict } from './truth.ts';
import { createWatcher, type Watcher } from './watcher.ts';

/** A cluster, two operators and their users in virtual time. The same seed is the same world. */

interface Slot {
  body: Body;
  operator: OperatorProcess;
}

const BAD: Verdict = { verdict: 'Fail', cause: 'Worse', stable: 'Meets' };
const GOOD: Verdict = { verdict: 'Pass', stable: 'Meets' };
const WAITING: Verdict = { verdict: 'Inconclusive', cause: 'TooFewSamples', stable: 'Meets' };
/** What gates make of a source that answers so; gates themselves are tried in the pure worlds. */
const ODD: Partial<Record<Shape, Verdict>> = {
  down: { verdict: 'Error', cause: 'SourceDown', stable: 'Unknown' },
  slow: { verdict: 'NoData', cause: 'Stale', stable: 'Unknown' },
  empty: { verdict: 'NoData', cause: 'NoResult', stable: 'Unknown' },
  NaN: { verdict: 'Error', cause: 'BadQuery', stable: 'Unknown' },
  'twice scraped': { verdict: 'NoData', cause: 'ScrapedTwice', stable: 'Unknown' },
  partial: { verdict: 'Inconclusive', cause: 'TooFewSamples', stable: 'Meets' },
  'both arms bad': { verdict: 'Inconclusive', cause: 'BothArmsBad', stable: 'Misses' },
  '+Inf': { verdict: 'Error', cause: 'BadQuery', stable: 'Unknown' },
  '-Inf': { verdict: 'Error', cause: 'BadQuery', stable: 'Unknown' },
  doubled: { verdict: 'NoData', cause: 'ScrapedTwice', stable: 'Unknown' },
};
/** In one world of so many the production gate engine counts what users meet. */
const MEASURED_EVERY = 8;
/** Share of the requests that carry the header of a step. */
const MATCHED = 0.02;
/** Ticks that a gate needs before it says anything. */
const TICKS_NEEDED = 2;

export class World {
  // In memory nobody waits for the event loop.
  readonly clock = createVirtualClock({ turns: 1 });
  readonly random: () => number;
  readonly sandbox;
  readonly actor;
  readonly cluster;
  readonly timeline: string[] = [];
  readonly watcher: Watcher;
  readonly shop: ShopSpec;
  storm: Storm = calm;
  /** Given where gates are measured and not told. */
  readonly prometheus: Prometheus | undefined;
  #source: Shape = 'whole';
  #heardAt = 0;
  readonly faults: Tally = new Map();
  readonly checks: Tally = new Map();
  /** Who writes at this moment; undefined: the cluster or its people. */
  writer: string | undefined;
  #slots: (Slot | undefined)[] = [];
  #born = 0;
  #actions = 0;

  /** Pods that are not ready, for as long as somebody wants it so. */
  readonly broken = new Set<string>();
  /** The next operator that lowers traffic dies of it: whether its record was written by then is luck. */
  doomed = false;
  /** How the next operators die that write a companion. */
  #deaths: Death[] = [];
  /** Ingresses of strangers by UID, as they made them. */
  readonly strangers = new Map<string, string>();
  /** Whose probes fail: a dependency of everybody, or the new revision alone. */
  probesFail: 'nobody' | 'canary' | 'everybody' = 'nobody';
  deleted = false;
  orphaned = false;
  /** Releases of which somebody said that they may go on without evidence. */
  readonly promoted = new Set<string>();
  /** What is wrong with an action, by its name. */
  readonly flaws = new Map<string, string>();
  /** Tags that were moved, and what follows them in the name of the image. */
  readonly #moved = new Map<string, string>();
  /** Replicas that were wished for lately. */
  readonly #fewer: number[] = [];
  readonly #seed: number;
  readonly #rolls: Tally = new Map();

  readonly traits: Traits;

  constructor(seed: number, traits: Traits = {}) {
    this.traits = traits;
    this.#seed = seed;
    this.random = seededRandom(seed);
    this.sandbox = createSandbox({ clock: this.clock, random: this.random, people: PEOPLE });
    this.actor = createActor(this.sandbox, 'person');
    const readyMs = (image: string) => (image.includes('sick') ? undefined : 200);
    this.cluster = runCluster(this.sandbox, {
      courseOf: (image) => ({ readyMs: readyMs(image), stopMs: 1000 }),
      imageIdOf: (image) => `sandbox/${image}${this.#moved.get(image) ?? ''}`,
    });
    this.watcher = createWatcher(this);
    const measured = Math.floor(seed) % MEASURED_EVERY === 5;
    const shop: ShopSpec = {
      image: 'shop:v1',
      replicas: this.pick([2, 3, 4]),
      onBreach: this.pick(['Retreat', 'Pause', 'Abort']),
      steps: [
        { weight: 10, hold: this.pick(['2s', '8s']) },
        { weight: 40, hold: this.pick(['1s', '8s']), ...(this.chance(0.15) ? { pause: {} } : {}) },
      ],
      probes: this.chance(0.5),
      routes: this.pick(ROUTES),
      probeGate: measured && this.chance(0.4),
    };
    const routed = traits.companions ? { ...shop, routes: companionRoutes(seed) } : shop;
    const stepped = traits.matches ? matching(routed) : routed;
    const copied = traits.mirrors ? mirroring(stepped) : stepped;
    const asked = traits.asks ? asking(copied, seed) : copied;
    this.shop = traits.adopts ? { ...asked, deployment: deploymentRef.name } : asked;
    for (const said of wordsOf(traits)) this.struck(said);
    if (this.shop.routes.length > 1) this.struck('two routes');
    for (const name of [NAMESPACE_NAME, 'headgate-system']) this.actor.create(NAMESPACE, { metadata: { name } });
    for (const [resource, object] of objectsAround(this.shop)) this.actor.create(resource, object);
    if (traits.adopts) {
      runDeployments(this.sandbox);
      this.actor.create(deploymentRef.resource, deploymentOf(this.shop));
      // It serves before anybody takes it over.
      this.clock.timer(2000, () => this.actor.create(refs.rollout.resource, rolloutOf(this.shop)));
    } else this.actor.create(refs.rollout.resource, rolloutOf(this.shop));
    if (this.shop.probeGate) this.struck('a gate of probes');
    if (measured) {
      this.prometheus = this.#measured();
      this.struck('gates are measured');
    }
  }

  #measured(): Prometheus {
    return new Prometheus({
      clock: this.clock,
      pods: () => this.pods(),
      canaryShare: () => {
        const shares = this.shop.routes.map(({ key }) => {
          const { gateway } = this.cluster;
          const live = gateway.live(`${NAMESPACE_NAME}/${key}`);
          const [stable = 1, canary = 0] = [live.get('shop'), live.get('shop-canary')];
          if (canary === 0 && gateway.reaches(`${NAMESPACE_NAME}/${key}`).has('shop-canary')) return MATCHED;
          return canary / Math.max(1, stable + canary);
        });
        return shares.reduce((sum, share) => sum + share, 0) / shares.length;
      },
      isRotten: (pod) => String(dig(pod, ['spec', 'containers', '0', 'image'])).includes('bad'),
      shape: () => this.source,
    });
  }

  /** What the source gives the gates. */
  get source(): Shape {
    return this.#source;
  }

  set source(shape: Shape) {
    this.#heardAt = this.heardAt();
    this.#source = shape;
  }

  /** When the source told something for the last time. */
  heardAt(): number {
    return SILENT.includes(this.#source) ? this.#heardAt : this.clock.monotonic();
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T;
  }

  /** A fault befell it. */
  struck(what: string): void {
    tally(this.faults, what);
  }

  looked(...invariants: Invariant[]): void {
    for (const name of invariants) tally(this.checks, name);
  }

  /** The dice of this second for so-and-so, which nothing else uses up. */
  #luck(who: string, what: string): Random {
    const moment = `${who} ${Math.floor(this.clock.monotonic() / 1000)} ${what}`;
    tally(this.#rolls, moment);
    return randomOf(this.#seed, moment, this.#rolls.get(moment) ?? 0);
  }

  note(what: string): void {
    this.timeline.push(`${(this.clock.monotonic() / 1000).toFixed(3).padStart(8)} ${what}`);
  }

  rollout(): KubeObject | undefined {
    return this.actor.get(refs.rollout);
  }

  state(): State | undefined {
    const rollout = this.rollout();
    return rollout === undefined ? undefined : stateOf(rollout);
  }

  pods(): KubeObject[] {
    return this.actor.list(POD, NAMESPACE_NAME);
  }

  imageOf(set: string): string {
    const path = ['spec', 'template', 'spec', 'containers', '0', 'image'];
    return String(dig(this.actor.get(ref(REPLICA_SET, set)), path) ?? '');
  }

  /** Keeps so many operators running. */
  staff(count: number): void {
    for (let slot = 0; slot < count; slot += 1) {
      const known = this.#slots[slot];
      if (known?.body.alive) continue;
      this.#slots[slot] = this.#hire();
    }
    for (const slot of this.#slots.slice(count)) slot?.body.kill();
    this.#slots.length = count;
  }

  operators(): Slot[] {
    return this.#slots.filter((slot) => slot?.body.alive === true) as Slot[];
  }

  #hire(): Slot {
    this.#born += 1;
    const id = `op-${this.#born}`;
    const body = createBody(id, this.clock);
    const random = seededRandom(Math.floor(this.random() * 2 ** 32));
    const exchange = faultyExchange({
      ...{ sandbox: this.sandbox, body },
      luck: (what) => this.#luck(id, what),
      struck: (what) => this.struck(what),
      storm: () => this.storm,
      fate: ({ resource }) => (resource === 'ingresses' ? this.#deaths.shift() : undefined),
      note: (what) => this.note(what),
      as: (writer, effect) => {
        this.writer = writer;
        try {
          return effect();
        } finally {
          this.writer = undefined;
        }
      },
    });
    const operator = startOperator({
      id,
      clock: body.clock,
      random,
      exchange,
      outside: outsideOf(this.#truth(), body.clock, this.prometheus),
    });
    void operator.done.then(() => {
      this.note(`${id} ends`);
      body.kill();
    });
    this.note(`${id} starts`);
    return { body, operator };
  }

  #truth(): Truth {
    return {
      verdictOf: (set, { weight, exposed = false }, ticks) => {
        const odd = ODD[this.source];
        if (odd !== undefined) return odd;
        if (ticks < TICKS_NEEDED) return WAITING;
        return (weight > 0 || exposed) && this.imageOf(set).includes('bad') ? BAD : GOOD;
      },
      answers: (pod) => this.pods().some((one) => one.metadata.name === pod && !this.#isMute(one)),
    };
  }

  #isMute({ metadata }: KubeObject): boolean {
    if (this.probesFail === 'canary') return metadata.labels?.[REVISION_LABEL] !== this.state()?.stable;
    return this.probesFail === 'everybody';
  }

  /** The next writers of a companion die of it. */
  dieAt(deaths: Death[]): void {
    this.#deaths = deaths;
  }

  doom(): void {
    this.doomed = true;
  }

  /** An operator has lowered a route. */
  lowered(writer: string): void {
    if (!this.doomed) return;
    this.doomed = false;
    this.struck('operator dies as it lowers');
    this.note(`${writer} dies as it lowers`);
    this.operators()
      .find(({ body }) => body.id === writer)
      ?.body.kill();
  }

  /** With `Orphan` its owner keeps pods and Services. */
  deleteRollout(propagationPolicy: 'Background' | 'Orphan' = 'Background'): void {
    if (this.deleted) return;
    this.deleted = true;
    this.orphaned = propagationPolicy === 'Orphan';
    this.note(`deletes the Rollout${this.orphaned ? ' alone' : ''}`);
    this.actor.remove(refs.rollout, this.orphaned ? { propagationPolicy } : {});
  }

  /** The first route alone, or all of them. */
  turnRoutes(): void {
    const traffic = dig(this.rollout(), ['spec', 'traffic']) as object[] | undefined;
    if (this.deleted || this.shop.routes.length < 2 || traffic === undefined) return;
    const routes = traffic.length > 1 ? this.shop.routes.slice(0, 1) : this.shop.routes;
    this.struck(traffic.length > 1 ? 'route dropped from the spec' : 'route back in the spec');
    this.note(`the spec names ${routes.map(({ key }) => key).join(' and ')}`);
    this.actor.merge(refs.rollout, { spec: { traffic: trafficOf(routes) } });
  }

  /** What carries the split of each route. Where that is ours, there is none at rest. */
  routes(): (KubeObject | undefined)[] {
    return this.shop.routes.map(({ ref: own, split }) => this.actor.get(split ?? own));
  }

  /** What the gateway sends to the canary by any route. One that accepts and does not apply cannot be found out without traffic. */
  sent(): number {
    const { gateway } = this.cluster;
    const sent = this.shop.routes.map(({ key }) => {
      const name = `${NAMESPACE_NAME}/${key}`;
      if (gateway.lies(name)) return 0;
      // Those who are matched count like the least of weights.
      return (gateway.live(name).get('shop-canary') ?? 0) || Number(gateway.reaches(name).has('shop-canary'));
    });
    return Math.max(...sent);
  }

  /** As an HPA does. */
  scale(replicas: number): void {
    if (this.deleted) return;
    const before = this.shop.replicas;
    this.#fewer.push(before);
    this.clock.timer(BACKLOG_MS, () => this.#fewer.splice(this.#fewer.indexOf(before), 1));
    this.shop.replicas = replicas;
    this.actor.merge(refs.rollout, { spec: { replicas } });
  }

  /** The fewest replicas that whoever writes now may have seen wished for. */
  leastReplicas(): number {
    return Math.min(this.shop.replicas, ...this.#fewer);
  }

  /** Its first plan keeps the weight of a canary that failed. */
  keepsWeight(): boolean {
    return this.shop.onBreach === 'Pause';
  }

  deploy(image: string): void {
    if (this.deleted) return;
    this.shop.image = image;
    this.note(`deploys ${image}`);
    const described = this.traits.adopts ? deploymentRef : refs.rollout;
    this.actor.merge(described, { spec: { template: templateOf(image) } });
  }

  say(verb: string): void {
    const release = this.state()?.release?.name;
    if (release !== undefined && (verb === 'promote' || verb === 'skip-step')) this.promoted.add(release);
    this.act({ rollout: 'shop', verb, by: PERSON });
  }

  /** An action is written as it is, with what is wrong about it. */
  act(spec: { verb: string; by: string; [member: string]: unknown }, flaw = ''): void {
    this.#actions += 1;
    const name = `act-${this.#actions}`;
    this.note(`${spec.by} says ${spec.verb}${flaw === '' ? '' : `, ${flaw}`}`);
    this.flaws.set(name, flaw);
    this.actor.create(ROLLOUT_ACTION, { metadata: { name, namespace: NAMESPACE_NAME }, spec });
  }

  /** What starts from now on under the newest tag is another image. */
  moveTag(): void {
    const { image } = this.shop;
    this.note(`the tag ${image} is moved`);
    this.#moved.set(image, `-${(this.#moved.get(image) ?? '').length + 1}`);
  }

  /** What a person would say to what stands there now. */
  help(): void {
    const { phase, reason, release } = this.state() ?? {};
    if (release === undefined || phase === 'Progressing' || phase === 'Healthy') return;
    if (release.ending !== undefined) this.say('retry');
    else if (phase === 'Paused' && reason === 'Approval') approveAll(this);
    else if (phase === 'Paused') this.say(reason === 'Step' ? 'promote' : 'resume');
  }

  heal(): void {
    this.storm = calm;
    this.source = 'whole';
    this.probesFail = 'nobody';
    this.doomed = false;
    for (const pod of this.broken) this.cluster.kubelet.setBroken(pod, false);
    this.broken.clear();
    this.cluster.gateway.frozen = false;
    this.cluster.gateway.blind = false;
    for (const { body } of this.operators()) {
      body.thaw();
      body.setAhead(0);
    }
    this.note('heals');
  }
}
