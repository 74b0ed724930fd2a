import type { LoadReport } from '../../lab/load/recorder.ts';

/** Every request that failed, by second: what an assertion says when it finds some. */
export function lost({ seconds }: LoadReport): string {
  const rows = seconds.filter(({ result }) => result !== '2xx');
  return rows
    .map(({ second, client, image, result, count }) => {
      const at = new Date(second * 1000).toISOString();
      return `${at} ${client} ${image} ${result} ${count}`;
    })
    .join('\n');
}
