import type { Ending } from './play.ts';
import type { Scenario } from './traffic.ts';

/** A figure with its 95 % interval. */
export interface Figure {
  value: number;
  low: number;
  high: number;
}

/** One scenario under one policy. */
export interface Cell {
  runs: number;
  /** Share of releases that were stopped (because of the defect, where it begins late), … */
  stopped: Figure;
  /** … that were stopped before the defect began, … */
  early?: Figure;
  /** … that reached all traffic, and that did neither within the hour. */
  promoted: Figure;
  open: Figure;
  /** Minutes from the first user request, or from the onset of the defect, until its traffic was off. */
  minutesToStop?: Figure & { p90: number };
  /** Minutes from the first user request until the new revision had all traffic, and until it left the last step. */
  minutesToAll?: Figure;
  minutesToClimb?: Figure;
  /** Expected failures beyond stable's that users met within the hour. */
  excess: Figure;
  /** The same as percent of the error budget of 30 days. */
  spendPercent: number;
  /** Why releases were stopped or stayed open. */
  causes: Record<string, number>;
}

export function cellOf(scenario: Scenario, endings: readonly Ending[], objective: number): Cell {
  const runs = endings.length;
  const by = (outcome: Ending['outcome']) => endings.filter((ending) => ending.outcome === outcome);
  const [stopped, promoted, open] = [by('stopped'), by('promoted'), by('open')];
  const onset = scenario.onset ?? 0;
  const minutes = (some: readonly Ending[]) => some.flatMap((one) => one.minutes ?? []);
  const stops = minutes(stopped)
    .filter((minute) => minute >= onset)
    .map((minute) => minute - onset);
  const excess = meanOf(endings.map((ending) => ending.excess));
  const budget = (1 - objective) * scenario.rps * 30 * 86_400;
  return {
    runs,
    stopped: wilson(stops.length, runs),
    ...(onset === 0 ? {} : { early: wilson(stopped.length - stops.length, runs) }),
    promoted: wilson(promoted.length, runs),
    open: wilson(open.length, runs),
    ...(stops.length === 0 ? {} : { minutesToStop: { ...medianOf(stops), p90: round(quantile(stops, 0.9)) } }),
    ...(promoted.length === 0 ? {} : { minutesToAll: medianOf(minutes(promoted)) }),
    ...climbs(endings),
    excess,
    spendPercent: round((100 * excess.value) / budget),
    causes: countCauses([...stopped, ...open]),
  };
}

function climbs(endings: readonly Ending[]): Pick<Cell, 'minutesToClimb'> {
  const climbed = endings.flatMap((ending) => ending.climbed ?? []);
  return climbed.length === 0 ? {} : { minutesToClimb: medianOf(climbed) };
}

function countCauses(endings: readonly Ending[]): Record<string, number> {
  const causes: Record<string, number> = {};
  for (const { cause } of endings) if (cause !== undefined) causes[cause] = (causes[cause] ?? 0) + 1;
  return causes;
}

const Z = 1.959963984540054;

/** Wilson's score interval of a share. */
export function wilson(hits: number, runs: number): Figure {
  const share = hits / runs;
  const scale = 1 + Z ** 2 / runs;
  const middle = (share + Z ** 2 / (2 * runs)) / scale;
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / runs + Z ** 2 / (4 * runs ** 2));
  return { value: round(share), low: round(Math.max(0, middle - half)), high: round(Math.min(1, middle + half)) };
}

export function meanOf(values: readonly number[]): Figure {
  const mean = values.reduce((total, value) => total + value, 0) / values.length;
  const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  const half = Z * Math.sqrt(squares / Math.max(1, values.length - 1) / values.length);
  return { value: round(mean), low: round(mean - half), high: round(mean + half) };
}

/** The median, and the order statistics that enclose the true one. */
export function medianOf(values: readonly number[]): Figure {
  const half = (Z * Math.sqrt(values.length)) / 2 / values.length;
  return {
    value: round(quantile(values, 0.5)),
    low: round(quantile(values, Math.max(0, 0.5 - half))),
    high: round(quantile(values, Math.min(1, 0.5 + half))),
  };
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
