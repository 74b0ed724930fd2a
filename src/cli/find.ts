import { viewRollout } from '#core/view.ts';
import type { RolloutView } from '#core/view-words.ts';
import { RELEASE, ROLLOUT } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { CliError } from './exit.ts';
import type { Cluster, ClusterFlags } from './world.ts';

/** Flags that every command that contacts the cluster has. */
export interface ScopeFlags extends ClusterFlags {
  namespace?: string;
  allNamespaces?: boolean;
}

/** Undefined: every namespace. */
export function scopeOf(flags: ScopeFlags, cluster: Cluster): string | undefined {
  return flags.allNamespaces === true ? undefined : (flags.namespace ?? cluster.namespace);
}

export interface Found {
  rollout: KubeObject;
  releases: KubeObject[];
  view: RolloutView;
}

/** One Rollout with its Releases. A name that does not exist is answered with those that do. */
export async function findRollout(
  cluster: Cluster,
  { name, namespace }: { name: string; namespace: string },
): Promise<Found> {
  const [rollout, releases] = await Promise.all([
    cluster.api.get({ resource: ROLLOUT, namespace, name }).catch(async (error: unknown) => {
      if (hasCode(error, 'KUBE_NOT_FOUND')) throw await notFound(cluster, { name, namespace });
      throw error;
    }),
    cluster.api.list(RELEASE, namespace),
  ]);
  return { rollout, releases, view: viewRollout(rollout, releases) };
}

async function notFound({ api }: Cluster, { name, namespace }: { name: string; namespace: string }): Promise<CliError> {
  const others = await api.list(ROLLOUT, namespace);
  return new CliError(
    `there is no Rollout ${name} in namespace ${namespace}; ${namesOf(others.map(({ metadata }) => metadata.name))}`,
  );
}

/** Enough names to recognise a slip of the pen, not a whole cluster. */
const NAMES_MAX = 10;

export function namesOf(names: readonly string[]): string {
  if (names.length === 0) return 'there are none: -n names another namespace, get -A lists all';
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : '';
  return `there are: ${[...names].sort().slice(0, NAMES_MAX).join(', ')}${more}`;
}
