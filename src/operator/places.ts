import type { State } from '#core/model.ts';
import { instant, present, record, text } from '#core/raw.ts';
import type { Mover, PlacesSight } from '#core/seen.ts';
import type { Millis } from '#lib/units.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { Store } from '#runtime/cache.ts';
import { carriesTraffic, goesBack, PREPARES_MS } from './carrying.ts';
import { MOVING_RELEASES } from './stores.ts';

/** How many releases may move at once; undefined: any number. */
export interface Limits {
  cluster?: number | undefined;
  perNamespace?: number | undefined;
}

/** Who moves and who waits, with what this process has decided and the cache does not show yet. */
export interface Places {
  sight(rollout: KubeObject, now: Millis): PlacesSight | undefined;
  /** Told at once after each decision, before anything is stored: the next one must not give the same place away. */
  note(rollout: KubeObject, next: State): void;
  /** Rollouts that stand in the queue, when this one is not in their way any more. */
  behind(rollout: KubeObject): KubeObject[];
  forget(key: string): void;
  fillGauges(gauge: Telemetry['gauge'], now: Millis): void;
}

export function createPlaces(rollouts: Store, { cluster, perNamespace }: Limits): Places {
  const limited = cluster !== undefined || perNamespace !== undefined;
  // What was decided on which version of the object: it counts until the cache shows another one.
  const decided = new Map<string, { version: string | undefined; rollout: KubeObject }>();
  const newest = (rollout: KubeObject): KubeObject => {
    const known = decided.get(keyOf(rollout));
    return known !== undefined && known.version === rollout.metadata.resourceVersion ? known.rollout : rollout;
  };
  const all = (): KubeObject[] => {
    const found = new Map(rollouts.byIndex(MOVING_RELEASES, '').map((rollout) => [keyOf(rollout), rollout]));
    for (const [key, { rollout, version }] of decided) {
      const cached = rollouts.get(rollout.metadata);
      if (cached === undefined || cached.metadata.resourceVersion !== version) decided.delete(key);
      else found.set(key, cached);
    }
    return [...found.values()].map(newest);
  };
  const movers = (now: Millis): Mover[] => all().flatMap((rollout) => moverOf(rollout, now) ?? []);
  return {
    sight(rollout, now) {
      if (!limited) return undefined;
      const { namespace = '', name } = rollout.metadata;
      const others = movers(now).filter((mover) => mover.namespace !== namespace || mover.rollout !== name);
      return present<PlacesSight>({ namespace, cluster, perNamespace, others });
    },
    note(rollout, next) {
      if (!limited) return;
      const key = keyOf(rollout);
      const matters = next.release !== undefined || next.inQueueSince !== undefined;
      if (!matters && !decided.has(key)) return;
      const { resourceVersion: version } = rollout.metadata;
      decided.set(key, { version, rollout: { ...rollout, status: { state: next } } });
    },
    behind(rollout) {
      if (!limited || moverOf(rollout, 0) !== undefined) return [];
      return all().filter((other) => moverOf(other, 0)?.stands === 'Waits');
    },
    forget: (key) => void decided.delete(key),
    fillGauges(gauge, now) {
      if (!limited) return;
      const line = movers(now);
      for (const stands of ['Carries', 'Begun', 'Waits'] as const)
        gauge('headgate_releases_moving', line.filter((mover) => mover.stands === stands).length, { stands });
    },
  };
}

/** One that has ended makes room for the next one in a single pass: that one must know of the queue. */
export function asksForPlace(state: State, revision: string | undefined): boolean {
  return state.release?.ending !== undefined || beginsRaise(state, revision);
}

/** What a beginning asks for is looked at: before a first raise, and where a newer revision takes the place of one that ended. */
export function isToBegin(state: State, revision: string | undefined): boolean {
  const { stable, release } = state;
  if (release?.ending === undefined) return beginsRaise(state, revision);
  return revision !== undefined && revision !== release.revision && revision !== stable;
}

/** Before the first raise, and before every return from 0. */
function beginsRaise({ stable, release }: State, revision: string | undefined): boolean {
  if (release !== undefined) return release.stage === 'Preparing' || release.stage === 'Probing';
  return stable !== undefined && revision !== undefined && revision !== stable;
}

/** What a Rollout is in the queue, by its own state; undefined: nothing. */
export function moverOf(rollout: KubeObject, now: Millis): Mover | undefined {
  const { namespace = '', name } = rollout.metadata;
  const state = record(rollout, 'status', 'state');
  const release = record(state, 'release');
  const startedAt = instant(release['startedAt']) ?? 0;
  if (carriesTraffic(release) || goesBack(release, now))
    return { namespace, rollout: name, stands: 'Carries', since: startedAt };
  if (state['phase'] !== 'Progressing') return undefined;
  const queued = instant(state['inQueueSince']);
  if (queued !== undefined) return { namespace, rollout: name, stands: 'Waits', since: queued };
  const over = release['ending'] !== undefined || release['committed'] === true;
  // One that waits for its group has begun and is not about to move.
  const free = over || state['queuedAt'] !== undefined || now - (instant(state['since']) ?? 0) > PREPARES_MS;
  if (text(release['name']) === undefined || free) return undefined;
  return { namespace, rollout: name, stands: 'Begun', since: startedAt };
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
