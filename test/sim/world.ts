import type { State } from '#core/model.ts';
import { NAMESPACE, POD, REPLICA_SET, ROLLOUT_ACTION } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { createActor } from '#sandbox/actor.ts';
import { runCluster } from '#sandbox/cluster.ts';
import { dig } from '#sandbox/kind.ts';
import { createSandbox } from '#sandbox/sandbox.ts';
import { readState } from '#schema/translate.ts';
import { createVirtualClock, seededRandom } from '#test/support/virtual-clock.ts';
import { type Body, calm, createBody, faultyExchange, type Storm } from './faults.ts';
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
const DOWN: Verdict = { verdict: 'Error', cause: 'SourceDown', stable: 'Unknown' };
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
  prometheusDown = false;
  /** Who writes at this moment; undefined: the cluster or its people. */
  writer: string | undefined;
  #slots: (Slot | undefined)[] = [];
  #born = 0;
  #actions = 0;

  constructor(seed: number) {
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

  note(what: string): void {
    this.timeline.push(`${(this.clock.monotonic() / 1000).toFixed(3).padStart(8)} ${what}`);
  }

  rollout(): KubeObject | undefined {
    return this.actor.get(refs.rollout);
  }

  state(): State | undefined {
    const rollout = this.rollout();
    return rollout === undefined ? undefined : readState(rollout);
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
      ...{ sandbox: this.sandbox, body, random },
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
        if (this.prometheusDown) return DOWN;
        if (ticks < TICKS_NEEDED) return WAITING;
        return weight > 0 && this.imageOf(set).includes('bad') ? BAD : GOOD;
      },
      answers: (pod) => this.pods().some(({ metadata }) => metadata.name === pod),
    };
  }

  deploy(image: string): void {
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
    this.prometheusDown = false;
    this.cluster.gateway.frozen = false;
    this.cluster.gateway.blind = false;
    for (const { body } of this.operators()) {
      body.thaw();
      body.setAhead(0);
    }
    this.note('heals');
  }
}
