import type { Report } from '../../scripts/simulations.ts';
import { INVARIANTS } from './invariants.ts';

/** Parts of a run as one: other seeds of the same worlds, played on the same commit. Any order gives the same. */

/** One report, as if one run had played all these seeds. Throws where the parts do not fit. */
export function mergeReports(reports: readonly Report[]): Report {
  const [first] = reports;
  if (first === undefined) throw new Error('nothing to merge: name at least one report');
  for (const { kind, commit, seeds } of reports) {
    if (kind !== first.kind) throw new Error(`${first.kind} and ${kind} worlds do not add up`);
    if (commit !== first.commit)
      throw new Error(`${kind} worlds of ${first.commit} and ${commit} do not add up: play both on one commit`);
    if (seeds === undefined) throw new Error(`a report of ${kind} worlds does not say which seeds it played`);
  }
  const failed = reports.flatMap((report) => report.failed).sort((a, b) => a.seed - b.seed);
  return {
    kind: first.kind,
    ...(first.commit === undefined ? {} : { commit: first.commit }),
    seeds: joined(reports.flatMap(({ seeds = [] }) => seeds)),
    worlds: sumOf(reports, ({ worlds }) => worlds),
    failed,
    cpuSeconds: sumOf(reports, ({ cpuSeconds }) => cpuSeconds),
    faults: byName(
      reports.map(({ faults }) => faults),
      (some) => ({
        injected: sumOf(some, ({ injected }) => injected),
        worlds: sumOf(some, ({ worlds }) => worlds),
      }),
    ),
    checks: looksOf(reports.map(({ checks }) => checks)),
    matrix: byName(
      reports.map(({ matrix }) => matrix),
      looksOf,
    ),
  };
}

/** One report of each kind of worlds, in the order in which the kinds come. */
export function mergeKinds(reports: readonly Report[]): Report[] {
  return [...Map.groupBy(reports, ({ kind }) => kind).values()].map(mergeReports);
}

/** Ranges of seeds, without the last one of each, as few as there can be. A seed that is there twice would count twice. */
function joined(ranges: readonly (readonly [number, number])[]): [number, number][] {
  const all: [number, number][] = [];
  for (const [from, to] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = all.at(-1);
    if (last === undefined || from > last[1]) all.push([from, to]);
    else if (from < last[1]) throw new Error(`seed ${from} was played twice: leave one of the reports out`);
    else last[1] = to;
  }
  return all;
}

function sumOf<T>(items: readonly T[], read: (item: T) => number): number {
  return items.reduce((sum, item) => sum + read(item), 0);
}

/** What has the same name, put together; in order of name. */
function byName<T>(records: readonly Record<string, T>[], together: (some: readonly T[]) => T): Record<string, T> {
  const entries = records.flatMap((record) => Object.entries(record));
  const named = [...Map.groupBy(entries, ([name]) => name)].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(named.map(([name, some]) => [name, together(some.map(([, value]) => value))]));
}

/** Looks at each invariant, in the order of the invariants. */
function looksOf(records: readonly Record<string, number>[]): Record<string, number> {
  const sums = byName(records, (some) => sumOf(some, (looks) => looks));
  return Object.fromEntries(
    Object.values(INVARIANTS).flatMap((text) => (text in sums ? [[text, sums[text] ?? 0]] : [])),
  );
}
