import { OperatorError } from '#lib/errors.ts';
import type { KubeApi, KubeObject, Resource } from '#ports/kube-api.ts';

/**
 * Owned by this Rollout. A deletion with `--cascade=orphan` takes the owner off before the finalizer has run: what is
 * left without any owner is ours until then, or the canary would never be drained.
 */
export function isOurs({ metadata }: KubeObject, rollout: KubeObject): boolean {
  const owners = metadata.ownerReferences ?? [];
  const orphaned = owners.length === 0 && rollout.metadata.deletionTimestamp !== undefined;
  return orphaned || owners.some(({ uid }) => uid === rollout.metadata.uid);
}

/** Those that live, by name. */
export function ours(objects: KubeObject[], rollout: KubeObject): KubeObject[] {
  return objects
    .filter((object) => object.metadata.deletionTimestamp === undefined && isOurs(object, rollout))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** After a create found the name taken: by an earlier pass of ours whose answer was lost, or by a stranger's object. */
export async function mustBeOurs(
  api: KubeApi,
  rollout: KubeObject,
  { resource, object }: { resource: Resource; object: KubeObject },
): Promise<void> {
  const { name, namespace = '' } = object.metadata;
  const found = await api.get({ resource, namespace, name });
  if (!isOurs(found, rollout))
    throw new OperatorError(
      'KUBE_INVALID',
      `${resource.kind} ${name} exists and belongs to somebody else: delete it, or rename the Rollout`,
    );
}
