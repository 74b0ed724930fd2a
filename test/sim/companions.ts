import { ROLLOUT_LABEL } from '#core/labels.ts';
import { INGRESS } from '#kube/resources.ts';
import { canonicalJson } from '#lib/json.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';
import { FENCE_ANNOTATION as FENCE, readFence } from '#routers/fence.ts';
import { backendOf, canaryShare } from '#sandbox/canary-ingress.ts';
import { kindId } from '#sandbox/kind.ts';
import type { Change } from '#sandbox/store.ts';
import { BACKLOG_MS } from './faults.ts';
import { drawMore, type Mishap, randomOf } from './plan.ts';
import { ingressObject, ROUTES, ref, refs, type ShopRoute } from './shop.ts';
import type { World } from './world.ts';

/** A shop whose traffic comes by Ingresses, each with a companion of ours while it is split. Read without our lens. */

const PREFIX = 'nginx.ingress.kubernetes.io/';
const CANARY = `${PREFIX}canary`;

const ingress = (name: string): ShopRoute => ({
  key: `Ingress/${name}`,
  traffic: { nginxIngress: name },
  ref: ref(INGRESS, name),
  split: ref(INGRESS, `${name}-canary`),
});

const MIXED: readonly (readonly ShopRoute[])[] = [
  [ingress('shop')],
  [ingress('shop')],
  [ingress('shop'), ingress('admin')],
  [...(ROUTES[0] ?? []), ingress('shop')],
];

/** Drawn apart, so that the rest of the world is as it would be without. */
export function companionRoutes(seed: number): readonly ShopRoute[] {
  return MIXED[Math.floor(randomOf('companions', seed)() * MIXED.length)] ?? [];
}

interface Moment {
  world: World;
  random: Random;
}

/** The first writers of companions die, one before its write and the next one after it. */
export const DEATHS = { at: 0, what: 'operators die at every write of a companion' };

/** Mishaps of such worlds, and their chances each second. */
export const COMPANIONS: Readonly<Record<string, { chance: number; befall(moment: Moment): void }>> = {
  'companion deleted by hand': { chance: 0.015, befall: drop },
  'companion edited by hand': { chance: 0.03, befall: edit },
  'companion loses its owner by hand': { chance: 0.02, befall: disown },
  'an Ingress of a stranger has the name': { chance: 0.012, befall: squat },
  'operator dies at a write of a companion': {
    chance: 0.03,
    befall: ({ world, random }) => world.dieAt(random() < 0.5 ? ['before'] : ['after']),
  },
  [DEATHS.what]: {
    chance: 0,
    befall: ({ world }) => world.dieAt(Array.from({ length: 60 }, (_, n) => (n % 2 === 0 ? 'before' : 'after'))),
  },
  'Rollout of an Ingress deleted': { chance: 0.004, befall: partWith },
};

/** In so many of them the name was taken before the release began. */
const SQUATTED = 0.2;

const STRANGER = 'an Ingress of a stranger has the name';
/** A release is over by then. */
const PARTING_SECONDS = 30;

export function companionPlan(seed: number, plan: readonly Mishap[], moments: number): Mishap[] {
  const chances = Object.fromEntries(Object.entries(COMPANIONS).map(([what, { chance }]) => [what, chance]));
  const all = drawMore(seed, plan, { moments, chances });
  const random = randomOf('squatted', seed);
  return random() < SQUATTED ? [...all, { index: all.length, at: 0, what: STRANGER, random }] : all;
}

function partWith({ world, random }: Moment): void {
  world.deleteRollout(random() < 0.5 ? 'Background' : 'Orphan');
}

/** What comes before a deletion: nothing, a stranger, a companion whose owner is known no more, or a stranger in its place. */
const BEFORE: readonly (readonly [string, number][])[] = [
  [],
  [[STRANGER, -PARTING_SECONDS]],
  [['companion loses its owner by hand', 0]],
  [
    ['companion deleted by hand', -1],
    [STRANGER, 0],
  ],
];

/** Deletions at every second of a release, soon at early and late ones. */
export function partingPlan(seed: number): Mishap[] {
  const at = 1 + ((Math.floor(seed / BEFORE.length) * 7) % PARTING_SECONDS);
  const all = [...(BEFORE[seed % BEFORE.length] ?? []), ['Rollout of an Ingress deleted', 0] as const];
  return all.map(([what, sooner], index) => ({
    ...{ index, what, at: Math.max(0, at + sooner) },
    random: randomOf('parting', seed, index),
  }));
}

