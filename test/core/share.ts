import type { WorldRoute } from './world.ts';

/** What a route sends to the canary. */
export type Share = Pick<WorldRoute, 'weight' | 'reach'>;

export const nothing: Share = { weight: 0, reach: undefined };

export function sends({ weight, reach }: Share): boolean {
  return weight > 0 || reach !== undefined;
}

/** More users, or others, than before. */
export function risen({ weight, reach }: Share, before: Share): boolean {
  return weight > before.weight || (reach !== undefined && reach !== before.reach);
}

/** What the data plane does, behind what is written. */
export interface Live extends Share {
  written: Share;
  /** Since when it has what is written; NaN: it has not taken it yet. */
  at: number;
}

/** The data plane takes what was accepted, so much later. */
export function carried(
  live: Live,
  route: WorldRoute,
  { now, beat, lagMs }: { now: number; beat: number; lagMs: number },
): Live {
  const { weight, reach } = route;
  const known = live.written.weight === weight && live.written.reach === reach;
  const written = { weight, reach };
  const waits = !known || Number.isNaN(live.at);
  const at = waits ? (now >= route.acceptedAt ? beat : Number.NaN) : live.at;
  const share = beat - at >= lagMs ? written : { weight: live.weight, reach: live.reach };
  return { ...(route.exists ? share : nothing), written, at };
}
