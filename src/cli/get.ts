import { viewRollouts } from '#core/view.ts';
import type { RolloutView } from '#core/view-words.ts';
import { RELEASE, ROLLOUT } from '#kube/resources.ts';
import { drawDetail } from './detail.ts';
import { type ExitCode, exit } from './exit.ts';
import { findRollout, namesOf, type ScopeFlags, scopeOf } from './find.ts';
import { drawList } from './list.ts';
import { paintFor } from './paint.ts';
import { type OutputFormat, printDocument } from './print.ts';
import { watchViews } from './watch.ts';
import type { Cluster, World } from './world.ts';

export interface GetFlags extends ScopeFlags {
  watch?: boolean;
  output: OutputFormat;
}

/** Entries of the timeline that one screen has room for. */
const MOMENTS = 8;

/** `get`: the list, or everything about one Rollout. */
export async function get(name: string | undefined, flags: GetFlags, world: World): Promise<ExitCode> {
  const cluster = await world.connect(flags);
  try {
    const namespace = scopeOf(flags, cluster);
    const draw = (views: readonly RolloutView[]) =>
      render(views, { name, flags, world, everywhere: namespace === undefined });
    // Asked once even before a watch: a missing right or name is then an error at once, not a silence.
    const views = await viewsOf(cluster, { name, namespace });
    if (flags.watch === true) return await watchViews({ cluster, namespace, name, draw }, world);
    if (views.length === 0 && flags.output === 'table') world.err(`No rollouts in ${namespace ?? 'any'} namespace.\n`);
    else world.out.write(draw(views));
    return exit.ok;
  } finally {
    await cluster.close();
  }
}

async function viewsOf(
  cluster: Cluster,
  { name, namespace }: { name: string | undefined; namespace: string | undefined },
): Promise<RolloutView[]> {
  if (name !== undefined && namespace !== undefined) return [(await findRollout(cluster, { name, namespace })).view];
  const [rollouts, releases] = await Promise.all([
    cluster.api.list(ROLLOUT, namespace),
    cluster.api.list(RELEASE, namespace),
  ]);
  const views = viewRollouts(rollouts, releases);
  if (name === undefined) return views;
  const named = views.filter((view) => view.name === name);
  if (named.length > 0) return named;
  const { CliError } = await import('./exit.ts');
  throw new CliError(
    `there is no Rollout ${name} in any namespace; ${namesOf(views.map((view) => `${view.namespace}/${view.name}`))}`,
  );
}

interface Rendering {
  name: string | undefined;
  flags: GetFlags;
  world: World;
  everywhere: boolean;
}

function render(views: readonly RolloutView[], { name, flags, world, everywhere }: Rendering): string {
  const { output } = flags;
  if (output === 'json' || output === 'yaml') {
    return printDocument(name !== undefined && views.length === 1 ? views[0] : { items: views }, output);
  }
  const { out, clock } = world;
  const shared = {
    now: clock.now(),
    paint: paintFor(out),
    ...(out.columns === undefined ? {} : { columns: out.columns }),
  };
  if (name === undefined || output === 'wide')
    return drawList(views, { ...shared, wide: output === 'wide', everywhere });
  return views.map((view) => drawDetail(view, { ...shared, moments: MOMENTS })).join('\n');
}
