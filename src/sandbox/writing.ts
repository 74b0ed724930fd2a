import { isRecord, sameJson } from '#lib/json.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';
import { admit } from './admission.ts';
import { apiVersionOf, dig, type Filling, kindId, type SandboxKind } from './kind.ts';
import { afterUpdate, managerOf, type Writer } from './managed-fields.ts';
import { checkMetadata } from './metadata.ts';
import { badRequest, conflict, invalid } from './refused.ts';
import type { Request, Target, WriteMode } from './request.ts';
import { keyOf, type Store } from './store.ts';
import { fillDefaults, prune } from './structural.ts';

/** What every write goes through, whatever its form: decoded, completed, checked, signed, stored. */

export interface WriteDeps {
  store: Store;
  clock: Clock;
  random: Random;
  filling: Filling;
  /** Who may be the `by` of an action. */
  people: readonly string[];
}

export interface Candidate {
  target: Target;
  /** The whole object as it shall be. */
  object: KubeObject;
  /** As it is; undefined: it is created. */
  old: KubeObject | undefined;
  mode: WriteMode;
  writer: Writer;
  /** managedFields are right already: an apply has computed them. */
  signed: boolean;
}

export function writerOf(
  { clock }: Pick<WriteDeps, 'clock'>,
  { kind, subresource }: Target,
  { manager }: WriteMode,
  { userAgent }: Request,
): Writer {
  return {
    manager: managerOf(manager, userAgent),
    subresource,
    apiVersion: apiVersionOf(kind.resource),
    time: timestamp(clock.now()),
  };
}

/** RFC 3339, whole seconds. */
export function timestamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** A version-4 UUID from the given randomness. */
export function uuid(random: Random): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16));
  digits[12] = '4';
  digits[16] = '89ab'[Math.floor(random() * 4)] ?? '8';
  return digits.join('').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Stores a candidate and answers what is there then. Throws `Refused`. */
export function store(deps: WriteDeps, candidate: Candidate): KubeObject {
  const { target, old, mode, writer, signed } = candidate;
  const { kind } = target;
  if (old !== undefined) checkPreconditions(candidate.object, old, kind);
  const decoded = decode(candidate);
  const kept = keepOthers(decoded, old, target);
  const filled = kind.schema === undefined ? kept : (fillDefaults(kept, kind.schema) as KubeObject);
  const completed = kind.complete?.(filled, old, deps.filling) ?? filled;
  const counted = withGeneration(completed, old, kind);
  const errors = [...checkMetadata(counted, old), ...(kind.check?.(counted, old) ?? [])];
  if (errors.length > 0) throw invalid(kind.resource, counted.metadata.name, errors);
  if (old === undefined) admit(kind, counted, deps.people);
  const object = signed ? counted : afterUpdate({ before: old, after: counted }, writer, kind.owned);
  if (old !== undefined && unchanged(object, old)) return old;
  if (mode.dryRun) return object;
  const id = kindId(kind.resource);
  if (old === undefined || !isFinished(object)) return deps.store.put(id, object);
  // The last finalizer is gone: the write becomes the deletion, and its answer is the object as it was wished.
  deps.store.remove(id, keyOf(object));
  return object;
}

