import { isRecord } from '#lib/json.ts';
import type { JsonPatchOperation, KubeObject } from '#ports/kube-api.ts';
import { apiVersionOf, kindId, type SandboxKind } from './kind.ts';
import { afterApply } from './managed-fields.ts';
import { applyPatch, mergePatched } from './patches.ts';
import { read, scope } from './reading.ts';
import {
  badRequest,
  conflict,
  exists,
  forbidden,
  invalid,
  notFound,
  patchFailed,
  Refused,
  type StatusBody,
  unsupportedMedia,
} from './refused.ts';
import { APPLY_PATCH, type Reply, type Request, type Target, writeModeOf } from './request.ts';
import { keyOf } from './store.ts';
import { isFinished, store, timestamp, uuid, type WriteDeps, writerOf } from './writing.ts';

/** POST, PUT, PATCH and DELETE of one object: what each of them makes of a request before it is stored. */

export const JSON_PATCH = 'application/json-patch+json';
export const MERGE_PATCH = 'application/merge-patch+json';

export function create(deps: WriteDeps, target: Target, request: Request): Reply {
  const mode = writeModeOf(request);
  const given = objectOf(request.body, target);
  const named = withName(given, deps);
  checkNamespace(deps, target, named.metadata.name);
  const id = kindId(target.kind.resource);
  const object = born(named, target, deps);
  const taken = deps.store.get(id, keyOf(object)) !== undefined;
  const candidate = { target, object, old: undefined, mode, writer: writerOf(deps, target, mode, request) };
  // What is wrong with an object is said before its name is found to be taken.
  if (taken) store(deps, { ...candidate, mode: { ...mode, dryRun: true }, signed: false });
  if (taken) throw exists(target.kind.resource, object.metadata.name);
  return { code: 201, body: store(deps, { ...candidate, signed: false }) };
}

function objectOf(body: unknown, { kind, namespace, name }: Target): KubeObject {
  if (!isRecord(body)) throw badRequest('the request has no object in its body');
  const { resource } = kind;
  const apiVersion = apiVersionOf(resource);
  const metadata = isRecord(body['metadata']) ? body['metadata'] : {};
  if (body['apiVersion'] !== undefined && body['apiVersion'] !== apiVersion)
    throw badRequest(
      `the API version in the data (${String(body['apiVersion'])}) does not match the expected API version (${apiVersion})`,
    );
  const within = metadata['namespace'];
  if (within !== undefined && within !== '' && within !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  const own = metadata['name'];
  if (name !== undefined && own !== undefined && own !== name)
    throw badRequest(`the name of the object (${String(own)}) does not match the name on the URL (${name})`);
  const address = { ...(name === undefined ? {} : { name }), ...scope(namespace) };
  return { ...body, apiVersion, kind: resource.kind, metadata: { ...metadata, ...address } } as KubeObject;
}

const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

function withName(object: KubeObject, { random }: WriteDeps): KubeObject {
  const { name = '', generateName = '' } = object.metadata as { name?: string; generateName?: string };
  if (name !== '') return object;
  if (generateName === '') {
    const text = 'Required value: name or generateName is required';
    const error = { field: 'metadata.name', reason: 'FieldValueRequired' as const, text };
    throw invalid({ kind: object.kind, group: groupOf(object) }, '', [error]);
  }
  const tail = Array.from({ length: 5 }, () => LETTERS[Math.floor(random() * LETTERS.length)]).join('');
  return { ...object, metadata: { ...object.metadata, name: generateName + tail } };
}

function groupOf({ apiVersion }: KubeObject): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}

function checkNamespace(deps: WriteDeps, { kind: { resource }, namespace }: Target, name: string): void {
  if (!resource.namespaced) return;
  const found = deps.store.get('namespaces.', namespace ?? '');
  if (found === undefined) throw notFound({ ...resource, group: '', plural: 'namespaces' }, namespace ?? '');
  if (found.metadata.deletionTimestamp === undefined) return;
  const because = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const refusal = forbidden(resource, name, because);
  throw new Refused({ ...refusal.body, details: { ...refusal.body.details, causes: [terminating(namespace)] } });
}

