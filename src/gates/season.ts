import { printCount } from '#core/figures.ts';
import type { GateReading, Season } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';

/**
 * The season of a business counter: what the whole service, both arms together, earns now against the median of the same
 * time of earlier weeks. A release that hurts both arms, or a control that is hurt by the canary, shows here and in no
 * comparison of the arms. So does every holiday, campaign and outage: it is told to people and decides nothing.
 */

/** Growth of the counter over the same length of time: now, and that long before in each of the earlier weeks. */
export interface SeasonFigures {
  now: number | undefined;
  /** Weeks that have a figure; in any order. */
  before: readonly number[];
}

export interface SeasonQuestion {
  /** Name of the counter. */
  metric: string;
  /** Weeks that were asked for. */
  weeks: number;
  /** Length of time that each figure is of. */
  overMs: Millis;
}

/** What the figures say. What cannot be told is said as well. */
export function seasonOf({ now, before }: SeasonFigures, { metric, weeks, overMs }: SeasonQuestion): Season {
  const known = before.filter((figure) => Number.isFinite(figure) && figure >= 0);
  const all = `the last ${weeks === 1 ? 'week' : `${weeks} weeks`}`;
  if (known.length === 0) {
    return { message: `${metric} has no figure of this hour in ${all} to compare with: the source may keep less` };
  }
  if (now === undefined || !Number.isFinite(now) || now < 0) {
    return { message: `${metric} has no figure of now to compare with ${all}` };
  }
  const usual = medianOf(known);
  const minutes = overMs / 60_000;
  const figures = `${perMinute(now / minutes)} a minute, usually ${perMinute(usual / minutes)}`;
  const those = known.length === weeks ? all : `${known.length} of ${all}`;
  const ratio = now / usual;
  // What is usually nothing has no parts.
  if (!Number.isFinite(ratio)) return { message: `${metric}: ${figures} at this hour by the median of ${those}` };
  return { ratio, message: `${metric} is ${distance(ratio)} the median of ${those} at this hour: ${figures}` };
}

/** The reading with the sentence behind its own. The verdict stays what it is. */
export function withSeason(reading: GateReading, season: Season | undefined): GateReading {
  return season === undefined ? reading : { ...reading, season, message: `${reading.message}; ${season.message}` };
}

function distance(ratio: number): string {
  const percent = Math.round(Math.abs(ratio - 1) * 100);
  return percent === 0 ? 'at' : `${printCount(percent)}% ${ratio < 1 ? 'below' : 'above'}`;
}

function perMinute(figure: number): string {
  return figure >= 1000 ? printCount(figure) : String(Number(figure.toPrecision(3)));
}

function medianOf(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] ?? 0) / 2 + (sorted[Math.ceil(middle)] ?? 0) / 2;
}
