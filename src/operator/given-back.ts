import { ROLLOUT_LABEL, STABLE_LABEL } from '#core/labels.ts';
import type { State } from '#core/model.ts';
import { record, text } from '#core/raw.ts';
import type { SeenDeployment } from '#core/seen.ts';
import { POD } from '#kube/resources.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import { deploymentOf } from './adopt.ts';
import { isDeclared } from './observe-traffic.ts';
import { createReminders } from './reminders.ts';
import type { Stores } from './stores.ts';

/**
 * Pods of a Deployment that is given back behind a Service whose owner declares our label in its selector: whoever widens
 * it is undone, so its living pods get the label. The operator watches no pods but its own; these are asked for.
 */
export interface GivenBack {
  /** Asks for them in such a give-back, once nothing is sent to a canary any more: then nothing is kept waiting. */
  ask(rollout: KubeObject, state: State | undefined, signal: AbortSignal): Promise<void>;
  /** Those without the label, as they were last seen; undefined where nobody has looked. */
  bare(rollout: KubeObject): SeenDeployment['bare'];
}

/** Nobody tells of these pods, so they are looked at this often. */
const AGAIN_MS: Millis = 1000;
/** Give-backs remembered; one more is only asked about again. */
const KEPT = 1000;

export function createGivenBack(deps: {
  api: Pick<KubeApi, 'list'>;
  clock: Clock;
  stores: Pick<Stores, 'deployments' | 'services'>;
  /** Wants the Rollout to be looked at again. */
  again(key: string): void;
}): GivenBack {
  const { api, clock, stores } = deps;
  const remind = createReminders(clock, deps.again);
  const known = new Map<string, SeenDeployment['bare']>();
  const idOf = ({ metadata }: KubeObject) => metadata.uid ?? '';
  return {
    async ask(rollout, state, signal) {
      const deployment = deploymentOf(rollout, stores);
      if (deployment === undefined || !isGivenBack(rollout, state) || !declares(rollout, stores)) return;
      const labels = record(deployment, 'spec', 'template', 'metadata', 'labels');
      const chosen = Object.entries(labels).flatMap(([key, value]) =>
        key === STABLE_LABEL ? [] : [`${key}=${value}`],
      );
      const labelSelector = [...chosen, `!${ROLLOUT_LABEL}`].join(',');
      const pods = await api.list(POD, rollout.metadata.namespace, { labelSelector, signal });
      known.set(idOf(rollout), bareOf(pods, deployment.metadata.name));
      if (known.size > KEPT) known.delete(known.keys().next().value ?? '');
      remind(`${rollout.metadata.namespace ?? ''}/${rollout.metadata.name}`, AGAIN_MS);
    },
    bare: (rollout) => known.get(idOf(rollout)),
  };
}

function isGivenBack({ metadata }: KubeObject, state: State | undefined): boolean {
  const sends = (state?.release?.weight ?? 0) > 0 || state?.release?.reach !== undefined;
  return metadata.deletionTimestamp !== undefined && state?.adopted !== undefined && !sends;
}

function declares(rollout: KubeObject, { services }: Pick<Stores, 'services'>): boolean {
  const name = text(record(rollout, 'spec')['service']) ?? '';
  const service = services.get({ namespace: rollout.metadata.namespace, name });
  return service !== undefined && isDeclared(service);
}

function bareOf(pods: readonly KubeObject[], deployment: string): SeenDeployment['bare'] {
  const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const own = living.filter(({ metadata }) => {
    // As the Deployment's controller names its ReplicaSets.
    const set = `${deployment}-${metadata.labels?.['pod-template-hash'] ?? ''}`;
    return (metadata.ownerReferences ?? []).some(({ kind, name }) => kind === 'ReplicaSet' && name === set);
  });
  const bare = own.filter(({ metadata }) => metadata.labels?.[STABLE_LABEL] !== 'true');
  return bare.map(({ metadata }) => ({ name: metadata.name, uid: metadata.uid ?? '' }));
}
