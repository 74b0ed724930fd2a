import type { Millis } from '#lib/units.ts';
import { living, readyOf } from './capacity.ts';
import { STABLE_LABEL } from './labels.ts';
import type { ReleaseState, State } from './model.ts';
import type { Seen } from './seen.ts';
import { end, SERVICE_WIDENED } from './state.ts';

/**
 * Somebody took the stable label off the Service's selector while canary pods are there: clients of the Service meet them
 * at any weight. It is put back at once, but who did it once does it again, so the canary leaves and a person decides.
 */
export function onWidened(
  state: State,
  release: ReleaseState,
  { seen, now }: { seen: Seen; now: Millis },
): State | undefined {
  const { service } = seen;
  if (service === undefined || service.narrowed || readyOf(seen, release.revision).length === 0) return undefined;
  const by = service.manager === undefined ? '' : ` by ${service.manager}`;
  const why =
    `Service ${service.name}: ${STABLE_LABEL} was taken off its selector${by}, so that it sends to canary pods ` +
    `at any weight: declare ${STABLE_LABEL}: "true" there, or let the applier ignore it`;
  return end(state, release, { kind: 'Retreat', at: now, why, cause: SERVICE_WIDENED }, seen);
}

type Sight = Pick<Seen, 'service' | 'replicaSets' | 'workload' | 'deleting'>;

/**
 * Remembers that the Service was narrowed once: from then on a wide one is somebody's doing. Not beside a Deployment,
 * whose pods are kept out of the Service by the label alone, and whose template no release has proven.
 */
export function noteNarrowed(state: State, { service, spec, workload, deleting }: Seen): State {
  const { name, narrowed } = service ?? {};
  if (name === undefined || narrowed !== true || state.narrowed === name) return state;
  if (deleting || state.stable === undefined || spec === undefined) return state;
  return workload === undefined && state.adopted === undefined ? { ...state, narrowed: name } : state;
}

/** Somebody has widened again what was narrowed once. Before deletion it is we who widen it. */
function isWidened(state: State, { service, workload, deleting }: Omit<Sight, 'replicaSets'>): boolean {
  if (deleting || service?.name === undefined || service.narrowed || state.narrowed !== service.name) return false;
  return workload === undefined && state.adopted === undefined;
}

/**
 * Wide, and let be: no release is there, and no pod but stable's that the Service could find. Putting the label back
 * would be a fight with an applier that never ends, for nobody's good.
 */
export function isLeftWide(state: State, seen: Sight): boolean {
  if (state.release !== undefined || !isWidened(state, seen)) return false;
  return seen.replicaSets.every((set) => set.revision === state.stable || living(set).length === 0);
}

/** A release begins with it: behind a wide Service its first pod would meet users at once. */
export function awaitsNarrowing(state: State, seen: Omit<Sight, 'replicaSets'>): boolean {
  const { release } = state;
  return release?.stage === 'Preparing' && release.ending === undefined && isWidened(state, seen);
}

/** For people, while a release waits for it; undefined when it does not. */
export function narrowingWords(state: State, seen: Seen): string | undefined {
  if (!awaitsNarrowing(state, seen)) return undefined;
  return `Preparing: Service ${seen.service?.name ?? ''} is narrowed before any canary pod is made`;
}

/** For people, who did it and what comes of it; undefined when it is not so. */
export function leftWideWords(state: State, seen: Sight): string | undefined {
  if (!isLeftWide(state, seen)) return undefined;
  const { name, manager } = seen.service ?? {};
  const by = manager === undefined ? '' : ` by ${manager}`;
  return (
    `Service ${name ?? ''}: ${STABLE_LABEL} was taken off its selector${by}. Left so while nothing is released, and put ` +
    `back before the next canary pod: declare ${STABLE_LABEL}: "true" there, or let the applier ignore it`
  );
}
