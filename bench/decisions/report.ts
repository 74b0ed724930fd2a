import type { Cell, Figure } from './cells.ts';
import { reasons } from './missed.ts';
import { policies } from './policies.ts';
import { CHECK_SEEDS, type Results } from './results.ts';
import { scenarios } from './scenarios.ts';
import { study } from './study.ts';
import { rowOf, targets } from './targets.ts';

/** The section of docs/benchmarks.md. */
export function report({ seeds, cells }: Results): string {
  const peers = policies.map(({ name, title }) => ({ name, title }));
  const rows = scenarios.map(({ name, title }) => [title, ...peers.map((peer) => shown(cells, name, peer.name))]);
  const own = scenarios.map(({ name, title }) => [title, inFull(cells[name]?.['headgate'])]);
  return `## Decision quality

Written by \`make bench-decisions\`: seeds 1 to ${seeds} for each cell, an hour of traffic each, ticks and scrapes of
15 s, SLO over 30 days. All policies meet the same users (common random numbers). What a policy wants after the evidence
of tick k holds from tick k + 2 on, whoever it is. \`make bench-check\` plays Headgate over the first ${CHECK_SEEDS} seeds again and
fails where a cell is worse than committed by more than the interval of the committed cell; the unit tests play the
first few of the most telling cells. All figures, with intervals: \`bench/decisions/results.json\`.

${intro}

### Targets

${table(
  ['target', 'SLO', 'Headgate', 'met', ...peers.slice(1).map(({ title }) => title)],
  targets.flatMap(({ what, score }) =>
    [0.995, 0.999].flatMap((objective) => {
      const ours = score(rowOf(cells, 'headgate', objective));
      if (ours === undefined) return [];
      const theirs = peers.slice(1).map(({ name }) => score(rowOf(cells, name, objective))?.measured ?? '');
      return [[what, percentOf(objective), ours.measured, ours.met ? 'yes' : '**no**', ...theirs]];
    }),
  ),
)}

The tenth target is cost: what a tick of ten gates computes (< 1 ms) and what they store (< 4 KiB) stand at the top of
this page. Peers that stop nothing by mistake are mostly those that stop nothing.

${missed(cells)}

### All scenarios

Good releases: percent stopped; median minutes until the new revision had 95 % of the traffic. Bad releases: mean harm
to users beyond stable's within the hour / median minutes from the defect until its traffic was off / percent stopped.
Harm is failed requests, for latency requests slower than 99 % of stable's, for orders those that were lost. Of one
bad pod Headgate replaces the pod and goes on: what it does not stop is promoted on good ones. In brackets the figures of
the study before the design.

${table(['scenario', ...peers.map(({ title }) => title)], rows)}

### Headgate in full

With 95 % intervals: shares by Wilson, medians by order statistics, means by the normal distribution. *Undecided*
releases wait or bake at the end of the hour: their gate says that it cannot tell, and the weight stays. *Forecast* is
what the planner says before the release from a minute of stable's traffic, and *slip* how many times as long it took.

${table(['scenario', 'Headgate'], own)}
`;
}

const intro = `Headgate is its production code (\`decide\`, the gates of the catalog, the ramp planner) on a cluster where pods and
routes are ready at once, with one guardrail and no other field set: steps planned from a minute of stable's traffic,
hold 1 min, settle 10 s, half an hour of bake with 5 % of the traffic on stable; then in-cluster clients move.

The peers are written again from their documented semantics: Argo Rollouts with a background analysis of the success rate
(failureLimit 3, five errors in a row abort, errors tried again after 10 s; steps 5, 10, 25, 50 % of 5 min; interval and
window 1 min; \`its docs\` is 95 % every 5 min), with the guard against NaN that its docs advise; Flagger with 99 % over
1 min, threshold 5, +10 % a minute; Kayenta's judge on one figure a minute, 10 % against an equal baseline, every 10 min
for 50 min; a pooled one-sided z-test looked at every tick on Argo's steps. For latency the thresholds are p99 ≤ 500 ms,
for orders four fifths of the usual rate, which their author is taken to know. All of them see resets and births of
series as well as we do, which \`rate()\` does not, and none of them waits for pods.`;

function missed(cells: Results['cells']): string {
  const lines = targets.flatMap(({ what, score }) =>
    [0.995, 0.999].flatMap((objective) => {
      const ours = score(rowOf(cells, 'headgate', objective));
      if (ours === undefined || ours.met) return [];
      return [`- **${what}**, SLO ${percentOf(objective)}: ${ours.measured}. ${reasons[what] ?? 'Not explained yet.'}`];
    }),
  );
  return lines.length === 0 ? 'Every target is met.' : `Missed:\n\n${lines.join('\n')}`;
}

function percentOf(objective: number): string {
  return `${Number((100 * objective).toPrecision(6))} %`;
}

function shown(cells: Results['cells'], scenario: string, policy: string): string {
  const cell = cells[scenario]?.[policy];
  if (cell === undefined) return '';
  const before = study[scenario]?.[policy];
  return before === undefined ? short(scenario, cell) : `${short(scenario, cell)} (${before})`;
}

function short(scenario: string, { stopped, minutesTo95, minutesToStop, excess }: Cell): string {
  const kind = scenarios.find(({ name }) => name === scenario)?.kind;
  if (kind === 'good') return `${percent(stopped.value)} %; ${minutesTo95?.value ?? '–'}`;
  return `${count(excess.value)} / ${minutesToStop?.value ?? '–'} / ${percent(stopped.value)}`;
}

function inFull(cell: Cell | undefined): string {
  if (cell === undefined) return '';
  const { stopped, early, promoted, open, reached, minutesToStop, excess, right, accused } = cell;
  const shares = [
    share('stopped', stopped),
    early === undefined || early.value === 0 ? '' : share('before the defect', early),
    share('on 95 %', reached),
    share('promoted', promoted),
    open.value === 0 ? '' : share('undecided', open),
    right === undefined ? '' : share('the right one alone', right),
    accused === undefined ? '' : share('another one accused', accused),
    minutesToStop === undefined ? '' : `stopped after ${range(minutesToStop)} min, p90 ${minutesToStop.p90}`,
    ...times(cell),
    excess.value === 0 ? '' : `harm ${range(excess)}`,
  ];
  return shares.filter((part) => part !== '').join('; ');
}

function times({ minutesToClimb, minutesTo95, forecast, slip }: Cell): string[] {
  return [
    minutesToClimb === undefined ? '' : `ladder ${range(minutesToClimb)} min`,
    forecast === undefined ? '' : `forecast ${range(forecast)} min`,
    slip === undefined ? '' : `slip ${range(slip)}, p90 ${slip.p90}`,
    minutesTo95 === undefined ? '' : `95 % after ${range(minutesTo95)} min`,
  ];
}

function share(word: string, { value, low, high }: Figure): string {
  return `${word} ${percent(value)} % (${percent(low)}–${percent(high)})`;
}

function range({ value, low, high }: Figure): string {
  return low === high ? count(value) : `${count(value)} (${count(low)}–${count(high)})`;
}

function percent(value: number): string {
  return String(Number((100 * value).toFixed(1)));
}

function count(value: number): string {
  return String(Number(value.toPrecision(value >= 100 ? 4 : 3)));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
