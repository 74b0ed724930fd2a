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
  /** … that got all traffic for good, and that did neither within the hour: they wait, or bake. */
  promoted: Figure;
  open: Figure;
  /** Share that had 95 % of the traffic at some time, and the minutes from the first user request until then. */
  reached: Figure;
  minutesTo95?: Figure;
  /** Minutes from the first user request, or from the onset of the defect, until its traffic was off. */
  minutesToStop?: Figure & { p90: number };
  /** Minutes until the last step was left, and how many times as long as forecast that took. */
  minutesToClimb?: Figure;
  forecast?: Figure;
  slip?: Figure & { p90: number };
  /** Expected harm beyond stable's that users met within the hour: failures, slow answers or lost orders. */
  excess: Figure;
  /** The same as percent of the error budget of 30 days, where failures count. */
  spendPercent?: number;
  /** Of releases beside others: the culprit alone was stopped first, and another one was stopped at all. */
  right?: Figure;
  accused?: Figure;
  /** Why releases were stopped or stayed open. */
  causes: Record<string, number>;
  /** The same of the first seeds alone, for quicker checks. */
  first?: Head[];
}

/** What is compared of the first seeds. */
export type Head = Pick<Cell, 'runs'> & {
  stopped: number;
  reached: number;
  promoted: number;
  minutesTo95?: number;
  minutesToStop?: number;
  excess: number;
};

export function cellOf(scenario: Scenario, endings: readonly Ending[], heads: readonly number[] = []): Cell {
  const runs = endings.length;
  const by = (outcome: Ending['outcome']) => endings.filter((ending) => ending.outcome === outcome);
  const [stopped, promoted, open] = [by('stopped'), by('promoted'), by('open')];
  const onset = scenario.onset ?? 0;
  const stops = stopsOf(scenario, endings);
  const most = endings.flatMap((ending) => ending.most ?? []);
  const excess = meanOf(endings.map((ending) => ending.excess));
  const failures = scenario.latency === undefined && scenario.business === undefined;
  const budget = (1 - scenario.objective) * scenario.rps * 30 * 86_400;
  return {
    runs,
    stopped: wilson(stops.length, runs),
    ...(onset === 0 ? {} : { early: wilson(stopped.length - stops.length, runs) }),
    promoted: wilson(promoted.length, runs),
    open: wilson(open.length, runs),
    reached: wilson(most.length, runs),
    ...(most.length === 0 ? {} : { minutesTo95: medianOf(most) }),
    ...(stops.length === 0 ? {} : { minutesToStop: { ...medianOf(stops), p90: round(quantile(stops, 0.9)) } }),
    ...climbs(endings),
    excess,
    ...(failures ? { spendPercent: round((100 * excess.value) / budget) } : {}),
    ...attribution(endings),
    causes: countCauses([...stopped, ...open]),
    ...(heads.length === 0 ? {} : { first: heads.map((count) => headOf(scenario, endings.slice(0, count))) }),
  };
}

/** What a check compares: figures without intervals, which come from the cell of all seeds. */
export function headOf(scenario: Scenario, endings: readonly Ending[]): Head {
  const { runs, stopped, promoted, reached, minutesTo95, minutesToStop, excess } = cellOf(scenario, endings);
  return {
    runs,
    stopped: stopped.value,
    reached: reached.value,
    promoted: promoted.value,
    ...(minutesTo95 === undefined ? {} : { minutesTo95: minutesTo95.value }),
    ...(minutesToStop === undefined ? {} : { minutesToStop: minutesToStop.value }),
    excess: excess.value,
  };
}

/** Minutes from the defect to the stop, of those that were stopped for it. */
function stopsOf({ onset = 0 }: Scenario, endings: readonly Ending[]): number[] {
  const stopped = endings.filter(({ outcome }) => outcome === 'stopped');
  return stopped.flatMap(({ minutes = 0 }) => (minutes >= onset ? [minutes - onset] : []));
}

function climbs(endings: readonly Ending[]): Pick<Cell, 'minutesToClimb' | 'forecast' | 'slip'> {
  const climbed = endings.flatMap((ending) => ending.climbed ?? []);
  const forecast = endings.flatMap((ending) => ending.forecast ?? []);
  const slips = endings.flatMap((ending) =>
    ending.climbed === undefined || ending.forecast === undefined ? [] : [ending.climbed / ending.forecast],
  );
  return {
    ...(climbed.length === 0 ? {} : { minutesToClimb: medianOf(climbed) }),
    ...(forecast.length === 0 ? {} : { forecast: medianOf(forecast) }),
    ...(slips.length === 0 ? {} : { slip: { ...medianOf(slips), p90: round(quantile(slips, 0.9)) } }),
  };
}

function attribution(endings: readonly Ending[]): Pick<Cell, 'right' | 'accused'> {
  const beside = endings.filter(({ accused }) => accused !== undefined);
  if (beside.length === 0) return {};
  const right = beside.filter(({ outcome, accused }) => outcome === 'stopped' && accused?.before === false);
  const accused = beside.filter((ending) => (ending.accused?.others ?? 0) > 0);
  return { right: wilson(right.length, beside.length), accused: wilson(accused.length, beside.length) };
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
