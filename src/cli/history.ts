import { changeWords } from '#core/change.ts';
import { printCount, printDuration, printShare } from '#core/figures.ts';
import { historyOf } from '#core/view.ts';
import type { ReleaseView } from '#core/view-release.ts';
import type { Millis } from '#lib/units.ts';
import { type ExitCode, exit } from './exit.ts';
import { findRollout, type ScopeFlags } from './find.ts';
import { age, type Paint, paintFor } from './paint.ts';
import { type OutputFormat, printDocument } from './print.ts';
import { type Column, drawTable } from './table.ts';
import type { World } from './world.ts';

/** `history`: the Releases of one Rollout, newest first. */
export async function history(
  name: string,
  flags: ScopeFlags & { output: OutputFormat },
  world: World,
): Promise<ExitCode> {
  const cluster = await world.connect(flags);
  try {
    const namespace = flags.namespace ?? cluster.namespace;
    const { releases } = await findRollout(cluster, { name, namespace });
    const views = historyOf(releases, { namespace, rollout: name });
    const { output } = flags;
    if (output === 'json' || output === 'yaml') world.out.write(printDocument({ items: views }, output));
    else if (views.length === 0) world.err(`${name} has had no release yet.\n`);
    else
      world.out.write(
        drawHistory(
          views,
          { now: world.clock.now(), paint: paintFor(world.out), wide: output === 'wide' },
          world.out.columns,
        ),
      );
    return exit.ok;
  } finally {
    await cluster.close();
  }
}

/** The table of `history`. */
export function drawHistory(
  views: readonly ReleaseView[],
  { now, paint, wide }: { now: Millis; paint: Paint; wide: boolean },
  columns?: number,
): string {
  const more: Column<ReleaseView>[] = wide
    ? [
        { title: 'FROM', cell: ({ from }) => from },
        {
          title: 'DETECTED IN',
          align: 'right',
          cell: ({ timeToDetectMs }) => (timeToDetectMs === undefined ? '-' : printDuration(timeToDetectMs)),
        },
        {
          title: 'MENDED IN',
          align: 'right',
          cell: ({ timeToRemedyMs }) => (timeToRemedyMs === undefined ? '-' : printDuration(timeToRemedyMs)),
        },
        { title: 'CHANGE', cell: ({ change = {} }) => changeWords(change) ?? '-' },
      ]
    : [];
  const shape: Column<ReleaseView>[] = [
    { title: 'RELEASE', cell: (view) => paint.bold(view.name) },
    { title: 'REVISION', cell: ({ revision }) => revision },
    { title: 'OUTCOME', cell: (view) => outcomeWord(view, paint) },
    { title: 'TRY', align: 'right', cell: ({ attempt }) => `${attempt}` },
    { title: 'SPENT', align: 'right', cell: ({ spend }) => (spend === undefined ? '-' : printShare(spend)) },
    {
      title: 'REQUESTS',
      align: 'right',
      cell: ({ exposure }) => (exposure === undefined ? '-' : printCount(exposure.requests)),
    },
    { title: 'BAD', align: 'right', cell: ({ exposure }) => (exposure === undefined ? '-' : printCount(exposure.bad)) },
    {
      title: 'TOOK',
      align: 'right',
      cell: ({ startedAt, endedAt }) =>
        startedAt === undefined || endedAt === undefined ? '-' : printDuration(endedAt - startedAt),
    },
    ...more,
    { title: 'BEGAN', align: 'right', cell: ({ startedAt }) => age(startedAt, now) },
    { title: 'WHY', cell: ({ message, reason }) => message ?? reason ?? '-' },
  ];
  return drawTable(views, shape, columns);
}

function outcomeWord({ outcome }: ReleaseView, paint: Paint): string {
  if (outcome === undefined) return paint.cyan('running');
  if (outcome === 'Promoted') return paint.green(outcome);
  return outcome === 'Retreated' || outcome === 'Aborted' ? paint.red(outcome) : outcome;
}
