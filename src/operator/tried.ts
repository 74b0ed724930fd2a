import { figure, instant, record, text } from '#core/raw.ts';
import type { Seen } from '#core/seen.ts';
import type { KubeObject } from '#ports/kube-api.ts';

/**
 * Failed attempts of a revision, by the records that are kept: those since it was promoted last. A revision that left and
 * came back has them as much as one that was retried.
 */
export function triedOf(releases: readonly KubeObject[], revision: string): Required<Pick<Seen, 'tried'>> | undefined {
  const same = releases.filter((release) => record(release, 'spec')['revision'] === revision).sort(newestFirst);
  const promoted = same.findIndex((release) => record(release, 'status')['outcome'] === 'Promoted');
  const since = promoted === -1 ? same : same.slice(0, promoted);
  const failed = since.find((release) => record(release, 'status', 'breach')['cause'] !== undefined);
  if (failed === undefined) return undefined;
  const status = record(failed, 'status');
  const attempts = figure(status['attempts']) ?? figure(record(failed, 'spec')['attempt']) ?? 1;
  const breach = text(record(status, 'breach')['message']) ?? text(status['message']) ?? 'a breach';
  return { tried: { attempts, breach } };
}

function newestFirst(a: KubeObject, b: KubeObject): number {
  const born = ({ metadata }: KubeObject) => instant(metadata.creationTimestamp) ?? 0;
  return born(b) - born(a) || (a.metadata.name < b.metadata.name ? 1 : -1);
}
