import { CANARY_LABEL, STABLE_LABEL } from '#core/labels.ts';
import { POD, REPLICA_SET } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';
import { dig } from '#sandbox/kind.ts';
import { SHAPES } from './prometheus.ts';
import { NAMESPACE_NAME, ref, refs } from './shop.ts';
import type { World } from './world.ts';

/** What befalls the cluster and its people, one at a time. Each is named as the reports name it. */

interface Moment {
  world: World;
  random: Random;
}

/** Chance of each, each second, in the wildest worlds. */
export const MISHAPS: Readonly<Record<string, { chance: number; befall(moment: Moment): void }>> = {
  'pod evicted': { chance: 0.02, befall: evict },
  'pod flaps': { chance: 0.02, befall: flap },
  'gateway accepts and does not apply': { chance: 0.02, befall: ({ world }) => toggleGateway(world, 'frozen') },
  'gateway does not accept': { chance: 0.02, befall: ({ world }) => toggleGateway(world, 'blind') },
  'source turns': { chance: 0.03, befall: turnSource },
  'probes fail': { chance: 0.015, befall: failProbes },
  'counters start again': { chance: 0.015, befall: ({ world }) => world.prometheus?.reset() },
  'history compacted': { chance: 0.02, befall: ({ world }) => world.sandbox.store.compact() },
  'weight by hand': { chance: 0.04, befall: foreignWeight },
  'new image': { chance: 0.02, befall: newImage },
  action: { chance: 0.03, befall: say },
  'operator stands still': { chance: 0.03, befall: freeze },
  'death waits for a lowering': { chance: 0.015, befall: ({ world }) => world.doom() },
  'clock jumps': { chance: 0.02, befall: jump },
  'Service selector by hand': { chance: 0.01, befall: foreignSelector },
  'canary Service deleted by hand': { chance: 0.008, befall: dropCanaryService },
  'ReplicaSet scaled by hand': { chance: 0.015, befall: foreignReplicas },
  'ReplicaSet deleted by hand': { chance: 0.004, befall: dropSet },
  'pod labels by hand': { chance: 0.01, befall: foreignLabels },
  'HPA scales the Rollout': { chance: 0.015, befall: autoscale },
  'spec changed': { chance: 0.015, befall: changeSpec },
  'routes of the spec change': { chance: 0.03, befall: ({ world }) => world.turnRoutes() },
  'all operators leave': { chance: 0.006, befall: killAll },
  'Rollout deleted': { chance: 0.0015, befall: ({ world }) => world.deleteRollout() },
};

function one<T>(list: readonly T[], random: Random): T | undefined {
  return list[Math.floor(random() * list.length)];
}

function evict({ world, random }: Moment): void {
  const pod = one(world.pods(), random)?.metadata.name;
  if (pod === undefined) return;
  world.note(`pod ${pod} is evicted`);
  world.actor.remove({ resource: POD, namespace: NAMESPACE_NAME, name: pod }, {});
}

/** Not ready for a while: its node, its probe, its process. */
function flap({ world, random }: Moment): void {
  const pod = one(world.pods(), random)?.metadata.name;
  if (pod === undefined) return;
  const ms = one([700, 5000, 20_000], random) ?? 0;
  world.note(`pod ${pod} is not ready for ${ms} ms`);
  world.broken.add(pod);
  world.cluster.kubelet.setBroken(pod, true);
  world.clock.timer(ms, () => {
    world.broken.delete(pod);
    world.cluster.kubelet.setBroken(pod, false);
  });
}

function toggleGateway(world: World, how: 'frozen' | 'blind'): void {
  const { gateway } = world.cluster;
  gateway[how] = !gateway[how];
  world.note(`the gateway is ${gateway[how] ? '' : 'not '}${how}`);
}

function turnSource({ world, random }: Moment): void {
  world.source = one(SHAPES, random) ?? 'whole';
  world.struck(`source: ${world.source}`);
  world.note(`the source is ${world.source}`);
}

function failProbes({ world, random }: Moment): void {
  world.probesFail = one(['canary', 'everybody'] as const, random) ?? 'nobody';
  const ms = one([2000, 8000, 20_000], random) ?? 0;
  world.note(`the probes of ${world.probesFail} fail for ${ms} ms`);
  world.clock.timer(ms, () => {
    world.probesFail = 'nobody';
  });
}

