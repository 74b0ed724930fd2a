import { OperatorError } from '#lib/errors.ts';
import type { KubeApi, KubeObject, Resource } from '#ports/kube-api.ts';

/** After a create found the name taken: by an earlier pass of ours whose answer was lost, or by a stranger's object. */
export async function mustBeOurs(
  api: KubeApi,
  rollout: KubeObject,
  { resource, object }: { resource: Resource; object: KubeObject },
): Promise<void> {
  const { name, namespace = '' } = object.metadata;
  const found = await api.get({ resource, namespace, name });
  const ours = found.metadata.ownerReferences?.some(({ uid }) => uid === rollout.metadata.uid) === true;
  if (!ours)
    throw new OperatorError(
      'KUBE_INVALID',
      `${resource.kind} ${name} exists and belongs to somebody else: delete it, or rename the Rollout`,
    );
}
