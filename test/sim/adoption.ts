import { ROLLOUT_LABEL } from '#core/labels.ts';
import { DEPLOYMENT, POD, SERVICE } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';
import { dig } from '#sandbox/kind.ts';
import { readySince } from '#sandbox/replica-set-controller.ts';
import { NAMESPACE_NAME, ref, type ShopSpec, templateOf } from './shop.ts';
import type { World } from './world.ts';

/** A shop that was a Deployment before, and what becomes of its users. */

const NAME = 'web';
export const deploymentRef = ref(DEPLOYMENT, NAME);

export const deploymentOf = ({ image, replicas }: ShopSpec) => ({
  metadata: { name: NAME, namespace: NAMESPACE_NAME },
  spec: { replicas, selector: { matchLabels: { app: 'shop' } }, template: templateOf(image) },
});

/** Mishaps of such worlds, and their chances each second: none of them touches a pod that serves. */
export const ADOPTING: Readonly<
  Record<string, { chance: number; befall(moment: { world: World; random: Random }): void }>
> = {
  'Deployment scaled by hand': { chance: 0.05, befall: scaleUp },
  'adopted Rollout deleted': { chance: 0.02, befall: ({ world }) => world.deleteRollout() },
  'operators killed': { chance: 0.02, befall: ({ world }) => world.operators()[0]?.body.kill() },
};

function scaleUp({ world, random }: { world: World; random: Random }): void {
  // Once it is being given back that is nobody else's to scale.
  if (world.deleted || dig(world.actor.get(deploymentRef), ['spec', 'replicas']) !== 0) return;
  const replicas = random() < 0.5 ? 1 : world.shop.replicas;
  world.note(`the Deployment is scaled to ${replicas} by hand`);
  world.actor.merge(deploymentRef, { spec: { replicas } });
}

/** Watches who serves while pods change hands. */
export class Adoption {
  readonly #world: World;
  #begun = false;
  /** Images that users may meet: the first one, and each that became stable. */
  readonly #proven = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Pods, or the Service, have changed. The answer: what must not have happened. */
  look(): string | undefined {
    if (!this.#world.traits.adopts) return undefined;
    const serving = this.#serving();
    const { replicas, image } = this.#world.shop;
    if (!this.#begun) {
      this.#begun = serving.length >= replicas;
      this.#proven.add(image);
      return undefined;
    }
    this.#world.looked('adopted');
    const { stable } = this.#world.state() ?? {};
    if (stable !== undefined) this.#proven.add(this.#world.imageOf(`shop-${stable}`));
    if (serving.length < replicas) return `${serving.length} pods serve, ${replicas} did before the take-over`;
    const theirs = serving.filter(({ metadata }) => metadata.labels?.[ROLLOUT_LABEL] === undefined);
    const unproven = theirs.find((pod) => !this.#proven.has(imageOf(pod)));
    return unproven && `${unproven.metadata.name} of the Deployment serves ${imageOf(unproven)}, which nobody proved`;
  }

  #serving(): KubeObject[] {
    const selector = (dig(this.#world.actor.get(ref(SERVICE)), ['spec', 'selector']) ?? {}) as Record<string, string>;
    return this.#world.actor
      .list(POD, NAMESPACE_NAME)
      .filter(
        (pod) =>
          readySince(pod) !== undefined &&
          pod.metadata.deletionTimestamp === undefined &&
          Object.entries(selector).every(([key, value]) => pod.metadata.labels?.[key] === value),
      );
  }
}

function imageOf(pod: KubeObject): string {
  return String(dig(pod, ['spec', 'containers', '0', 'image']));
}

/** A give-back waits for a proven template: whoever deletes in the middle of a release takes its template back. */
export function takeTemplateBack(world: World): void {
  const { phase, reason, stable } = world.state() ?? {};
  if (phase !== 'Degraded' || reason !== 'InvalidSpec' || stable === undefined) return;
  world.note('the template of the Deployment is taken back');
  world.actor.merge(deploymentRef, { spec: { template: templateOf(world.imageOf(`shop-${stable}`)) } });
}

/** What is missing of a Deployment that was given back. */
export function notGivenBack(world: World): string | undefined {
  const deployment = world.actor.get(deploymentRef);
  const [wished, ready] = [dig(deployment, ['spec', 'replicas']), dig(deployment, ['status', 'readyReplicas'])];
  const { replicas } = world.shop;
  return Number(wished) >= replicas && Number(ready) >= replicas
    ? undefined
    : `of the Deployment ${ready} of ${wished} serve`;
}
