import type { KubeObject } from '#ports/kube-api.ts';
import { type ReadRollout, readRollout, readState } from '#schema/translate.ts';
import { readMetricSource, readSlo } from '#schema/translate-inputs.ts';
import { readRelease } from '#schema/translate-release.ts';

/**
 * Objects of the caches never change: what has been read of one stands for as long as it is there. A release is looked at
 * every tick, and its objects change once a minute. Nobody may change what is answered here.
 */
export function onceEach<T>(read: (object: KubeObject) => T): (object: KubeObject) => T {
  const known = new WeakMap<KubeObject, { value: T }>();
  return (object) => {
    const found = known.get(object) ?? { value: read(object) };
    known.set(object, found);
    return found.value;
  };
}

const inlineOf = onceEach((rollout) => readRollout(rollout));
const namedOf = onceEach((deployment) => onceEach((rollout) => readRollout(rollout, deployment)));

/** As `readRollout`. */
export function rolloutOf(rollout: KubeObject, deployment?: KubeObject): ReadRollout {
  return deployment === undefined ? inlineOf(rollout) : namedOf(deployment)(rollout);
}
/** As `readState`: throws where it does. */
export const stateOf = onceEach(readState);
/** As `readRelease`. */
export const releaseOf = onceEach(readRelease);
/** As `readSlo`. */
export const sloOf = onceEach(readSlo);
/** As `readMetricSource`. */
export const metricSourceOf = onceEach(readMetricSource);
