import type { Cell, Figure } from './cells.ts';
import { policies } from './policies.ts';
import { scenarios } from './scenarios.ts';
import { study } from './study.ts';
import { targets } from './targets.ts';

export interface Results {
  command: string;
  /** Seeds 1 to this number; every policy meets the same users under the same seed. */
  seeds: number;
  cells: Record<string, Record<string, Cell>>;
}

/** The section of docs/benchmarks.md. */
export function report({ command, seeds, cells }: Results): string {
  const peers = policies.filter(({ name }) => !name.startsWith('headgate-'));
  const rows = scenarios.map(({ name, title }) => [title, ...peers.map((peer) => shown(cells, name, peer.name))]);
  const variants = policies.filter(({ name }) => name.startsWith('headgate'));
  const own = scenarios.map(({ name, title }) => [title, ...variants.map((one) => inFull(cells[name]?.[one.name]))]);
  return `## Decision quality

Written by \`${command}\`: seeds 1 to ${seeds} for each cell, an hour of traffic each,
SLO 99.5 % of 30 days, ticks and scrapes of 15 s. All policies meet the same users (common random numbers). What a policy wants after the evidence of
tick k holds from tick k + 2 on, whoever it is. \`${command} --check\` plays the first 60 seeds again
and fails where a cell is worse than committed beyond both 95 % intervals. All figures, with intervals: \`bench/decisions/results.json\`.

${intro}

Good releases: stopped, and minutes until the new revision had all traffic. Bad releases: mean failed requests more than
with stable alone within the hour / median minutes from the defect until its traffic was off / percent stopped. In
brackets the figures of the study before the design.

${table(['scenario', ...peers.map(({ title }) => title)], rows)}

### Headgate in full

Stopped, promoted and undecided with 95 % intervals (Wilson), medians and means with theirs. Undecided releases wait:
their gate says that it cannot tell, and the weight stays.

${table(['scenario', ...variants.map(({ title }) => title)], own)}

### Targets

${table(
  ['target', 'measured', 'met', 'why not'],
  targets(cells).map(({ what, measured, met, why }) => [what, measured, met ? 'yes' : 'no', met ? '' : why]),
)}
`;
}

const intro = `Headgate is its production code (\`decide\`, \`foldErrorTick\`, \`judgeErrors\`, the ramp planner) on a cluster where
pods and routes are ready at once, with one guardrail and no other field set: steps 5, 20, 50 % because nothing measures
traffic while no release is under way, hold 1 min, settle 10 s; then in-cluster clients move share by share for two
minutes more. There is no bake, no tempering by measured dispersion and no verdict of a single bad pod yet. *Planned*
gives the planner the live rate and failure ratio. *Held 30 min* is what a user can write today who wants a bake.

The peers are written again from their documented semantics: Argo Rollouts with a background analysis of the success rate
(failureLimit 3, five errors in a row abort, errors tried again after 10 s; steps 5, 10, 25, 50 % of 5 min; \`its docs\` is
95 % every 5 min), with the guard against NaN that its docs advise; Flagger with 99 % over 1 min, threshold 5, +10 % a
minute; Kayenta's judge on failures per minute, 10 % against an equal baseline, every 10 min for 50 min; a pooled
one-sided z-test looked at every tick on Argo's steps. All of them see resets and births of series as well as we do,
which \`rate()\` does not, and none of them waits for pods.`;

function shown(cells: Results['cells'], scenario: string, policy: string): string {
  const cell = cells[scenario]?.[policy];
  if (cell === undefined) return '';
  const before = study[scenario]?.[policy];
  return before === undefined ? short(scenario, cell) : `${short(scenario, cell)} (${before})`;
}

function short(scenario: string, { stopped, minutesToStop, minutesToAll, excess }: Cell): string {
  const kind = scenarios.find(({ name }) => name === scenario)?.kind;
  if (kind === 'good') return `${percent(stopped.value)} %; ${minutesToAll?.value ?? '–'}`;
  return `${count(excess.value)} / ${minutesToStop?.value ?? '–'} / ${percent(stopped.value)}`;
}

function inFull(cell: Cell | undefined): string {
  if (cell === undefined) return '';
  const { stopped, early, promoted, open, minutesToStop, minutesToClimb, minutesToAll, excess } = cell;
  const parts = [
    share('stopped', stopped),
    early === undefined || early.value === 0 ? '' : share('before the defect', early),
    share('promoted', promoted),
    open.value === 0 ? '' : share('undecided', open),
    minutesToStop === undefined ? '' : `stopped after ${range(minutesToStop)} min, p90 ${minutesToStop.p90}`,
    minutesToClimb === undefined ? '' : `ladder ${range(minutesToClimb)} min`,
    minutesToAll === undefined ? '' : `all traffic ${range(minutesToAll)} min`,
    excess.value === 0 ? '' : `excess ${range(excess)}`,
  ];
  return parts.filter((part) => part !== '').join('; ');
}

function share(word: string, { value, low, high }: Figure): string {
  return `${word} ${percent(value)} % (${percent(low)}–${percent(high)})`;
}

export function range({ value, low, high }: Figure): string {
  return low === high ? count(value) : `${count(value)} (${count(low)}–${count(high)})`;
}

export function percent(value: number): string {
  return String(Number((100 * value).toFixed(1)));
}

function count(value: number): string {
  return String(Number(value.toPrecision(value >= 100 ? 4 : 3)));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
