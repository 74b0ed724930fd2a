import { QUARANTINE_LABEL, STABLE_LABEL } from '#core/labels.ts';
import { HTTP_ROUTE, POD, RELEASE, REPLICA_SET, SERVICE } from '#kube/resources.ts';
import { readFence } from '#routers/fence.ts';
import { dig } from '#sandbox/kind.ts';
import { readySince } from '#sandbox/replica-set-controller.ts';
import { NAMESPACE_NAME, refs } from './shop.ts';
import { weightOf } from './watcher.ts';
import { World } from './world.ts';

/** Two acts: safety while everything breaks, liveness once nothing does any more. */

export interface Script {
  seconds: number;
  calls: number;
  lines: number;
  crashes: number;
  /** Chance of a mishap in the cluster, each second. */
  mishaps: number;
}

export const fair: Script = { seconds: 40, calls: 0, lines: 0, crashes: 0, mishaps: 0 };
export const stormy: Script = { seconds: 90, calls: 0.08, lines: 0.02, crashes: 0.02, mishaps: 0.25 };

/** Longest that a healed world may take to come to rest. */
const CALM_SECONDS = 600;

/** Plays one world. The answer says what went wrong, if anything, with everything that happened. */
export async function playWorld(seed: number, script: Script): Promise<string[] | undefined> {
  const world = new World(seed);
  const wrong =
    (await act(world, () => storm(world, script))) ??
    (await act(world, () => breach(world))) ??
    (await act(world, () => rest(world))) ??
    (await act(world, () => farewell(world)));
  world.cluster.stop();
  for (const { body } of world.operators()) body.kill();
  return wrong === undefined ? undefined : [wrong, ...world.timeline];
}

/** One part of the play: what it found, or the first invariant that did not hold. */
async function act(world: World, part: () => Promise<string | undefined>): Promise<string | undefined> {
  const found = await part();
  return world.watcher.violations[0] ?? found;
}

async function pass(world: World, seconds: number, each?: (second: number) => void): Promise<void> {
  for (let second = 1; second <= seconds && world.watcher.violations.length === 0; second += 1) {
    each?.(second);
    await world.clock.advance(1000);
  }
}

async function storm(world: World, { seconds, mishaps, ...faults }: Script): Promise<string | undefined> {
  world.staff(2);
  await pass(world, 20);
  if (world.state()?.phase !== 'Healthy') return `it begins at ${JSON.stringify(world.state())}`;
  world.deploy(world.pick(['shop:v2', 'shop:v2', 'shop:v2-bad', 'shop:v2-sick']));
  world.storm = faults;
  await pass(world, seconds, () => {
    if (mishaps > 0 && world.operators().length < 2 && world.chance(0.3)) world.staff(2);
    if (world.chance(mishaps)) mishap(world);
  });
  return undefined;
}

function mishap(world: World): void {
  const { sandbox, random } = world;
  const kind = Math.floor(random() * 13);
  const pods = world.pods();
  if (kind === 0 && pods.length > 0) {
    const pod = world.pick(pods).metadata.name;
    world.note(`pod ${pod} is evicted`);
    world.actor.remove({ resource: POD, namespace: NAMESPACE_NAME, name: pod }, {});
  }
  if (kind >= 1 && kind <= 3) toggle(world, kind);
  if (kind === 4) sandbox.store.compact();
  if (kind === 5 || kind > 10) foreignWeight(world);
  if (kind === 6) world.deploy(world.pick(['shop:v2', 'shop:v3', 'shop:v3-bad', 'shop:v1']));
  if (kind === 7) world.say(world.pick(['pause', 'resume', 'promote', 'retreat', 'retry', 'skip-step']));
  if (kind === 8 || kind === 9) freeze(world);
  if (kind === 10) jump(world);
}

function toggle(world: World, kind: number): void {
  const { gateway } = world.cluster;
  if (kind === 1) gateway.frozen = !gateway.frozen;
  else if (kind === 2) gateway.blind = !gateway.blind;
  else world.prometheusDown = !world.prometheusDown;
  const { frozen, blind } = gateway;
  world.note(JSON.stringify({ frozen, blind, prometheusDown: world.prometheusDown }));
}

