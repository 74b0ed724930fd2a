import { decide } from '#core/decide.ts';
import type { ReleaseState, State } from '#core/model.ts';
import type { PlacesSight, Seen } from '#core/seen.ts';
import { asksForPlace, createPlaces, type Limits, type Places } from '#operator/places.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Store } from '#runtime/cache.ts';
import { sends } from '#test/core/share.ts';
import type { Fault } from '#test/core/world.ts';
import type { Mishap } from './plan.ts';
import { PureWorld } from './pure-world.ts';

/** Several pure worlds behind one operator that lets so many of their releases move at once. */

/** Longest that somebody stands first in the queue while every place is free: a first one that cannot go has its deadline. */
const FREE_TICKS = 120;

/** One Rollout of the fleet. */
export class Member extends PureWorld {
  readonly namespace: string;
  readonly rollout: string;
  readonly #fleet: Fleet;

  constructor(seed: number, place: { namespace: string; rollout: string; fleet: Fleet }) {
    super(seed);
    this.namespace = place.namespace;
    this.rollout = place.rollout;
    this.#fleet = place.fleet;
  }

  override seen(): Seen {
    const seen = super.seen();
    const places = asksForPlace(this.state, seen.spec?.revision) ? this.#fleet.sight(this) : undefined;
    return { ...seen, rollout: this.rollout, ...(places === undefined ? {} : { places }) };
  }

  override reconcile(fault: Fault = 'none', seen: Seen = this.seen()): void {
    this.#fleet.note(this, decide(this.state, seen, this.now).next);
    super.reconcile(fault, seen);
    if (fault === 'none' || fault === 'drop-store') return;
    this.#fleet.restart();
  }

  protected override befall(what: string): void {
    super.befall(what);
    if (what === 'restart') this.#fleet.restart();
  }

  /** One operator has one clock. */
  protected override jump(): void {}

  protected override watch(before: State, seen: Seen, fault: Fault): void {
    super.watch(before, seen, fault);
    this.#fleet.watch(this, before);
  }

  /** For the fleet, which sees more than one of them. */
  accuse(wrong: string): void {
    this.violate(`${this.rollout}: ${wrong}`);
  }

  look(...what: Parameters<PureWorld['looked']>): void {
    this.looked(...what);
  }

  /** It stands in the queue, as it says to people. */
  get waits(): boolean {
    return this.state.phase === 'Progressing' && this.state.message.includes('its place: ');
  }

  /** Users meet its canary, or are about to. */
  get carries(): boolean {
    const { release } = this.state;
    if (release === undefined || !grants(release)) return false;
    const joined = this.pods.some(({ set, arms }) => set === `shop-${release.revision}` && arms.stable);
    const names = release.routes ?? [];
    const sent = this.routes.some((route) => names.includes(route.name) && route.exists && sends(route));
    return release.stage === 'Shifting' || sent || joined;
  }

  /** It may need a place: it moves, prepares, or is on its way back. */
  get holds(): boolean {
    const { release, phase } = this.state;
    if (release === undefined || this.waits) return false;
    const prepares = phase === 'Progressing' && !release.committed;
    const returns = release.ending !== undefined && release.ending.remediedAt === undefined;
    return prepares || returns || grants(release) || this.sends;
  }
}

function grants({ weight, reach, joined = 0, committed, ending }: ReleaseState): boolean {
  return weight > 0 || reach !== undefined || (joined > 0 && committed !== true && ending === undefined);
}

export class Fleet {
  readonly members: readonly Member[];
  readonly #limits: Limits;
  /** What the cache shows, and each with a version by which it is known. */
  readonly #shown = new Map<string, KubeObject>();
  #places: Places;
  #lagTicks = 0;
  #ticks = 0;
  #version = 0;
  /** Since which tick each stands in the queue. */
  readonly #waits = new Map<Member, number>();
  /** When the release of each began. */
  readonly #begun = new Map<string, number>();
  #freeTicks = 0;

  constructor(seeds: readonly number[], limits: Limits) {
    this.#limits = limits;
    this.#places = this.#newPlaces();
    this.members = seeds.map((seed, index) => {
      const namespace = index % 2 === 0 ? 'even' : 'odd';
      return new Member(seed, { namespace, rollout: `r${index}`, fleet: this });
    });
    this.restart();
  }

