import { assert } from '#lib/assert.ts';
import { hasCode, OperatorError } from '#lib/errors.ts';
import type {
  JsonPatchOperation,
  KubeApi,
  KubeObject,
  ListOptions,
  ObjectRef,
  Resource,
  WriteOptions,
} from '#ports/kube-api.ts';
import type { Call, Verb } from './exchange.ts';
import { pathOf } from './resources.ts';
import type { Transport } from './transport.ts';

/** A page of a list, and the most pages one list may have: half a million objects. */
export const PAGE_SIZE = 500;
const MAX_PAGES = 1000;

export interface ListPage {
  items: KubeObject[];
  resourceVersion: string;
  /** Set when there is more. */
  next: string | undefined;
}

/** The KubeApi port over the transport: raw JSON, strict field validation on every write. */
export function createKubeApi(transport: Transport): KubeApi {
  const write = async (call: Call) => (await transport.call(call)) as KubeObject;
  return {
    get: async (ref, { signal, urgent } = {}) =>
      (await transport.call({ ...callFor('get', ref), signal, urgent })) as KubeObject,
    list: (resource, namespace, options) => listAll(transport, resource, namespace, options),
    create: (resource, object, options) =>
      write({ ...writeFor('create', addressOf(resource, object), options), body: object }),
    replace: (resource, object, options) =>
      write({ ...writeFor('update', refOf(resource, object), options), body: object }),
    apply(resource, object, { force, ...options }) {
      const call = writeFor('apply', refOf(resource, object), options);
      const query = { ...call.query, ...(force === true ? { force: 'true' } : {}) };
      return write({ ...call, query, body: withoutManagedFields(object), contentType: 'application/apply-patch+yaml' });
    },
    jsonPatch(ref, patch, options) {
      const testsPatch = patch.some(({ op }: JsonPatchOperation) => op === 'test');
      const contentType = 'application/json-patch+json';
      return write({ ...writeFor('patch', ref, options), body: patch, contentType, testsPatch });
    },
    mergePatch: (ref, patch, options) =>
      write({ ...writeFor('patch', ref, options), body: patch, contentType: 'application/merge-patch+json' }),
    async delete(ref, { uid, resourceVersion, propagation, graceSeconds, signal } = {}) {
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion },
        propagationPolicy: propagation,
        gracePeriodSeconds: graceSeconds,
      };
      await transport.call({ ...callFor('delete', ref), body, signal });
    },
  };
}

/** One page; the lists of the API and of the reflector are made of these. Items get the kind that lists leave out. */
export async function listPage(
  transport: Transport,
  { resource, namespace }: { resource: Resource; namespace: string | undefined },
  { next, signal, ...selectors }: ListOptions & { next?: string | undefined },
): Promise<ListPage> {
  const call: Call = {
    ...callFor('list', { resource, ...(namespace === undefined ? {} : { namespace }) }),
    query: { ...selectors, limit: String(PAGE_SIZE), continue: next },
    signal,
  };
  const list = (await transport.call(call)) as Partial<KubeObject> & { items?: KubeObject[] | null };
  const { resourceVersion, continue: more } = (list.metadata ?? {}) as { resourceVersion?: string; continue?: string };
  if (resourceVersion === undefined)
    throw new OperatorError('KUBE_UNAVAILABLE', `${call.what}: the answer is not a list`);
  const items = (list.items ?? []).map((item) => ({
    ...item,
    apiVersion: item.apiVersion ?? list.apiVersion ?? resource.version,
    kind: item.kind ?? resource.kind,
  }));
  return { items, resourceVersion, next: more === '' ? undefined : more };
}

async function listAll(
  transport: Transport,
  resource: Resource,
  namespace: string | undefined,
  options: ListOptions = {},
): Promise<KubeObject[]> {
  let items: KubeObject[] = [];
  let next: string | undefined;
  let restarted = false;
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    try {
      const answer = await listPage(transport, { resource, namespace }, { ...options, next });
      for (const item of answer.items) items.push(item);
      next = answer.next;
    } catch (error) {
      // A continue token lives about five minutes. Half a list is worse than none: begin again, once.
      if (restarted || next === undefined || !hasCode(error, 'KUBE_EXPIRED')) throw error;
      [restarted, next, items] = [true, undefined, []];
      continue;
    }
    if (next === undefined) return items;
  }
  throw new OperatorError('KUBE_UNAVAILABLE', `list ${resource.plural}: more than ${MAX_PAGES} pages of ${PAGE_SIZE}`);
}

type Address = Omit<ObjectRef, 'name'> & { name?: string };

function callFor(verb: Verb, { resource, namespace, name }: Address, subresource?: string): Call {
  assert(name !== '', `${verb} ${resource.plural}: a name is needed`);
  const address = [namespace, name].filter(Boolean).join('/');
  const part = subresource === undefined ? '' : `/${subresource}`;
  return {
    verb,
    resource: resource.plural,
    what: `${verb} ${resource.plural}${part} ${address}`.trim(),
    path: pathOf(resource, { namespace, ...(name === undefined ? {} : { name }), subresource }),
  };
}

function writeFor(verb: Verb, address: Address, options: WriteOptions = {}): Call {
  const { fieldManager, subresource, dryRun, urgent, signal } = options;
  return {
    ...callFor(verb, address, subresource),
    query: { fieldManager, fieldValidation: 'Strict', ...(dryRun === true ? { dryRun: 'All' } : {}) },
    urgent,
    signal,
  };
}

function refOf(resource: Resource, { metadata }: KubeObject): ObjectRef {
  return { ...addressOf(resource, { metadata }), name: metadata.name };
}

function addressOf(resource: Resource, { metadata: { namespace } }: Pick<KubeObject, 'metadata'>): Address {
  return { resource, ...(namespace === undefined ? {} : { namespace }) };
}

function withoutManagedFields(object: KubeObject): KubeObject {
  // The API server refuses an apply that brings managedFields.
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