function checkPreconditions({ metadata }: KubeObject, old: KubeObject, { resource, unconditional }: SandboxKind): void {
  const { uid, resourceVersion = '' } = metadata;
  if (uid !== undefined && uid !== old.metadata.uid) {
    const because = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`;
    throw conflict(resource, old.metadata.name, because);
  }
  if (resourceVersion === '' || resourceVersion === '0') {
    if (unconditional) return;
    const text = 'Invalid value: 0: must be specified for an update';
    // This one refusal names the plural where all others name the kind.
    throw invalid({ kind: resource.plural, group: resource.group }, old.metadata.name, [
      { field: 'metadata.resourceVersion', reason: 'FieldValueInvalid', text },
    ]);
  }
  if (resourceVersion !== old.metadata.resourceVersion) throw conflict(resource, old.metadata.name);
}

/** Drops what the kind does not know, or refuses it where the writer wants that. */
function decode({ target: { kind }, object, mode: { strict } }: Candidate): KubeObject {
  const { resource, schema, members } = kind;
  const unknown: string[] = [];
  const { apiVersion, metadata, ...rest } = object;
  const known =
    schema === undefined ? pick(rest, members, unknown) : prune({ ...rest, metadata }, openMetadata(schema), unknown);
  if (strict && unknown.length > 0) {
    const said = unknown.map((path) => `unknown field "${path}"`).join(', ');
    const what = `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}`;
    throw badRequest(`${what}: strict decoding error: ${said}`);
  }
  return { ...(known as object), apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: lean(metadata) };
}

/** Empty lists and maps of metadata are as good as none. */
function lean(metadata: KubeObject['metadata']): KubeObject['metadata'] {
  const empty = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  const entries = Object.entries(metadata).filter(([, value]) => !empty(value));
  return Object.fromEntries(entries) as unknown as KubeObject['metadata'];
}

function openMetadata(schema: NonNullable<SandboxKind['schema']>) {
  const properties = { ...schema.properties, metadata: { 'x-kubernetes-preserve-unknown-fields': true as const } };
  return { ...schema, properties };
}

function pick(object: Record<string, unknown>, members: readonly string[] | undefined, unknown: string[]): object {
  if (members === undefined) return object;
  return Object.fromEntries(
    Object.entries(object).filter(([key]) => {
      const known = key === 'kind' || members.includes(key);
      if (!known) unknown.push(key);
      return known;
    }),
  );
}

/** What this path does not write stays as it is: status, or everything but status. */
function keepOthers(object: KubeObject, old: KubeObject | undefined, { kind, subresource }: Target): KubeObject {
  if (old === undefined) {
    const { status: _, ...rest } = object;
    return kind.hasStatus ? (rest as KubeObject) : object;
  }
  if (subresource === 'status') {
    const managed = object.metadata.managedFields;
    const metadata = { ...old.metadata, ...(managed === undefined ? {} : { managedFields: managed }) };
    return withMember({ ...old, metadata }, 'status', object['status']);
  }
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, resourceVersion } =
    old.metadata;
  const fixed = { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, resourceVersion };
  const metadata = withoutUndefined({ ...object.metadata, ...fixed }) as unknown as KubeObject['metadata'];
  return kind.hasStatus ? withMember({ ...object, metadata }, 'status', old['status']) : { ...object, metadata };
}

function withMember(object: KubeObject, key: string, value: unknown): KubeObject {
  const { [key]: _, ...rest } = object;
  return (value === undefined ? rest : { ...rest, [key]: value }) as KubeObject;
}

function withoutUndefined(record: object): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

function withGeneration(object: KubeObject, old: KubeObject | undefined, kind: SandboxKind): KubeObject {
  if (!kind.countsGenerations) return object;
  const before = old?.metadata.generation ?? 0;
  const counts = old === undefined || !sameJson(counted(object, kind), counted(old, kind));
  return { ...object, metadata: { ...object.metadata, generation: counts ? before + 1 : before } };
}

/** What a generation is about. */
function counted(object: KubeObject, { hasStatus }: SandboxKind): object {
  const { metadata: _, status, ...rest } = object;
  return hasStatus ? rest : { ...rest, status };
}

function unchanged(object: KubeObject, old: KubeObject): boolean {
  return sameJson(timeless(object), timeless(old));
}

function timeless(object: KubeObject): KubeObject {
  const managedFields = (object.metadata.managedFields ?? []).map((entry) =>
    isRecord(entry) ? { ...entry, time: '' } : entry,
  );
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

/** Deleted, and nobody has anything left to do about it. */
export function isFinished(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  // Namespaces alone have finalizers in their spec too: they stay until they are empty.
  const contents = object.kind === 'Namespace' ? ((dig(object, ['spec', 'finalizers']) ?? []) as unknown[]) : [];
  const waits = finalizers.length > 0 || contents.length > 0;
  return deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && !waits;
}