function one<T>(list: readonly T[], random: Random): T | undefined {
  return list[Math.floor(random() * list.length)];
}

/** Those of ours that stand there, as a person finds them. */
function standing({ shop, actor, strangers }: World): KubeObject[] {
  return shop.routes.flatMap(({ split }) => {
    const found = split && actor.get(split);
    return found === undefined || strangers.has(found.metadata.uid ?? '') ? [] : [found];
  });
}

function drop({ world, random }: Moment): void {
  const name = one(standing(world), random)?.metadata.name;
  if (name === undefined) return;
  world.note(`Ingress ${name} is deleted by hand`);
  world.actor.remove(ref(INGRESS, name), {});
}

const EDITS: readonly Record<string, string | null>[] = [
  { [`${CANARY}-weight`]: '0' },
  { [`${CANARY}-weight`]: '1000' },
  { [`${CANARY}-weight`]: '50000' },
  { [`${CANARY}-weight`]: 'ten' },
  // Of a hundred then, and more than that.
  { [`${CANARY}-weight-total`]: null },
  { [CANARY]: null },
  { [FENCE]: null },
];

function edit({ world, random }: Moment): void {
  const { name, ownerReferences } = one(standing(world), random)?.metadata ?? {};
  const annotations = one(EDITS, random);
  if (name === undefined || (ownerReferences === undefined && FENCE in (annotations ?? {}))) return;
  world.note(`Ingress ${name} gets ${JSON.stringify(annotations)} by hand`);
  world.actor.merge(ref(INGRESS, name), { metadata: { annotations } });
}

function disown({ world, random }: Moment): void {
  const found = one(standing(world), random);
  // Who takes the fence off as well has made it theirs.
  if (found === undefined || readFence(found) === undefined) return;
  const { name } = found.metadata;
  world.note(`Ingress ${name} loses its owner by hand`);
  world.actor.merge(ref(INGRESS, name), { metadata: { ownerReferences: null } });
}

/** Somebody has had that name for long, or thinks of it now. */
function squat({ world, random }: Moment): void {
  const free = world.shop.routes.flatMap(({ split }) => (split && world.actor.get(split) === undefined ? [split] : []));
  const place = one(free, random);
  if (place === undefined) return;
  const labels = random() < 0.5 ? {} : { labels: { [ROLLOUT_LABEL]: 'shop' } };
  const { metadata, spec } = ingressObject(place, 'else', 'elsewhere.example');
  world.note(`a stranger makes Ingress ${place.name}`);
  world.actor.create(INGRESS, { metadata: { ...metadata, ...labels }, spec });
  const made = world.actor.get(place);
  if (made !== undefined) world.strangers.set(made.metadata.uid ?? '', textOf(made));
}

function textOf({ metadata: { name, labels, annotations, ownerReferences, deletionTimestamp }, spec }: KubeObject) {
  return canonicalJson({ name, labels, annotations, ownerReferences, deletionTimestamp, spec });
}

/** What must never happen to an Ingress. */
export class Companions {
  readonly #world: World;
  /** When a hand took the canary's Service away. */
  #servedAt = 0;

  constructor(world: World) {
    this.#world = world;
  }