/** Somebody takes the traffic back by hand, or more of it than they should. */
function foreignWeight({ world, random }: Moment): void {
  const target = one(world.shop.routes, random)?.ref;
  if (target === undefined) return;
  const route = world.actor.get(target);
  const refsOf = (dig(route, ['spec', 'rules', '0', 'backendRefs']) ?? []) as { name: string; weight?: number }[];
  if (refsOf.length < 2) return;
  const weight = one([0, 0, 1000, 50_000], random) ?? 0;
  const changed = refsOf.map((each) => ({ ...each, weight: each.name === 'shop' ? 100_000 - weight : weight }));
  const rules = dig(route, ['spec', 'rules']) as object[];
  world.actor.merge(target, { spec: { rules: rules.map((rule) => ({ ...rule, backendRefs: changed })) } });
}

function newImage({ world, random }: Moment): void {
  world.deploy(one(['shop:v2', 'shop:v3', 'shop:v3-bad', 'shop:v1'], random) ?? '');
}

function say({ world, random }: Moment): void {
  world.say(one(['pause', 'resume', 'promote', 'retreat', 'retry', 'skip-step', 'abort'], random) ?? '');
}

function freeze({ world, random }: Moment): void {
  const slot = one(world.operators(), random);
  const ms = one([3000, 12_000, 40_000], random) ?? 0;
  if (slot === undefined) return;
  world.note(`${slot.body.id} stands still for ${ms} ms`);
  slot.body.freeze();
  world.clock.timer(ms, () => slot.body.thaw());
}

function jump({ world, random }: Moment): void {
  const slot = one(world.operators(), random);
  const ms = one([-3_600_000, -30_000, 30_000], random) ?? 0;
  world.note(`${slot?.body.id}'s clock is ${ms / 1000} s ahead`);
  slot?.body.setAhead(ms);
}

/** Git, or a person, puts back the selector of the first day: all pods of the app. */
function foreignSelector({ world, random }: Moment): void {
  const widened = random() < 0.7;
  world.note(`the Service's selector is ${widened ? 'widened' : 'narrowed'} by hand`);
  world.actor.merge(refs.service, { spec: { selector: { [STABLE_LABEL]: widened ? null : 'true' } } });
}

function dropCanaryService({ world }: Moment): void {
  if (world.actor.get(refs.canaryService) === undefined) return;
  world.note('the canary Service is deleted by hand');
  world.actor.remove(refs.canaryService, {});
}

function setsOf(world: World): KubeObject[] {
  return world.actor.list(REPLICA_SET, NAMESPACE_NAME);
}

function foreignReplicas({ world, random }: Moment): void {
  const name = one(setsOf(world), random)?.metadata.name;
  if (name === undefined) return;
  const replicas = one([0, 1, 6], random) ?? 0;
  world.note(`ReplicaSet ${name} is scaled to ${replicas} by hand`);
  world.actor.merge(ref(REPLICA_SET, name), { spec: { replicas } });
}

/** Any but stable's: with that the only copy of the old template would be gone, and nobody can make its pods again. */
function dropSet({ world, random }: Moment): void {
  const sets = setsOf(world).filter(({ metadata }) => metadata.name !== `shop-${world.state()?.stable}`);
  const name = one(sets, random)?.metadata.name;
  if (name === undefined) return;
  const propagationPolicy = one(['Background', 'Foreground'], random);
  world.note(`ReplicaSet ${name} is deleted by hand, ${propagationPolicy}`);
  world.actor.remove(ref(REPLICA_SET, name), { propagationPolicy });
}

function foreignLabels({ world, random }: Moment): void {
  const name = one(world.pods(), random)?.metadata.name;
  if (name === undefined) return;
  const label = one([STABLE_LABEL, CANARY_LABEL], random) ?? '';
  world.note(`pod ${name} loses ${label} by hand`);
  world.actor.merge(ref(POD, name), { metadata: { labels: { [label]: null } } });
}

function autoscale({ world, random }: Moment): void {
  const replicas = one([1, 2, 3, 4, 6], random) ?? 2;
  world.note(`the Rollout is scaled to ${replicas}`);
  world.scale(replicas);
}

function changeSpec({ world, random }: Moment): void {
  const change = one(
    [
      { onBreach: 'Abort' },
      { onBreach: 'Retreat' },
      { settle: '1s' },
      { scaleDownDelay: '2s' },
      { bake: { for: '2s', control: 10 } },
    ],
    random,
  );
  world.note(`the spec changes: ${JSON.stringify(change)}`);
  world.actor.merge(refs.rollout, { spec: change ?? {} });
}

function killAll({ world }: Moment): void {
  for (const { body } of world.operators()) body.kill();
  world.note('all operators end');
}