/** Somebody takes the traffic back by hand, or more of it than they should. */
function foreignWeight(world: World): void {
  const route = world.actor.get(refs.route);
  const refsOf = dig(route, ['spec', 'rules', '0', 'backendRefs']) as { name: string; weight?: number }[];
  if (refsOf.length < 2) return;
  const weight = world.pick([0, 0, 1000, 50_000]);
  const changed = refsOf.map((one) => ({ ...one, weight: one.name === 'shop' ? 100_000 - weight : weight }));
  const rules = dig(route, ['spec', 'rules']) as object[];
  world.actor.merge(refs.route, { spec: { rules: rules.map((rule) => ({ ...rule, backendRefs: changed })) } });
}

function freeze(world: World): void {
  const [slot] = world.operators().filter(() => world.chance(0.5));
  if (slot === undefined) return;
  const ms = world.pick([3000, 12_000, 40_000]);
  world.note(`${slot.body.id} stands still for ${ms} ms`);
  slot.body.freeze();
  world.clock.timer(ms, () => slot.body.thaw());
}

function jump(world: World): void {
  const [slot] = world.operators();
  const ms = world.pick([-3_600_000, -30_000, 30_000]);
  world.note(`${slot?.body.id}'s clock is ${ms / 1000} s ahead`);
  slot?.body.setAhead(ms);
}

/** Long enough for another leader, for caches that fell silent, and for the ticks of a gate. */
const BREACH_SECONDS = 150;

/** Invariant 5: whatever was under way, a bad canary loses its traffic. */
async function breach(world: World): Promise<string | undefined> {
  world.heal();
  if (!world.shop.image.includes('bad')) return undefined;
  await pass(world, BREACH_SECONDS, () => world.staff(2));
  const weight = weightOf(world.actor.get(refs.route));
  if (weight === 0 || world.shop.onBreach === 'Pause') return undefined;
  return `a bad canary has ${weight}: ${JSON.stringify(world.state())}`;
}

async function rest(world: World): Promise<string | undefined> {
  world.deploy('shop:v9-good');
  await pass(world, CALM_SECONDS, (second) => {
    world.staff(2);
    if (second % 20 === 0) world.help();
    if (second > 5 && unrested(world) === undefined) throw new Rested();
  }).catch((error: unknown) => {
    if (!(error instanceof Rested)) throw error;
  });
  return unrested(world);
}

class Rested extends Error {}

/** What the world still lacks, if anything. */
function unrested(world: World): string | undefined {
  const { phase, release, stable } = world.state() ?? {};
  if (phase !== 'Healthy' || release !== undefined) return `it stands at ${JSON.stringify(world.state())}`;
  if (world.imageOf(`shop-${stable}`) !== world.shop.image) return `${stable} serves, not ${world.shop.image}`;
  const route = world.actor.get(refs.route);
  if (route === undefined || weightOf(route) > 0 || readFence(route) !== undefined)
    return 'a trace is left on the route';
  const pods = world.pods().filter(({ metadata }) => metadata.labels?.[QUARANTINE_LABEL] === undefined);
  const serving = pods.filter((pod) => readySince(pod) !== undefined && pod.metadata.labels?.[STABLE_LABEL] === 'true');
  if (serving.length !== world.shop.replicas || pods.length !== world.shop.replicas)
    return `${serving.length} of ${pods.length} pods serve, ${world.shop.replicas} shall`;
  return undefined;
}

/** Deletion gives everything back and leaves nothing. */
async function farewell(world: World): Promise<string | undefined> {
  world.note('deletes the Rollout');
  world.actor.remove(refs.rollout, {});
  await pass(world, 60);
  if (world.rollout() !== undefined) return `the Rollout stays: ${JSON.stringify(world.state())}`;
  const left = [REPLICA_SET, POD, RELEASE].flatMap((resource) => world.actor.list(resource, NAMESPACE_NAME));
  if (left.length > 0) return `orphans: ${left.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', ')}`;
  const services = world.actor.list(SERVICE, NAMESPACE_NAME).map(({ metadata }) => metadata.name);
  if (services.join() !== 'shop') return `Services left: ${services.join()}`;
  const selector = dig(world.actor.get(refs.service), ['spec', 'selector']);
  if (JSON.stringify(selector) !== '{"app":"shop"}') return `the Service selects ${JSON.stringify(selector)}`;
  const [route] = world.actor.list(HTTP_ROUTE, NAMESPACE_NAME);
  const names = (dig(route, ['spec', 'rules', '0', 'backendRefs']) as { name: string }[]).map(({ name }) => name);
  return names.join() === 'shop' ? undefined : `the route names ${names.join()}`;
}
