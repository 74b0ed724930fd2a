import { QUARANTINE_LABEL, ROLLOUT_LABEL, STABLE_LABEL } from '#core/labels.ts';
import { POD, RELEASE, REPLICA_SET, SERVICE } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { readFence } from '#routers/fence.ts';
import { dig } from '#sandbox/kind.ts';
import { readySince } from '#sandbox/replica-set-controller.ts';
import { ADOPTING, notGivenBack, takeTemplateBack } from './adoption.ts';
import { ASKING } from './approvals.ts';
import { COMPANIONS, companionPlan, companionsLack, companionTrace, strangersLeave } from './companions.ts';
import { MATCHING } from './matching.ts';
import { MIRRORING, sendsFew } from './mirroring.ts';
import { MISHAPS } from './mishaps.ts';
import { drawMore, drawPlan, type Mishap, type Play, type Played } from './plan.ts';
import { NAMESPACE_NAME, refs } from './shop.ts';
import { type Traits, traitsOf } from './traits.ts';
import { UNDOING } from './undoing.ts';
import { weightOf } from './watcher.ts';
import { World } from './world.ts';

/** Two acts: safety while everything breaks, liveness once nothing does any more. */

const STORM_SECONDS = 70;
/** For so long each kind of bad weather lasts. */
const WINDOW_SECONDS = 5;
/** Chances of a fault in bad weather: of each call, of each line of a watch, of each write. */
const WEATHER = { calls: 0.12, lines: 0.04, crashes: 0.03 } as const;
type Weather = keyof typeof WEATHER;

const CHANCES = {
  ...Object.fromEntries(Object.entries(MISHAPS).map(([what, { chance }]) => [what, chance])),
  ...Object.fromEntries(Object.keys(WEATHER).map((what) => [what, 0.7 / WINDOW_SECONDS])),
};
const WILDNESS = [0.15, 0.5, 1, 1];

/** Longest that a healed world may take to come to rest. */
const CALM_SECONDS = 600;

/** What people do in worlds that have something for them to do. */
function ownPlan(seed: number, plan: readonly Mishap[], traits: Traits): Mishap[] {
  const own = {
    ...(traits.asks ? ASKING : {}),
    ...(traits.undoes ? UNDOING : {}),
    ...(traits.matches ? MATCHING : {}),
    ...(traits.adopts ? ADOPTING : {}),
    ...(traits.mirrors ? MIRRORING : {}),
  };
  const chances = Object.fromEntries(Object.entries(own).map(([what, { chance }]) => [what, chance]));
  return drawMore(seed, plan, { moments: STORM_SECONDS, chances });
}

/** Worlds without any fault: what they find is no matter of luck. */
export const fair: Play = {
  name: 'fair',
  planOf: (seed) => ownPlan(seed, [], traitsOf(seed)),
  run: (seed, plan) => playWorld(seed, plan, traitsOf(seed)),
};

export const stormy: Play = {
  name: 'stormy',
  planOf: (seed) =>
    ownPlan(seed, drawPlan(seed, STORM_SECONDS, CHANCES, WILDNESS[seed % WILDNESS.length]), traitsOf(seed)),
  run: (seed, plan) => playWorld(seed, plan, traitsOf(seed)),
};

/** Worlds in which everything breaks, and whose traffic comes by Ingresses. */
export const companions: Play = {
  name: 'companions',
  planOf: (seed) =>
    companionPlan(seed, drawPlan(seed, STORM_SECONDS, CHANCES, WILDNESS[seed % WILDNESS.length]), STORM_SECONDS),
  run: (seed, plan) => playWorld(seed, plan, { companions: true }),
};

/** Worlds in which everything breaks, and whose first step is of copies. */
export const mirrored: Play = {
  name: 'mirrored',
  planOf: (seed) =>
    ownPlan(seed, drawPlan(seed, STORM_SECONDS, CHANCES, WILDNESS[seed % WILDNESS.length]), { mirrors: true }),
  run: (seed, plan) => playWorld(seed, plan, { mirrors: true }),
};

/** Fair worlds that all have these traits: what they find is no matter of luck. */
export function withTraits(name: string, traits: Traits): Play {
  return {
    name,
    planOf: (seed) => ownPlan(seed, [], traits),
    run: (seed, plan) => playWorld(seed, plan, traits),
  };
}

/** Plays one world. The answer says what went wrong, if anything, with everything that happened. */
export async function playWorld(seed: number, plan: readonly Mishap[], traits: Traits = {}): Promise<Played> {
  const world = new World(seed, traits);
  const wrong =
    (await act(world, () => storm(world, plan))) ??
    (await act(world, () => breach(world))) ??
    (await act(world, () => notice(world))) ??
    (await act(world, () => lacking(world))) ??
    (await act(world, () => undone(world))) ??
    (await act(world, () => rest(world))) ??
    (await act(world, () => farewell(world)));
  world.cluster.stop();
  for (const { body } of world.operators()) body.kill();
  const { timeline, faults, checks } = world;
  return { ...(wrong === undefined ? {} : { wrong }), timeline, faults, checks };
}

