import { RELEASE, ROLLOUT_ACTION } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { KubeApi, KubeObject, Resource } from '#ports/kube-api.ts';

/** Releases of one Rollout that are kept: its history. */
export const RELEASES_KEPT = 10;
/** Answered actions are kept so long, for whoever waits for the answer and for a look back. */
export const ACTIONS_KEPT_MS: Millis = 3_600_000;

/** The oldest releases that have ended, beyond those that are kept. Pure. */
export function releasesToPrune(releases: readonly KubeObject[]): KubeObject[] {
  const ended = releases.filter(
    (object) => (object['status'] as { outcome?: string } | undefined)?.outcome !== undefined,
  );
  const surplus = Math.max(0, releases.length - RELEASES_KEPT);
  return ended.sort(byAge).slice(0, surplus);
}

/** Actions that were answered long ago. Pure. */
export function actionsToPrune(actions: readonly KubeObject[], now: Millis): KubeObject[] {
  return actions.filter((object) => {
    const at = Date.parse((object['status'] as { at?: string } | undefined)?.at ?? '');
    return Number.isFinite(at) && now - at > ACTIONS_KEPT_MS;
  });
}

function byAge(a: KubeObject, b: KubeObject): number {
  const born = ({ metadata }: KubeObject) => Date.parse(metadata.creationTimestamp ?? '') || 0;
  return born(a) - born(b) || (a.metadata.name < b.metadata.name ? -1 : 1);
}

/** Deletes what history does not need any more. What is gone already is fine. */
export async function prune(
  api: KubeApi,
  { releases, actions, now }: { releases: KubeObject[]; actions: KubeObject[]; now: Millis },
): Promise<void> {
  for (const object of releasesToPrune(releases)) await remove(api, RELEASE, object);
  for (const object of actionsToPrune(actions, now)) await remove(api, ROLLOUT_ACTION, object);
}

/** Deletes what was said to a Rollout, when it goes itself: nobody prunes after it, and no later one of its name is meant. */
export async function forget(api: KubeApi, actions: readonly KubeObject[]): Promise<void> {
  for (const object of actions) await remove(api, ROLLOUT_ACTION, object);
}

async function remove(api: KubeApi, resource: Resource, { metadata }: KubeObject): Promise<void> {
  const { name, namespace = '', uid } = metadata;
  try {
    await api.delete({ resource, namespace, name }, uid === undefined ? {} : { uid });
  } catch (error) {
    if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
  }
}
