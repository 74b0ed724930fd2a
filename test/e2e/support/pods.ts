import { REVISION_LABEL, ROLLOUT_LABEL } from '#core/labels.ts';
import type { Lab } from '../../lab/connect.ts';
import type { App } from './stage.ts';

/** Pods of one application, as the API server has them. */

export interface PodObject {
  metadata: { name: string; labels: Record<string, string>; deletionTimestamp?: string };
  status?: { containerStatuses?: { restartCount: number }[] };
}

/** Living pods that the Rollout owns; of one revision, when it is given. */
export async function podsOf(lab: Lab, { spec }: Pick<App, 'spec'>, revision?: string): Promise<PodObject[]> {
  const labels = [
    `${ROLLOUT_LABEL}=${spec.name}`,
    ...(revision === undefined ? [] : [`${REVISION_LABEL}=${revision}`]),
  ];
  const query = new URLSearchParams({ labelSelector: labels.join(',') });
  const { body } = await lab.api<{ items: PodObject[] }>({
    path: `/api/v1/namespaces/${spec.namespace}/pods?${query}`,
  });
  return body.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** Who these pods are and how often they were started: equal before and after means undisturbed. */
export function identities(pods: PodObject[]): string[] {
  const restarts = ({ status }: PodObject) => status?.containerStatuses?.[0]?.restartCount ?? 0;
  return pods.map((pod) => `${pod.metadata.name} started ${restarts(pod) + 1} times`).sort();
}
