import type { ProbeReading } from '#core/seen.ts';
import type { ProbeResult } from './define.ts';

/** What the last round of one request said about one canary pod. */
export interface ProbeCell {
  pod: string;
  suite: string;
  request: string;
  /** After every retry. */
  canary: Pick<ProbeResult, 'ok' | 'reason'>;
  /** The same request on a stable pod, sent because and after the canary failed; undefined: no stable pod was there. */
  control?: { pod: string } & Pick<ProbeResult, 'ok' | 'reason'>;
}

export interface ProbeScope {
  /** Canary pods that are to be judged. */
  pods: readonly string[];
  /** Requests over all suites, by how many every pod is asked. */
  requests: number;
  cells: readonly ProbeCell[];
}

/**
 * Folds rounds into one reading; the order of cells does not count. One request that fails on a canary pod and
 * passes on stable is enough to blame the canary, whatever else fails on both. A failure without a stable pod to
 * compare with blames nobody. Silence is not success: a pod without an answer to every request is still running.
 */
export function judge({ pods, requests, cells }: ProbeScope): ProbeReading {
  if (requests === 0) return { result: 'None', message: 'no probe suite' };
  if (pods.length === 0) return { result: 'Running', message: 'no canary pod is ready to be probed' };
  const judged = new Set(pods);
  const counted = cells.filter(({ pod }) => judged.has(pod)).toSorted(byName);
  const failed = counted.filter(({ canary }) => !canary.ok);
  const blamed = failed.find(({ control }) => control?.ok === true);
  if (blamed !== undefined) {
    const { control } = blamed;
    return { result: 'CanaryFailed', message: `${failure(blamed)}; the same passes on stable pod ${control?.pod}` };
  }
  const [first] = failed;
  if (first !== undefined) {
    const { control } = first;
    const compared =
      control === undefined
        ? 'no stable pod is there to compare with'
        : `stable pod ${control.pod} fails too: ${control.reason}`;
    return { result: 'BothFailed', message: `${failure(first)}; ${compared}` };
  }
  const due = judged.size * requests;
  if (counted.length < due) return { result: 'Running', message: `${counted.length} of ${due} probe requests passed` };
  return { result: 'Passed', message: `${requests} probe requests pass on every canary pod` };
}

function failure({ suite, request, pod, canary }: ProbeCell): string {
  return `probe ${suite}/${request} fails on canary pod ${pod}: ${canary.reason}`;
}

function byName(a: ProbeCell, b: ProbeCell): number {
  const left = [a.suite, a.request, a.pod].join('/');
  const right = [b.suite, b.request, b.pod].join('/');
  return left < right ? -1 : left > right ? 1 : 0;
}
