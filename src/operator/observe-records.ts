import type { State } from '#core/model.ts';
import type { Seen } from '#core/seen.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { ours } from './ours.ts';
import { releaseOf } from './reading.ts';
import type { Stores } from './stores.ts';

/** What the Release objects of a Rollout say. */

export function recordOf(release: KubeObject | undefined, rollout: KubeObject): Pick<Seen, 'release'> {
  // One that an earlier Rollout of the same name left behind holds the plan of another release.
  if (release === undefined || ours([release], rollout).length === 0) return {};
  const read = releaseOf(release);
  if (!read.ok) return {};
  const recorded = (release['status'] as { record?: string } | undefined)?.record ?? '';
  const { plan, change } = read.value;
  const author = change.author === undefined ? {} : { author: change.author };
  return { release: { name: release.metadata.name, uid: release.metadata.uid ?? '', plan, recorded, ...author } };
}

export function endedRecorded(rollout: KubeObject, { ended }: State, stores: Stores): boolean {
  if (ended === undefined) return true;
  const object = stores.releases.get({ namespace: rollout.metadata.namespace, name: ended.name });
  if (object === undefined) return true;
  return (object['status'] as { outcome?: string } | undefined)?.outcome !== undefined;
}
