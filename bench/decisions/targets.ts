import type { Cell, Figure } from './cells.ts';
import type { Results } from './results.ts';
import { scenarios } from './scenarios.ts';
import type { Scenario } from './traffic.ts';

/** What decision quality is meant to be: measured on anybody, at either objective. */

/** One policy at one objective. */
export interface Row {
  objective: number;
  policy: string;
  cell(name: string): Cell | undefined;
}

export interface Score {
  measured: string;
  met: boolean;
}

export interface Target {
  what: string;
  /** Undefined where the objective has no such scenario. */
  score(row: Row): Score | undefined;
}

export function rowOf(cells: Results['cells'], policy: string, objective: number): Row {
  const suffix = objective === 0.995 ? '' : '-999';
  return { objective, policy, cell: (name) => cells[`${name}${suffix}`]?.[policy] };
}

/** Base failure ratio, in percent, of a service that is well within this objective. */
const healthy = (objective: number) => (objective === 0.995 ? 0.1 : 0.02);

export const targets: readonly Target[] = [
  { what: 'false stops ≤ 1.5 % in every good scenario (stable within its SLO)', score: falseStops },
  { what: '+1 % at 100 rps: ≤ 1.5 min, ≤ 10 failures, all stopped', score: (row) => stopped(row, 1, 1.5, 10) },
  { what: '+5 % at 100 rps: ≤ 30 s, ≤ 12 failures', score: (row) => stopped(row, 5, 0.5, 12) },
  {
    what: 'good release on ≥ 95 % of the traffic with evidence, 1000 rps: ≤ 4 min (99.9: 5)',
    score: speed(1000, 4, 5),
  },
  { what: '… at 100 rps: ≤ 4 min (99.9: 10)', score: speed(100, 4, 10) },
  { what: '… at 10 rps: ≤ 6 min (99.9: 60)', score: speed(10, 6, 60) },
  { what: 'late defect from minute 20: ≤ 4 min, ≤ 250 failures', score: late },
  { what: 'metric gaps and shared outages stop no good release', score: nobodysFault },
  { what: 'bad releases shipped (excess ≥ what is tolerated) ≤ 2 %', score: shipped },
  { what: 'latency × 1.2 at 100 rps: ≤ 1.5 min', score: latency },
  { what: 'culprit among 8 releases at once named ≥ 99 %', score: culprit },
];

const percent = (value: number) => `${Number((100 * value).toFixed(1))} %`;

/** With its interval, where that has a width. */
function ranged({ value, low, high }: Figure): string {
  return `${percent(value)} (${percent(low)} to ${percent(high)})`;
}

/** The scenarios of this objective that are of this kind, where failures count. */
function ofKind({ objective }: Row, kind: Scenario['kind']): Scenario[] {
  return scenarios.filter((scenario) => scenario.objective === objective && scenario.kind === kind);
}

function plainName({ name }: Scenario): string {
  return name.replace(/-999$/, '');
}

function worst(row: Row, among: readonly Scenario[], figure: 'stopped' | 'promoted'): { title: string; of: Figure } {
  const all = among.flatMap((scenario) => {
    const of = row.cell(plainName(scenario))?.[figure];
    return of === undefined ? [] : [{ title: scenario.title, of }];
  });
  const none = { title: 'none', of: { value: 1, low: 1, high: 1 } };
  return all.length === 0 ? none : all.reduce((a, b) => (b.of.value > a.of.value ? b : a));
}

function falseStops(row: Row): Score {
  // Where stable misses its objective, releases are held, or called correlated when both arms are bad after a raise twice.
  const within = ofKind(row, 'good').filter(({ base }) => base <= 1 - row.objective + 1e-9);
  const { title, of } = worst(row, within, 'stopped');
  return { measured: `at most ${ranged(of)}: ${title}`, met: of.value <= 0.015 };
}

function stopped(row: Row, excess: number, minutes: number, failures: number): Score | undefined {
  const cell = row.cell(`worse-${excess}-100rps-p${healthy(row.objective)}`);
  return cell === undefined ? undefined : { measured: stops(cell), met: within(cell, minutes, failures) };
}

function speed(rps: number, limit: number, limitAt999: number): Target['score'] {
  return (row) => {
    const cell = row.cell(`good-${rps}rps-p${healthy(row.objective)}`);
    if (cell === undefined) return undefined;
    const { minutesTo95, forecast, reached } = cell;
    const minutes = minutesTo95?.value ?? Number.POSITIVE_INFINITY;
    const told = forecast === undefined ? '' : `, forecast ${forecast.value}`;
    return {
      measured: `${minutesTo95 === undefined ? '–' : `${minutes} min`}${told}; ${percent(reached.value)} within the hour`,
      met: minutes <= (row.objective === 0.995 ? limit : limitAt999),
    };
  };
}

function late(row: Row): Score | undefined {
  const cell = row.cell('late-20');
  return cell === undefined ? undefined : { measured: stops(cell), met: within(cell, 4, 250) };
}

/** Under common random numbers the same release without the trouble tells what the trouble itself did. */
function nobodysFault(row: Row): Score {
  const plain = row.cell(`good-100rps-p${healthy(row.objective)}`)?.stopped.value ?? 0;
  const more = ['gap-2', 'gap-6', 'outage-2', 'outage-10'].map((name) => ({
    name,
    by: (row.cell(name)?.stopped.value ?? 1) - plain,
  }));
  const measured = more.map(({ name, by }) => `${name} ${percent(by)}`).join(', ');
  return {
    measured: `stopped beyond those without trouble: ${measured}`,
    met: Math.max(...more.map(({ by }) => by)) <= 0.0005,
  };
}

function shipped(row: Row): Score {
  const { objective } = row;
  const bad = ofKind(row, 'bad').filter(
    ({ excess, onset, together }) =>
      onset === undefined && together === undefined && (excess?.(0) ?? 0) >= 1 - objective - 1e-9,
  );
  const { title, of } = worst(row, bad, 'promoted');
  return { measured: `at most ${ranged(of)}: ${title}`, met: of.value <= 0.02 };
}

function latency({ cell }: Row): Score | undefined {
  const slow = cell('latency-1.2-100rps');
  if (slow === undefined) return undefined;
  return { measured: stops(slow), met: (slow.minutesToStop?.value ?? Number.POSITIVE_INFINITY) <= 1.5 };
}

function culprit({ cell }: Row): Score | undefined {
  const together = cell('together-8');
  if (together?.right === undefined || together.accused === undefined) return undefined;
  const { right, accused, minutesToStop } = together;
  const when = minutesToStop === undefined ? '' : `, ${minutesToStop.value} min`;
  const measured = `${ranged(right)}${when}; another one accused ${percent(accused.value)}`;
  return { measured, met: right.value >= 0.99 };
}

function within(cell: Cell, minutes: number, failures: number): boolean {
  if (cell.minutesToStop === undefined || cell.stopped.value < 0.995) return false;
  return cell.minutesToStop.value <= minutes && cell.excess.value <= failures;
}

function stops({ excess, stopped: share, minutesToStop }: Cell): string {
  const when = minutesToStop === undefined ? '' : `${minutesToStop.value} min (p90 ${minutesToStop.p90}), `;
  const cost = Number(excess.value.toPrecision(3));
  return `${when}${cost} more than stable, ${ranged(share)} stopped`;
}
