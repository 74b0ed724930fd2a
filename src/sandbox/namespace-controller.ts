import { NAMESPACE } from '#kube/resources.ts';
import { createActor, refOf, runController } from './actor.ts';
import { kindId } from './kind.ts';
import type { Sandbox } from './sandbox.ts';

/** Empties namespaces that are being deleted, and lets them go when nothing is left in them. */
export function runNamespaceController(sandbox: Sandbox, { delayMs = 100 }: { delayMs?: number } = {}): () => void {
  const actor = createActor(sandbox, 'kube-controller-manager');
  const contents = sandbox.kinds.filter(({ resource }) => resource.namespaced);
  const sweep = () => {
    for (const namespace of actor.list(NAMESPACE)) {
      const { name, deletionTimestamp } = namespace.metadata;
      if (deletionTimestamp === undefined) continue;
      const left = contents.flatMap(({ resource }) =>
        actor.list(resource, name).map((object) => ({ resource, object })),
      );
      for (const { resource, object } of left)
        if (object.metadata.deletionTimestamp === undefined) actor.remove(refOf(resource, object), {});
      const empty = contents.every(({ resource }) => actor.list(resource, name).length === 0);
      if (empty) sandbox.store.remove(kindId(NAMESPACE), name);
    }
    return undefined;
  };
  return runController({
    sandbox,
    delayMs,
    concerns: ({ type, object }) => type === 'DELETED' || object.metadata.deletionTimestamp !== undefined,
    sweep,
  });
}