function terminating(namespace = ''): { reason: string; message: string; field: string } {
  const message = `namespace ${namespace} is being terminated`;
  return { reason: 'NamespaceTerminating', message, field: 'metadata.namespace' };
}

/** What the system gives an object at its birth. */
function born(object: KubeObject, { kind }: Target, { clock, random }: WriteDeps): KubeObject {
  const { resourceVersion: _, deletionTimestamp: __, managedFields: ___, ...metadata } = object.metadata;
  const given = { uid: uuid(random), creationTimestamp: timestamp(clock.now()) };
  return { ...object, apiVersion: apiVersionOf(kind.resource), metadata: { ...metadata, ...given } };
}

export function update(deps: WriteDeps, target: Target, request: Request): Reply {
  const mode = writeModeOf(request);
  const object = objectOf(request.body, target);
  const old = read(deps.store, target);
  const writer = writerOf(deps, target, mode, request);
  return { code: 200, body: store(deps, { target, object, old, mode, writer, signed: false }) };
}

export function patch(deps: WriteDeps, target: Target, request: Request): Reply {
  const mode = writeModeOf(request);
  const old = read(deps.store, target);
  const object = renamed(patched(old, request), old, target);
  if (object.metadata.uid !== old.metadata.uid) throw immutableUid(target, object);
  const writer = writerOf(deps, target, mode, request);
  const candidate = { target, object, old, mode, writer, signed: false };
  return { code: 200, body: asPatch(old, () => store(deps, candidate)) };
}

function patched(old: KubeObject, { body, contentType = '' }: Request): KubeObject {
  if (contentType === MERGE_PATCH) {
    if (!isRecord(body)) throw badRequest('the merge patch is not an object');
    return mergePatched(old, body) as KubeObject;
  }
  if (contentType !== JSON_PATCH) throw unsupportedMedia([JSON_PATCH, MERGE_PATCH, APPLY_PATCH]);
  if (!Array.isArray(body)) throw badRequest('the JSON patch is not a list of operations');
  try {
    return applyPatch(old, body as JsonPatchOperation[]);
  } catch {
    throw patchFailed();
  }
}

/** Where a replacement would be a conflict, a patch is invalid. */
function immutableUid({ kind: { resource } }: Target, { metadata: { name, uid } }: KubeObject): Refused {
  const text = `Invalid value: "${uid}": field is immutable`;
  return invalid(resource, name, [{ field: 'metadata.uid', reason: 'FieldValueInvalid', text }]);
}

/** A patch may not make another object of it. */
function renamed(object: KubeObject, old: KubeObject, { name }: Target): KubeObject {
  if (object.metadata.name !== name)
    throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
  return { ...object, apiVersion: old.apiVersion, kind: old.kind };
}

/** An unknown field is a bad request elsewhere; in the result of a patch the server calls it invalid. */
function asPatch<T>(old: KubeObject, effect: () => T): T {
  try {
    return effect();
  } catch (error) {
    if (!(error instanceof Refused) || error.body.code !== 400) throw error;
    const said = /strict decoding error: .*$/.exec(error.body.message ?? '')?.[0];
    if (said === undefined) throw error;
    const text = `Invalid value: ${JSON.stringify(JSON.stringify(old))}: ${said}`;
    throw invalid({ kind: '', group: '' }, '', [{ field: 'patch', reason: 'FieldValueInvalid', text }]);
  }
}

