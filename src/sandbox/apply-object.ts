import type { KubeObject } from '#ports/kube-api.ts';
import { kubeApiOf } from './memory-exchange.ts';
import type { Sandbox } from './sandbox.ts';

/** What `kubectl apply --server-side` does with one object; without a namespace it goes to `default`. */
export async function applyObject(sandbox: Sandbox, object: KubeObject): Promise<KubeObject> {
  const kind = sandbox.kinds.find(({ resource }) => resource.kind === object.kind);
  const { name, namespace } = object.metadata;
  if (kind === undefined) throw new Error(`${object.kind} ${name}: the sandbox has no such kind (docs/sandbox.md)`);
  const { resource } = kind;
  const scope = resource.namespaced ? { namespace: namespace ?? 'default' } : {};
  const placed = { ...object, metadata: { ...object.metadata, ...scope } };
  return kubeApiOf(sandbox).apply(resource, placed, { fieldManager: 'kubectl', force: true });
}
