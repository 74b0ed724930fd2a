import { record } from '#core/raw.ts';
import {
  CUSTOM_RESOURCE_DEFINITION,
  METRIC_SOURCE,
  PROBE_SUITE,
  RELEASE,
  ROLLOUT,
  ROLLOUT_ACTION,
  SERVICE_LEVEL_OBJECTIVE,
  VALIDATING_ADMISSION_POLICY,
  VALIDATING_ADMISSION_POLICY_BINDING,
} from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import type { KubeApi, KubeObject, ObjectRef, Resource } from '#ports/kube-api.ts';
import { deploymentNameOf } from '#schema/workload-ref.ts';

/** What `uninstall` would do: looked at first, shown, and only then done. */
export interface Plan {
  rollouts: Leaving[];
  /** In the order in which they go. */
  removals: Removal[];
}

/** One Rollout on its way out. */
export interface Leaving {
  rollout: KubeObject;
  /** Gets its pods and its users back. */
  deployment?: string;
  /** What becomes of the pods that the Rollout runs. */
  pods: 'GivenBack' | 'Stay' | 'Deleted';
}

export interface Removal {
  ref: ObjectRef;
  /** Objects that go with a kind. */
  objects?: number;
}

/** Actions first: until they are gone the admission policy protects them. */
const OWN_KINDS: readonly Resource[] = [
  ROLLOUT_ACTION,
  RELEASE,
  ROLLOUT,
  SERVICE_LEVEL_OBJECTIVE,
  PROBE_SUITE,
  METRIC_SOURCE,
];

const POLICY_NAME = 'rolloutactions.headgate.dev';

/** Without its CRD there is none of a kind. */
export async function listAll(api: KubeApi, resource: Resource): Promise<KubeObject[]> {
  return await api.list(resource, undefined).catch((error: unknown) => {
    if (hasCode(error, 'KUBE_NOT_FOUND')) return [];
    throw error;
  });
}

export async function isThere(api: KubeApi, ref: ObjectRef): Promise<boolean> {
  return await api.get(ref).then(
    () => true,
    (error: unknown) => {
      if (hasCode(error, 'KUBE_NOT_FOUND')) return false;
      throw error;
    },
  );
}

export async function planUninstall(api: KubeApi, podsToo: boolean): Promise<Plan> {
  const rollouts = await listAll(api, ROLLOUT);
  const kinds = await Promise.all(
    OWN_KINDS.map(async (resource): Promise<Removal> => {
      const name = `${resource.plural}.${resource.group}`;
      const objects = resource === ROLLOUT ? rollouts : await listAll(api, resource);
      return { ref: { resource: CUSTOM_RESOURCE_DEFINITION, name }, objects: objects.length };
    }),
  );
  // The binding first: a policy without one refuses nobody, a binding without its policy is an error.
  const admission = [VALIDATING_ADMISSION_POLICY_BINDING, VALIDATING_ADMISSION_POLICY].map(
    (resource): Removal => ({ ref: { resource, name: POLICY_NAME } }),
  );
  const removals = [...kinds, ...admission];
  const there = await Promise.all(removals.map(({ ref }) => isThere(api, ref)));
  return {
    rollouts: rollouts.map((rollout) => leavingOf(rollout, podsToo)).sort((a, b) => (titleOf(a) < titleOf(b) ? -1 : 1)),
    removals: removals.filter((_, index) => there[index]),
  };
}

function leavingOf(rollout: KubeObject, podsToo: boolean): Leaving {
  const { deployment: recorded } = record(rollout, 'status', 'state', 'adopted');
  const deployment = deploymentNameOf(rollout) ?? (typeof recorded === 'string' ? recorded : undefined);
  if (deployment !== undefined) return { rollout, deployment, pods: 'GivenBack' };
  return { rollout, pods: podsToo ? 'Deleted' : 'Stay' };
}

export function titleOf({ rollout: { metadata } }: Pick<Leaving, 'rollout'>): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

export function removalTitle({ ref: { resource, name } }: Removal): string {
  return `${resource.kind} ${name}`;
}

/** The plan for people. */
export function drawPlan({ rollouts, removals }: Plan): string {
  const leaving = rollouts.map((one) => `  ${titleOf(one)}: ${fateOf(one)}\n`);
  const going = removals.map((one) => `  ${removalTitle(one)}${objectsOf(one)}\n`);
  return [
    rollouts.length === 0 ? 'There is no Rollout.\n' : 'Rollouts that are deleted, and give the traffic back first:\n',
    ...leaving,
    going.length === 0 ? 'There is no kind of Headgate, and no admission policy.\n' : 'Then these are removed:\n',
    ...going,
  ].join('');
}

function fateOf({ deployment, pods }: Leaving): string {
  if (deployment !== undefined) return `Deployment ${deployment} gets its pods and its users back`;
  return pods === 'Deleted'
    ? 'its pods are deleted with it'
    : 'its stable pods stay, in a ReplicaSet that nobody owns (--delete-pods deletes them)';
}

function objectsOf({ objects = 0 }: Removal): string {
  if (objects === 0) return '';
  return objects === 1 ? ', and the 1 object of it' : `, and the ${objects} objects of it`;
}
