import { isRecord } from '#lib/json.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { MERGE_PATCH } from './changes.ts';
import { dig, plant, type ScalePaths } from './kind.ts';
import { mergePatched } from './patches.ts';
import { read } from './reading.ts';
import { invalid, noSuchPath, unsupportedMedia } from './refused.ts';
import { type Reply, type Request, type Target, writeModeOf } from './request.ts';
import { store, type WriteDeps, writerOf } from './writing.ts';

/** The scale subresource: replicas of any kind that has them, in one shape. */
export function scale(deps: WriteDeps, target: Target, request: Request): Reply {
  const paths = target.kind.scale;
  if (paths === undefined) throw noSuchPath();
  const object = read(deps.store, target);
  if (request.method === 'GET') return { code: 200, body: scaleOf(object, paths) };
  const before = scaleOf(object, paths);
  const after = request.method === 'PUT' ? request.body : patched(before, request);
  const replicas = dig(after, ['spec', 'replicas']) ?? 0;
  // Custom resources are judged by their own schema, below.
  if (target.kind.schema === undefined && (typeof replicas !== 'number' || replicas < 0))
    throw invalid({ kind: 'Scale', group: 'autoscaling' }, object.metadata.name, [
      {
        field: 'spec.replicas',
        reason: 'FieldValueInvalid',
        text: `Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`,
      },
    ]);
  const mode = writeModeOf(request);
  const whole = { ...target, subresource: undefined };
  const scaled = plant(object, paths.specReplicas, replicas) as KubeObject;
  const version = dig(after, ['metadata', 'resourceVersion']);
  const metadata = { ...scaled.metadata, ...(typeof version === 'string' ? { resourceVersion: version } : {}) };
  const writer = writerOf(deps, target, mode, request);
  const candidate = { target: whole, object: { ...scaled, metadata }, old: object, mode, writer, signed: false };
  return { code: 200, body: scaleOf(store(deps, candidate), paths) };
}

function patched(before: object, { body, contentType = '' }: Request): unknown {
  if (contentType !== MERGE_PATCH) throw unsupportedMedia([MERGE_PATCH]);
  return mergePatched(before, body);
}

function scaleOf(object: KubeObject, { specReplicas, statusReplicas, selector }: ScalePaths): object {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = dig(object, specReplicas) ?? 0;
  const chosen = selectorText(dig(object, selector));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    // None at all is left out, as Go leaves out what is zero.
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: dig(object, statusReplicas) ?? 0, ...(chosen === '' ? {} : { selector: chosen }) },
  };
}

function selectorText(selector: unknown): string {
  if (typeof selector === 'string') return selector;
  const labels = isRecord(selector) ? selector['matchLabels'] : undefined;
  return isRecord(labels)
    ? Object.entries(labels)
        .map(([key, value]) => `${key}=${String(value)}`)
        .sort()
        .join(',')
    : '';
}
