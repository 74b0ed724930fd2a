/** Writes one pod's status, the newest wish only, again and again until the API server takes it or the pod is gone. */

import { hasCode } from '#lib/errors.ts';
import { type Clock, sleep } from '#ports/clock.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import { podRef } from './pod-object.ts';

export interface StatusWriter {
  /** Wishes this status; earlier wishes that were not written yet are dropped. */
  put(status: unknown): void;
  /** Writes nothing more. */
  stop(): void;
}

const LEAST_BACKOFF_MS = 100;
const MOST_BACKOFF_MS = 3000;

export function createStatusWriter({ api, clock, pod }: { api: KubeApi; clock: Clock; pod: KubeObject }): StatusWriter {
  const ref = podRef(pod);
  // The uid makes the API server refuse the write when the name belongs to a newer pod already.
  const metadata = { uid: pod.metadata.uid };
  let wish: unknown;
  let running = false;
  let stopped = false;

  async function drain(): Promise<void> {
    let backoffMs = LEAST_BACKOFF_MS;
    while (wish !== undefined && !stopped) {
      const status = wish;
      wish = undefined;
      try {
        await api.mergePatch(ref, { metadata, status }, { subresource: 'status', fieldManager: 'lab-kubelet' });
        backoffMs = LEAST_BACKOFF_MS;
      } catch (error) {
        if (hasCode(error, 'KUBE_NOT_FOUND', 'KUBE_CONFLICT')) return;
        wish ??= status;
        await sleep(clock, backoffMs);
        backoffMs = Math.min(MOST_BACKOFF_MS, backoffMs * 2);
      }
    }
  }
  return {
    put(status) {
      wish = status;
      if (running || stopped) return;
      running = true;
      void drain().finally(() => {
        running = false;
      });
    },
    stop() {
      stopped = true;
    },
  };
}
