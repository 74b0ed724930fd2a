import type { KubeObject, OwnerReference, Resource } from '#ports/kube-api.ts';
import { type Actor, createActor, refOf, runController } from './actor.ts';
import { kindId } from './kind.ts';
import type { Sandbox } from './sandbox.ts';

/** Deletes what is owned by what is gone, keeps orphans, and lets foreground deletions wait for what they own. */

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';

interface Held {
  resource: Resource;
  object: KubeObject;
}

export function runGarbageCollector(sandbox: Sandbox, { delayMs = 100 }: { delayMs?: number } = {}): () => void {
  const actor = createActor(sandbox, 'kube-controller-manager');
  return runController({
    sandbox,
    delayMs,
    concerns: ({ type, object }) =>
      type === 'DELETED' ||
      object.metadata.deletionTimestamp !== undefined ||
      (object.metadata.ownerReferences ?? []).length > 0,
    sweep: () => sweep(sandbox, actor),
  });
}

function sweep({ kinds, store }: Sandbox, actor: Actor): undefined {
  const all = kinds.flatMap(({ resource }) =>
    store.list(kindId(resource)).map((object): Held => ({ resource, object })),
  );
  const byUid = new Map(all.map((held) => [held.object.metadata.uid ?? '', held]));
  const owned = new Map<string, Held[]>();
  for (const held of all)
    for (const { uid } of held.object.metadata.ownerReferences ?? []) owned.set(uid, [...(owned.get(uid) ?? []), held]);
  for (const held of all) {
    const { finalizers = [], deletionTimestamp, uid = '' } = held.object.metadata;
    if (deletionTimestamp === undefined) continue;
    if (finalizers.includes(ORPHAN)) release(actor, held, owned.get(uid) ?? []);
    else if (finalizers.includes(FOREGROUND)) waitFor(actor, held, owned.get(uid) ?? []);
  }
  for (const held of all) collect(actor, held, byUid);
}

function release(actor: Actor, owner: Held, dependents: readonly Held[]): void {
  for (const { resource, object } of dependents) {
    const left = ownersOf(object).filter(({ uid }) => uid !== owner.object.metadata.uid);
    actor.merge(refOf(resource, object), { metadata: { ownerReferences: left.length === 0 ? null : left } });
  }
  dropFinalizer(actor, owner, ORPHAN);
}

function waitFor(actor: Actor, owner: Held, dependents: readonly Held[]): void {
  const { uid } = owner.object.metadata;
  for (const { resource, object } of dependents)
    if (object.metadata.deletionTimestamp === undefined)
      actor.remove(refOf(resource, object), { propagationPolicy: 'Foreground' });
  const blocking = dependents.filter(
    ({ resource, object }) =>
      actor.get(refOf(resource, object)) !== undefined &&
      ownersOf(object).some((reference) => reference.uid === uid && reference.blockOwnerDeletion === true),
  );
  if (blocking.length === 0) dropFinalizer(actor, owner, FOREGROUND);
}

function dropFinalizer(actor: Actor, { resource, object }: Held, finalizer: string): void {
  const left = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  actor.merge(refOf(resource, object), { metadata: { finalizers: left.length === 0 ? null : left } });
}

/** An object without a living owner goes; of several owners the dead ones are taken off. */
function collect(actor: Actor, { resource, object }: Held, byUid: ReadonlyMap<string, Held>): void {
  const owners = ownersOf(object);
  if (owners.length === 0 || object.metadata.deletionTimestamp !== undefined) return;
  const living = owners.filter(({ uid }) => byUid.has(uid));
  if (living.length === owners.length) return;
  if (living.length > 0) actor.merge(refOf(resource, object), { metadata: { ownerReferences: living } });
  else
    actor.remove(refOf(resource, object), {
      propagationPolicy: 'Background',
      preconditions: { uid: object.metadata.uid },
    });
}

function ownersOf({ metadata }: KubeObject): OwnerReference[] {
  return metadata.ownerReferences ?? [];
}
