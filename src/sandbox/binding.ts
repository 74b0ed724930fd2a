import { POD } from '#kube/resources.ts';
import { MERGE_PATCH, patch } from './changes.ts';
import { dig, kindId } from './kind.ts';
import { badRequest, conflict, notFound } from './refused.ts';
import type { Reply, Request, Target } from './request.ts';
import { timestamp, type WriteDeps } from './writing.ts';

/** `POST …/bindings`, the scheduler's call: which node runs a pod. It can be said once. */

const PATH = /^\/api\/v1\/namespaces\/([^/]+)\/bindings$/;

/** The answer to a binding, or undefined where the request is none. Throws `Refused`. */
export function bind(deps: WriteDeps, pods: Target['kind'] | undefined, request: Request): Reply | undefined {
  const namespace = PATH.exec(request.path)?.[1];
  if (namespace === undefined || request.method !== 'POST' || pods === undefined) return undefined;
  const name = String(dig(request.body, ['metadata', 'name']) ?? '');
  const node = dig(request.body, ['target', 'name']);
  if (typeof node !== 'string' || node === '') throw badRequest('target.name: Required value');
  const pod = deps.store.get(kindId(POD), `${namespace}/${name}`);
  if (pod === undefined) throw notFound(POD, name);
  const assigned = dig(pod, ['spec', 'nodeName']);
  if (assigned !== undefined) throw conflict(BINDING, name, `pod ${name} is already assigned to node "${assigned}"`);
  const change = (subresource: string | undefined, body: object) =>
    patch(
      deps,
      { kind: pods, namespace, name, subresource },
      { ...request, method: 'PATCH', contentType: MERGE_PATCH, body },
    );
  change(undefined, { spec: { nodeName: node } });
  const since = timestamp(deps.clock.now());
  change('status', { status: { conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: since }] } });
  return { code: 201, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
}

const BINDING = { ...POD, plural: 'pods/binding' };