/** One part of the play: what it found, or the first invariant that did not hold. */
async function act(world: World, part: () => Promise<string | undefined>): Promise<string | undefined> {
  const found = await part();
  return world.watcher.violations[0] ?? found;
}

/** Lets so many seconds pass, or fewer: until `each` says that it is enough. */
async function pass(world: World, seconds: number, each?: (second: number) => boolean | undefined): Promise<void> {
  for (let second = 1; second <= seconds && world.watcher.violations.length === 0; second += 1) {
    if (each?.(second) === true) return;
    await world.clock.advance(1000);
  }
}

async function storm(world: World, plan: readonly Mishap[]): Promise<string | undefined> {
  world.staff(2);
  await pass(world, 20, (second) => second > 3 && world.state()?.phase === 'Healthy' && serves(world) === undefined);
  if (world.state()?.phase !== 'Healthy') return `it begins at ${JSON.stringify(world.state())}`;
  world.deploy(world.pick(['shop:v2', 'shop:v2', 'shop:v2-bad', 'shop:v2-sick']));
  const bySecond = Map.groupBy(plan, ({ at }) => at);
  await pass(world, STORM_SECONDS, (second) => {
    if (world.deleted) return true;
    if (plan.length > 0 && second % 4 === 0) world.staff(2);
    for (const mishap of bySecond.get(second - 1) ?? []) befall(world, mishap);
    return false;
  });
  return undefined;
}

function befall(world: World, { what, random }: Mishap): void {
  if (what in WEATHER) {
    const kind = what as Weather;
    world.storm = { ...world.storm, [kind]: WEATHER[kind] };
    world.note(`bad weather for ${kind}`);
    world.clock.timer(WINDOW_SECONDS * 1000, () => {
      world.storm = { ...world.storm, [kind]: 0 };
    });
    return;
  }
  world.struck(what);
  const mishap = MISHAPS[what] ?? ASKING[what] ?? UNDOING[what] ?? MATCHING[what] ?? ADOPTING[what];
  (mishap ?? COMPANIONS[what] ?? MIRRORING[what])?.befall({ world, random });
}

/** Long enough for another leader, for caches that fell silent, and for the ticks of a gate. */
const BREACH_SECONDS = 150;

/** Invariant 5: whatever was under way, a bad canary loses its traffic. */
async function breach(world: World): Promise<string | undefined> {
  world.heal();
  if (!world.shop.image.includes('bad') || world.deleted) return undefined;
  world.looked('breached');
  // Fewer seconds where the release has ended and its traffic is gone: what ended raises nothing any more.
  const most = () => Math.max(...world.routes().map((route) => weightOf(route) + Number(sendsFew(route))));
  const over = () => world.state()?.release?.ending !== undefined && most() === 0;
  await pass(world, BREACH_SECONDS, () => {
    world.staff(2);
    return over();
  });
  const weight = most();
  if (weight === 0 || world.keepsWeight()) return undefined;
  return `a bad canary has ${weight}: ${JSON.stringify(world.state())}`;
}

/** Long enough for a watch that has fallen silent, which is believed for 90 s, and for a new leader to look at the route. */
const NOTICE_SECONDS = 120;

/** Invariant 6: traffic that was taken back by hand pauses the release, or nobody would know why it stands. */
async function notice(world: World): Promise<string | undefined> {
  const ignored = () => {
    const { release, phase } = world.state() ?? {};
    const isBelow = (route: KubeObject | undefined) => {
      const fence = route && readFence(route);
      const takes = release?.stage === 'Holding' && release.reach !== undefined && !sendsFew(route);
      return fence !== undefined && fence.release === release?.name && (takes || weightOf(route) < fence.weight);
    };
    return (
      release !== undefined &&
      world.routes().some(isBelow) &&
      phase !== 'Paused' &&
      release.ending === undefined &&
      release.committed !== true
    );
  };
  if (world.deleted || !ignored()) return undefined;
  await pass(world, NOTICE_SECONDS, () => {
    world.staff(2);
    return !ignored();
  });
  return ignored() ? `traffic was taken back and the release goes on: ${JSON.stringify(world.state())}` : undefined;
}

/** Companions are what the record says, and strangers hear of it. */
async function lacking(world: World): Promise<string | undefined> {
  if (world.deleted || world.traits.companions === undefined) return undefined;
  await pass(world, NOTICE_SECONDS, () => {
    world.staff(2);
    return companionsLack(world) === undefined;
  });
  const lack = companionsLack(world);
  strangersLeave(world);
  return lack;
}

