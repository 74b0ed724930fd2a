import type { Millis } from '#lib/units.ts';
import { readyOf } from './capacity.ts';
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
