/** What a run of worlds injected and looked at, as `test/sim/run.ts --json` prints it. */
export interface Report {
  kind: string;
  /** What was played, with `-dirty` where it was not all committed. */
  commit?: string;
  /** Ranges of seeds that were played, rising, each without its end. */
  seeds?: readonly (readonly [from: number, end: number])[];
  worlds: number;
  failed: { seed: number; wrong: string }[];
  cpuSeconds: number;
  /** By fault: how often it was injected, and in how many worlds. */
  faults: Record<string, { injected: number; worlds: number }>;
  /** By invariant, whose text begins with its number where it has one: how often it was looked at. */
  checks: Record<string, number>;
  /** By fault and invariant: looks in worlds that had the fault. */
  matrix: Record<string, Record<string, number>>;
}

/** Faults × invariants, a table for each kind of world. Invariants stand by number; the legend names the others. */
export function simulationsOf(reports: readonly Report[]): string {
  return reports.map(tableOf).join('\n\n');
}

function tableOf({ kind, worlds, failed, cpuSeconds, faults, checks, matrix, ...played }: Report): string {
  const columns = Object.keys(checks).map((text, index) => ({ text, short: shortOf(text, index) }));
  const rows = Object.entries(faults).map(([fault, { injected, worlds: had }]) => {
    const looks = columns.map(({ text }) => count(matrix[fault]?.[text] ?? 0));
    return `| ${[fault, count(injected), count(had), ...looks].join(' | ')} |`;
  });
  const all = `| **all worlds** | | ${count(worlds)} | ${columns.map(({ text }) => count(checks[text] ?? 0)).join(' | ')} |`;
  const named = columns.filter(({ text }) => !/^\d/.test(text)).map(({ text, short }) => `${short} ${text}`);
  return [
    `**${kind}**: ${exact(worlds)} worlds${playedOf(played)}, ${violations(failed)}, ${exact(Math.round(cpuSeconds))} s of CPU.`,
    ...(named.length === 0 ? [] : [`Beside the numbers of ARCHITECTURE.md: ${named.join('; ')}.`]),
    '',
    `| fault | injected | worlds | ${columns.map(({ short }) => short).join(' | ')} |`,
    `| --- | ---: | ---: | ${columns.map(() => '---:').join(' | ')} |`,
    ...rows,
    all,
  ].join('\n');
}

function playedOf({ commit, seeds = [] }: Pick<Report, 'commit' | 'seeds'>): string {
  const ranges = seeds.map(([from, end]) => `${from} to ${end - 1}`);
  const said = [ranges.length === 0 ? '' : `seeds ${ranges.join(', ')}`, commit === undefined ? '' : `at ${commit}`];
  return said.some((text) => text !== '') ? ` (${said.join(' ').trim()})` : '';
}

function violations(failed: Report['failed']): string {
  const seeds = failed.map(({ seed }) => seed).join(', ');
  return failed.length === 0 ? '0 violations' : `${failed.length} violations (seeds ${seeds})`;
}

function shortOf(text: string, index: number): string {
  const number = /^\d+/.exec(text)?.[0];
  return number ?? String.fromCharCode('a'.charCodeAt(0) + (index % 26));
}

function exact(value: number): string {
  return value.toLocaleString('en-US');
}

/** Three digits are enough to compare. */
function count(value: number): string {
  if (value < 1000) return String(value);
  const [unit, name] = value < 1_000_000 ? [1000, 'k'] : [1_000_000, 'M'];
  return `${Number((value / unit).toPrecision(3))} ${name}`;
}