  look(change: Change): string | undefined {
    const { traits, writer } = this.#world;
    if (traits.companions === undefined) return undefined;
    if (this.#world.actor.get(refs.canaryService) !== undefined) this.#servedAt = this.#world.clock.monotonic();
    if (change.kind.startsWith('rollouts.') && change.type === 'DELETED') return this.#onFarewell();
    if (change.kind !== kindId(INGRESS) || writer === undefined) return undefined;
    this.#world.looked('companions');
    return this.#onWrite(change);
  }

  #onWrite({ type, object, previous }: Change): string | undefined {
    const { name, uid = '' } = object.metadata;
    const how = type === 'DELETED' ? 'deleted' : 'written';
    if (this.#world.strangers.has(uid)) return `the Ingress ${name} of a stranger is ${how}`;
    if (this.#world.shop.routes.some((route) => route.ref.resource === INGRESS && route.ref.name === name))
      return `the user's Ingress ${name} is ${how}`;
    if (type === 'DELETED')
      return this.#carries(object) ? `the companion ${name} of a release under way is deleted` : undefined;
    if (previous === undefined && canaryShare(object) > 0) return `the companion ${name} is made with a weight`;
    const served = this.#world.clock.monotonic() - this.#servedAt <= BACKLOG_MS;
    const raised = canaryShare(object) > (previous === undefined ? 0 : canaryShare(previous));
    return raised && !served ? `the companion ${name} sends to ${backendOf(object)}, which is gone` : undefined;
  }

  /** The release on record splits it. */
  #carries(object: KubeObject): boolean {
    const { release } = this.#world.state() ?? {};
    if (release === undefined || this.#world.rollout()?.metadata.deletionTimestamp !== undefined) return false;
    const route = this.#world.shop.routes.find(({ split }) => split?.name === object.metadata.name);
    const splits = route !== undefined && (release.routes?.includes(route.key) ?? true);
    return splits && readFence(object)?.release === release.name;
  }

  /** The Rollout is let go: what it owns goes now, the canary's Service too. */
  #onFarewell(): string | undefined {
    const [left] = standing(this.#world);
    return left && `the Rollout is let go before its companion ${left.metadata.name}`;
  }
}

/** What is wrong with an Ingress some time after everything healed; undefined: nothing. */
export function companionsLack(world: World): string | undefined {
  const { release } = world.state() ?? {};
  for (const found of standing(world)) {
    const { name } = found.metadata;
    if (release === undefined) return `the companion ${name} outlives its release`;
    const share = canaryShare(found);
    if (share > release.weight) return `the companion ${name} sends ${share}, ${release.weight} was granted`;
  }
  const squatter = strangersOf(world).find(({ metadata }) => !isNamed(world, metadata.name));
  return squatter && `no condition names the Ingress ${squatter.metadata.name} of a stranger`;
}

function strangersOf({ shop, actor, strangers }: World): KubeObject[] {
  return shop.routes.flatMap(({ split }) => {
    const found = split && actor.get(split);
    return found !== undefined && strangers.has(found.metadata.uid ?? '') ? [found] : [];
  });
}

/** It is in the way of what moves now, or of what comes next. Who waits for a person has another reason, and keeps it. */
function isNamed(world: World, name: string): boolean {
  const rollout = world.rollout();
  const { phase, release } = world.state() ?? {};
  const route = world.shop.routes.find(({ split }) => split?.name === name);
  const splits = release?.routes?.includes(route?.key ?? '') ?? true;
  const isAsked = JSON.stringify(rollout?.['spec']).includes(`"nginxIngress":"${route?.ref.name}"`);
  const waits = release !== undefined && (phase !== 'Progressing' || !splits);
  return (
    !isAsked || waits || JSON.stringify(rollout?.['status']).includes(`Ingress ${name} exists and is not Headgate's`)
  );
}

/** Strangers do what the condition asks of them. */
export function strangersLeave(world: World): void {
  for (const { metadata } of strangersOf(world)) {
    world.note(`the stranger renames Ingress ${metadata.name}`);
    world.actor.remove(ref(INGRESS, metadata.name), {});
  }
}

/** What is left of a release on an Ingress, or was done to a stranger's. */
export function companionTrace(world: World): string | undefined {
  const [left] = standing(world);
  if (left !== undefined) return `the companion ${left.metadata.name} is left`;
  for (const route of world.shop.routes) {
    const found = world.actor.get(route.ref);
    if (route.split === undefined) continue;
    if (
      canonicalJson(found?.['spec']) !== canonicalJson(ingressObject(route.ref)['spec']) ||
      found?.metadata.annotations
    )
      return `the Ingress ${route.ref.name} is not the user's text`;
  }
  const changed = strangersOf(world).find((found) => world.strangers.get(found.metadata.uid ?? '') !== textOf(found));
  return changed && `the Ingress ${changed.metadata.name} of a stranger was changed`;
}

export function isCompanion({ kind, object }: Change, { shop }: World): boolean {
  return kind === kindId(INGRESS) && shop.routes.some(({ split }) => split?.name === object.metadata.name);
}
