import type { ClientKind, LoadReport } from '../../lab/load/recorder.ts';
import { TICK_MS } from './stage.ts';

/** What clients met of one image, or of all: counted by the load source and by nobody else. */
export interface Met {
  total: number;
  bad: number;
}

export function met({ results }: LoadReport, image?: string, client?: ClientKind): Met {
  const rows = results.filter(
    (row) => (image === undefined || row.image === image) && (client === undefined || row.client === client),
  );
  const sum = (list: typeof rows) => list.reduce((total, { count }) => total + count, 0);
  return { total: sum(rows), bad: sum(rows.filter(({ result }) => result !== '2xx')) };
}

/** When the first and the last request that this image answered were sent, Unix milliseconds; undefined: none was. */
export function seenFrom(
  report: LoadReport,
  client: ClientKind,
  image: string,
): { first: number; last: number } | undefined {
  return report.images.find((row) => row.client === client && row.image === image);
}

export function inTicks(ms: number): number {
  return Math.round((10 * ms) / TICK_MS) / 10;
}

/** One line a scenario: what `make test` shows of it. */
export function tell(scenario: string, report: LoadReport, figures: Record<string, unknown>): void {
  const { offered, failed, results, worstLagMs } = report;
  const lost = results.filter(({ result }) => result !== '2xx' && result !== '5xx');
  const how = lost.map(({ client, image, result, count }) => `${client} ${image} ${result} ${count}`);
  const all = { offered, failed, ...(lost.length > 0 ? { how } : {}), lagMs: Math.round(worstLagMs), ...figures };
  console.log(`${scenario}: ${JSON.stringify(all)}`);
}