export function apply(deps: WriteDeps, target: Target, request: Request): Reply {
  const mode = writeModeOf(request);
  const { kind } = target;
  if (mode.manager === null || mode.manager === '') throw noManager();
  const config = objectOf(request.body, target);
  if (config.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  const live = deps.store.get(kindId(kind.resource), keyOf(config));
  if (live === undefined) checkNamespace(deps, target, config.metadata.name);
  const writer = writerOf(deps, target, mode, request);
  const merged = afterApply({ live, config, force: mode.force }, writer, kind.owned);
  checkApplied(config, live, target);
  const object = live === undefined ? withManaged(born(merged, target, deps), merged) : merged;
  const body = store(deps, { target, object, old: live, mode, writer, signed: true });
  return { code: live === undefined ? 201 : 200, body };
}

function withManaged(object: KubeObject, { metadata: { managedFields } }: KubeObject): KubeObject {
  return managedFields === undefined ? object : { ...object, metadata: { ...object.metadata, managedFields } };
}

function checkApplied({ metadata }: KubeObject, live: KubeObject | undefined, { kind, name = '' }: Target): void {
  const version = metadata.resourceVersion;
  if (live === undefined && version !== undefined) throw notFound(kind.resource, name);
  if (live !== undefined && version !== undefined && version !== live.metadata.resourceVersion)
    throw conflict(kind.resource, name);
}

function noManager(): Refused {
  const text = 'Required value: is required for apply patch';
  return invalid({ kind: 'PatchOptions', group: 'meta.k8s.io' }, '', [
    { field: 'fieldManager', reason: 'FieldValueRequired', text },
  ]);
}

interface DeleteWish {
  preconditions?: { uid?: string; resourceVersion?: string };
  propagationPolicy?: string;
  gracePeriodSeconds?: number;
}

const FINALIZER_OF: Record<string, string> = { Foreground: 'foregroundDeletion', Orphan: 'orphan' };

export function remove(deps: WriteDeps, target: Target, request: Request): Reply {
  const mode = writeModeOf(request);
  const wish = wishOf(request);
  const object = read(deps.store, target);
  const { kind } = target;
  checkWish(wish, object, kind);
  const doomed = condemned(object, wish, kind, deps);
  if (mode.dryRun) return { code: 200, body: doomed };
  const id = kindId(kind.resource);
  if (!isFinished(doomed)) return { code: 200, body: doomed === object ? object : deps.store.put(id, doomed) };
  deps.store.remove(id, keyOf(object));
  return { code: 200, body: gone(object, kind) };
}

function wishOf({ body, query }: Request): DeleteWish {
  const wish = isRecord(body) ? (body as DeleteWish) : {};
  const grace = query.get('gracePeriodSeconds');
  const propagation = query.get('propagationPolicy');
  return {
    ...wish,
    ...(grace === null ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(propagation === null ? {} : { propagationPolicy: propagation }),
  };
}

function checkWish({ preconditions = {} }: DeleteWish, { metadata }: KubeObject, kind: SandboxKind): void {
  // Preconditions of deletions name the kind where other conflicts name the plural.
  const resource = { ...kind.resource, plural: kind.resource.kind };
  const { uid, resourceVersion } = preconditions;
  const recreated = 'The object might have been deleted and then recreated';
  if (uid !== undefined && uid !== metadata.uid)
    throw conflict(
      resource,
      metadata.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). ${recreated}`,
    );
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw conflict(
      resource,
      metadata.name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
}

/** The object on its way out; finished when nothing keeps it. */
function condemned(object: KubeObject, wish: DeleteWish, kind: SandboxKind, { clock }: WriteDeps): KubeObject {
  const { metadata } = object;
  const grace = wish.gracePeriodSeconds ?? metadata.deletionGracePeriodSeconds ?? kind.graceSeconds?.(object) ?? 0;
  const finalizer = FINALIZER_OF[wish.propagationPolicy ?? ''];
  const finalizers = metadata.finalizers ?? [];
  const known = finalizer === undefined || finalizers.includes(finalizer);
  if (metadata.deletionTimestamp !== undefined) {
    const shorter = grace < (metadata.deletionGracePeriodSeconds ?? 0);
    return shorter ? { ...object, metadata: { ...metadata, deletionGracePeriodSeconds: grace } } : object;
  }
  const all = [...finalizers, ...(known ? [] : [finalizer])];
  const generation = metadata.generation === undefined ? {} : { generation: metadata.generation + 1 };
  const times = { deletionTimestamp: timestamp(clock.now() + grace * 1000), deletionGracePeriodSeconds: grace };
  const ended = { ...metadata, ...times, ...generation, ...(all.length === 0 ? {} : { finalizers: all }) };
  const terminating = object.kind === 'Namespace' ? { status: { phase: 'Terminating' } } : {};
  return { ...object, metadata: ended, ...terminating };
}

function gone({ metadata: { name, uid } }: KubeObject, { resource: { group, plural } }: SandboxKind): StatusBody {
  const details = { name, ...(group === '' ? {} : { group }), kind: plural, ...(uid === undefined ? {} : { uid }) };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details, code: 200 };
}
