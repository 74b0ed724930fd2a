import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeObject } from '#ports/kube-api.ts';

/** How many recent versions are remembered, for writes whose event outran their answer. */
const SEEN_LIMIT = 2048;

export interface WriteGuard {
  /** A write of ours was answered with `written` while the store held `cached`. */
  note(key: string, write: { cached: KubeObject | undefined; written: KubeObject }): void;
  /** A write of ours was refused because the object is not the one any more that the store holds: it should have told. */
  refused(key: string, cached: KubeObject): void;
  /** The store was told of `object`, or that it is `gone`. */
  saw(key: string, object: KubeObject, gone?: boolean): void;
  /** A whole list begins. */
  relisting(): void;
  /** The list that began last is in the store. */
  relisted(): void;
  /** False while the store has yet to show our own last write. */
  fresh(key: string): boolean;
}

interface PendingWrite {
  resourceVersion: string;
  at: Millis;
  /** The relist that was the latest to begin before the write. */
  relist: number;
  /** Somebody has been told that it does not show. */
  missed: boolean;
}

interface Refusal {
  /** What the store held. */
  cached: string;
  at: Millis;
}

export interface WriteGuardOptions {
  clock: Clock;
  /** A write that never shows counts as seen after this long [10 s]. */
  staleMs?: Millis | undefined;
  /**
   * A write has not shown for half of that, or one was refused for as long over a version that the store still holds:
   * the watch has lost something, or is dead without knowing. Told once a write.
   */
  onMissed?: (() => void) | undefined;
}

/**
 * Knows whether the store has caught up with our own writes. Versions are only ever compared for equality; watch
 * events come in order, so the one that carries our version, or a whole list begun after the write, is proof.
 */
export function createWriteGuard({ clock, staleMs = 10_000, onMissed }: WriteGuardOptions): WriteGuard {
  const pending = new Map<string, PendingWrite>();
  const refusals = new Map<string, Refusal>();
  // Versions by arrival: an event may outrun the answer to the write that caused it.
  const seen = new Set<string>();
  let relist = 0;
  const mark = (key: string, { metadata }: KubeObject) => `${key} ${metadata.uid} ${metadata.resourceVersion}`;
  return {
    note(key, { cached, written }) {
      const { resourceVersion } = written.metadata;
      if (resourceVersion === undefined || seen.has(mark(key, written))) return;
      if (cached !== undefined && mark(key, cached) === mark(key, written)) return;
      // Who writes again what does not show has been waiting since the first of them.
      const { at = clock.monotonic(), missed = false } = pending.get(key) ?? {};
      pending.set(key, { resourceVersion, at, relist, missed });
    },
    // A conflict is everyday, and its event is on its way. It is not, when a later write meets the same one.
    refused(key, cached) {
      const refusal = refusals.get(key);
      const now = clock.monotonic();
      if (refusal?.cached !== mark(key, cached)) refusals.set(key, { cached: mark(key, cached), at: now });
      else if (now - refusal.at >= staleMs / 2) {
        refusals.delete(key);
        onMissed?.();
      }
    },
    saw(key, object, gone = false) {
      refusals.delete(key);
      seen.add(mark(key, object));
      if (seen.size > SEEN_LIMIT) seen.delete(seen.values().next().value ?? '');
      if (gone || pending.get(key)?.resourceVersion === object.metadata.resourceVersion) pending.delete(key);
    },
    relisting() {
      relist += 1;
    },
    relisted() {
      refusals.clear();
      for (const [key, write] of pending) if (write.relist < relist) pending.delete(key);
    },
    fresh(key) {
      const write = pending.get(key);
      if (write === undefined) return true;
      const age = clock.monotonic() - write.at;
      if (age >= staleMs / 2 && !write.missed) {
        write.missed = true;
        onMissed?.();
      }
      if (age < staleMs) return false;
      pending.delete(key);
      return true;
    },
  };
}