  #newPlaces(): Places {
    const moving = ({ status }: KubeObject) => {
      const { state } = status as { state: State };
      return state.release !== undefined || state.inQueueSince !== undefined;
    };
    const store: Pick<Store, 'get' | 'byIndex'> = {
      get: ({ namespace, name }) => this.#shown.get(`${namespace}/${name}`),
      byIndex: () => [...this.#shown.values()].filter(moving),
    };
    return createPlaces(store as Store, this.#limits);
  }

  /** Another process: it lists everything anew, and remembers nothing. */
  restart(): void {
    this.#lagTicks = 0;
    this.#show();
    this.#places = this.#newPlaces();
  }

  lag(ticks: number): void {
    this.#lagTicks = ticks;
  }

  #show(): void {
    // While the fleet is made there is none of them yet.
    for (const member of this.members ?? []) {
      const key = `${member.namespace}/${member.rollout}`;
      const known = this.#shown.get(key);
      if (member.finalized) this.#drop(key);
      else if (known?.['status'] === undefined || (known['status'] as { state: State }).state !== member.state) {
        this.#version += 1;
        this.#shown.set(key, objectOf(member, String(this.#version)));
      }
    }
  }

  #drop(key: string): void {
    if (this.#shown.delete(key)) this.#places.forget(key);
  }

  #objectOf(member: Member): KubeObject {
    return this.#shown.get(`${member.namespace}/${member.rollout}`) ?? objectOf(member, '');
  }

  sight(member: Member): PlacesSight | undefined {
    return this.#places.sight(this.#objectOf(member), member.now);
  }

  note(member: Member, next: State): void {
    this.#places.note(this.#objectOf(member), next);
  }

  /** One tick of all of them, one after the other. */
  step(mishaps: (member: number) => readonly Mishap[]): void {
    this.#ticks += 1;
    this.members.forEach((member, index) => {
      if (member.finalized) return;
      member.step(mishaps(index));
      if (this.#lagTicks <= 0) this.#show();
    });
    this.#lagTicks -= 1;
    this.#watchQueue();
  }

  get violations(): string[] {
    return this.members.flatMap(({ violations }) => violations);
  }

  /** Who gets a place: a release that begins, or goes up from 0. */
  watch(member: Member, { release: was, actions: [told] }: State): void {
    const { release: is } = member.state;
    if (is === undefined || is.expedited !== undefined) return;
    const name = `${member.rollout} ${is.name}`;
    const begins = is.name !== was?.name;
    if (begins) this.#begun.set(name, Math.min(this.#ticks, this.#waits.get(member) ?? this.#ticks));
    const raises = grants(is) && (was === undefined || !grants(was));
    if (raises) this.#watchLimits(member);
    // A person's retry brings its pods up at once, and waits with them.
    const retried = begins && member.state.actions[0]?.uid !== told?.uid;
    if (raises || (begins && !retried)) this.#watchOrder(member, this.#begun.get(name) ?? this.#ticks);
  }

  #watchLimits(member: Member): void {
    const others = this.members.filter((other) => other !== member && other.carries);
    const near = others.filter(({ namespace }) => namespace === member.namespace);
    const { cluster = Number.POSITIVE_INFINITY, perNamespace = Number.POSITIVE_INFINITY } = this.#limits;
    member.look('queued');
    if (others.length >= cluster || near.length >= perNamespace)
      member.accuse(`goes up beside ${others.map(({ rollout }) => rollout).join()}, and ${cluster} may`);
  }

  /** Of one namespace the two want the same places. */
  #watchOrder(member: Member, since: number): void {
    member.look('arrived');
    const passed = this.members.find(
      (other) =>
        other !== member &&
        other.namespace === member.namespace &&
        other.waits &&
        (this.#waits.get(other) ?? since) < since,
    );
    if (passed !== undefined) member.accuse(`gets a place before ${passed.rollout}, which came before it`);
  }

  #watchQueue(): void {
    for (const member of this.members)
      if (!member.waits || member.finalized) this.#waits.delete(member);
      else if (!this.#waits.has(member)) this.#waits.set(member, this.#ticks);
    const [first] = this.#waits.keys();
    const held = this.members.some((member) => !member.finalized && member.holds);
    this.#freeTicks = first === undefined || held ? 0 : this.#freeTicks + 1;
    if (first === undefined) return;
    first.look('freed');
    if (this.#freeTicks > FREE_TICKS) first.accuse('waits for a place, and nobody has one');
  }
}

function objectOf({ namespace, rollout, state }: Member, resourceVersion: string): KubeObject {
  return {
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: rollout, namespace, resourceVersion },
    status: { state },
  };
}
