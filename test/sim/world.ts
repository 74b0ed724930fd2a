import type { State } from '#core/model.ts';
import { NAMESPACE, POD, REPLICA_SET, ROLLOUT_ACTION } from '#kube/resources.ts';
import { stateOf } from '#operator/reading.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';
import { createActor } from '#sandbox/actor.ts';
import { runCluster } from '#sandbox/cluster.ts';
import { dig } from '#sandbox/kind.ts';
import { createSandbox } from '#sandbox/sandbox.ts';
import { createVirtualClock, seededRandom } from '#test/support/virtual-clock.ts';
import { BACKLOG_MS, type Body, calm, createBody, faultyExchange, type Storm } from './faults.ts';
import type { Invariant } from './invariants.ts';
import { randomOf, type Tally, tally } from './plan.ts';
import { type OperatorProcess, startOperator } from './process.ts';
import { NAMESPACE_NAME, objectsAround, ref, refs, rolloutOf, type ShopSpec, templateOf } from './shop.ts';
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
};
export const SHAPES = ['whole', 'down', 'slow', 'empty', 'NaN', 'twice scraped', 'partial', 'both arms bad'] as const;
export type Shape = (typeof SHAPES)[number];
/** Ticks that a gate needs before it says anything. */
const TICKS_NEEDED = 2;

export class World {
  readonly clock = createVirtualClock();
  readonly random: () => number;
  readonly sandbox;
  readonly actor;
  readonly cluster;
  readonly timeline: string[] = [];
  readonly watcher: Watcher;
  readonly shop: ShopSpec;
  storm: Storm = calm;
  /** What the source gives the gates. */
  source: Shape = 'whole';
  readonly faults: Tally = new Map();
  readonly checks: Tally = new Map();
  /** Who writes at this moment; undefined: the cluster or its people. */
  writer: string | undefined;
  #slots: (Slot | undefined)[] = [];
  #born = 0;
  #actions = 0;

  /** Pods that are not ready, for as long as somebody wants it so. */
  readonly broken = new Set<string>();
  deleted = false;
  /** Replicas that were wished for lately. */
  readonly #fewer: number[] = [];
  readonly #seed: number;
  readonly #rolls: Tally = new Map();

  constructor(seed: number) {
    this.#seed = seed;
    this.random = seededRandom(seed);
    this.sandbox = createSandbox({ clock: this.clock, random: this.random });
    this.actor = createActor(this.sandbox, 'person');
    const readyMs = (image: string) => (image.includes('sick') ? undefined : 200);
    this.cluster = runCluster(this.sandbox, { courseOf: (image) => ({ readyMs: readyMs(image), stopMs: 1000 }) });
    this.watcher = createWatcher(this);
    this.shop = {
      image: 'shop:v1',
      replicas: this.pick([2, 3, 4]),
      onBreach: this.pick(['Retreat', 'Pause', 'Abort']),
      steps: [
        { weight: 10, hold: this.pick(['2s', '8s']) },
        { weight: 40, hold: this.pick(['1s', '8s']), ...(this.chance(0.15) ? { pause: {} } : {}) },
      ],
      probes: this.chance(0.5),
    };
    for (const name of [NAMESPACE_NAME, 'headgate-system']) this.actor.create(NAMESPACE, { metadata: { name } });
    for (const [resource, object] of objectsAround()) this.actor.create(resource, object);
    this.actor.create(refs.rollout.resource, rolloutOf(this.shop));
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
      outside: outsideOf(this.#truth(), body.clock),
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
      verdictOf: (set, { weight }, ticks) => {
        const odd = ODD[this.source];
        if (odd !== undefined) return odd;
        if (ticks < TICKS_NEEDED) return WAITING;
        return weight > 0 && this.imageOf(set).includes('bad') ? BAD : GOOD;
      },
      answers: (pod) => this.pods().some(({ metadata }) => metadata.name === pod),
    };
  }

  deleteRollout(): void {
    if (this.deleted) return;
    this.deleted = true;
    this.note('deletes the Rollout');
    this.actor.remove(refs.rollout, {});
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
    this.actor.merge(refs.rollout, { spec: { template: templateOf(image) } });
  }

  say(verb: string): void {
    this.#actions += 1;
    this.note(`says ${verb}`);
    const metadata = { name: `act-${this.#actions}`, namespace: NAMESPACE_NAME };
    this.actor.create(ROLLOUT_ACTION, { metadata, spec: { rollout: 'shop', verb, by: 'sandbox' } });
  }

  /** What a person would say to what stands there now. */
  help(): void {
    const { phase, reason, release } = this.state() ?? {};
    if (release === undefined || phase === 'Progressing' || phase === 'Healthy') return;
    if (release.ending !== undefined) this.say('retry');
    else if (phase === 'Paused') this.say(reason === 'Step' ? 'promote' : 'resume');
  }

  heal(): void {
    this.storm = calm;
    this.source = 'whole';
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