/** Long enough for a release without steps, and for who helps it on. */
const UNDONE_SECONDS = 240;

/** Invariant 25: what was pinned serves. */
async function undone(world: World): Promise<string | undefined> {
  const lacks = () => world.watcher.undoing.lacks();
  if (lacks() === undefined) return undefined;
  await pass(world, UNDONE_SECONDS, (second) => {
    world.staff(2);
    if (second % 20 === 0) world.help();
    return lacks() === undefined;
  });
  return lacks();
}

async function rest(world: World): Promise<string | undefined> {
  if (world.deleted) return undefined;
  world.looked('rested');
  world.deploy('shop:v9-good');
  await pass(world, CALM_SECONDS, (second) => {
    world.staff(2);
    if (second % 20 === 0) world.help();
    return second > 5 && unrested(world) === undefined;
  });
  return unrested(world);
}

/** What the world still lacks, if anything. */
function unrested(world: World): string | undefined {
  const { phase, release, stable, pinned } = world.state() ?? {};
  if (pinned !== undefined) return `the pin to ${pinned.revision} outlives its template`;
  if (phase !== 'Healthy' || release !== undefined) return `it stands at ${JSON.stringify(world.state())}`;
  if (world.imageOf(`shop-${stable}`) !== world.shop.image) return `${stable} serves, not ${world.shop.image}`;
  const trace = companionTrace(world);
  if (trace !== undefined) return trace;
  for (const route of userRoutes(world))
    if (route === undefined || weightOf(route) > 0 || sendsFew(route) || readFence(route) !== undefined)
      return `a trace is left on the route ${route?.metadata.name}`;
  return serves(world);
}

/** Those whose split stands in the user's own object. */
function userRoutes(world: World): (KubeObject | undefined)[] {
  return world.shop.routes.filter(({ split }) => split === undefined).map((route) => world.actor.get(route.ref));
}

function serves(world: World): string | undefined {
  const pods = world
    .pods()
    .filter(
      ({ metadata: { labels } }) => labels?.[QUARANTINE_LABEL] === undefined && labels?.[ROLLOUT_LABEL] !== undefined,
    );
  const serving = pods.filter((pod) => readySince(pod) !== undefined && pod.metadata.labels?.[STABLE_LABEL] === 'true');
  if (serving.length === world.shop.replicas && pods.length === world.shop.replicas) return undefined;
  return `${serving.length} of ${pods.length} pods serve, ${world.shop.replicas} shall`;
}

const FAREWELL_SECONDS = 180;

/** Deletion gives everything back and leaves nothing. */
async function farewell(world: World): Promise<string | undefined> {
  world.looked('deleted');
  if (!world.deleted) world.deleteRollout();
  await pass(world, FAREWELL_SECONDS, (second) => {
    world.staff(2);
    if (world.traits.adopts) takeTemplateBack(world);
    return second > 5 && left(world) === undefined;
  });
  return left(world);
}

function isHeadgates(labels: Record<string, string> | undefined): boolean {
  return labels?.[ROLLOUT_LABEL] !== undefined;
}

function left(world: World): string | undefined {
  if (world.rollout() !== undefined) return `the Rollout stays: ${JSON.stringify(world.state())}`;
  if (world.orphaned) return companionTrace(world);
  const orphans = [REPLICA_SET, POD, RELEASE]
    .flatMap((resource) => world.actor.list(resource, NAMESPACE_NAME))
    .filter(({ kind, metadata }) => kind === 'Release' || !world.traits.adopts || isHeadgates(metadata.labels));
  if (orphans.length > 0)
    return `orphans: ${orphans.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', ')}`;
  const services = world.actor.list(SERVICE, NAMESPACE_NAME).map(({ metadata }) => metadata.name);
  if (services.join() !== 'shop') return `Services left: ${services.join()}`;
  const selector = dig(world.actor.get(refs.service), ['spec', 'selector']);
  if (JSON.stringify(selector) !== '{"app":"shop"}') return `the Service selects ${JSON.stringify(selector)}`;
  const trace = companionTrace(world);
  if (trace !== undefined) return trace;
  for (const route of userRoutes(world)) {
    const names = (dig(route, ['spec', 'rules', '0', 'backendRefs']) as { name: string }[]).map(({ name }) => name);
    if (route === undefined || names.join() !== 'shop') return `the route names ${names.join()}`;
    if (sendsFew(route)) return 'matched users, or copies, are left on the route';
    if (readFence(route) !== undefined) return 'a fence is left on the route';
  }
  return world.traits.adopts ? notGivenBack(world) : undefined;
}
