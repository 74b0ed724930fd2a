import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import { expect, test } from 'vitest';
import { METRICS } from '#operator/metric-registry.ts';
import { DASHBOARD, renderDashboard } from '../../scripts/dashboards.ts';

interface Panel {
  title: string;
  type: string;
  description?: string;
  targets?: { expr: string }[];
  gridPos: { x: number; w: number };
}

const { panels } = JSON.parse(renderDashboard()) as { panels: Panel[] };
const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

/** Grafana fills its variables in before Prometheus sees them. */
const filled = (expr: string) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$__range', '1h');

/** Names of metrics in a query, and whether it parses at all. */
function read(expr: string): { names: string[]; broken: boolean } {
  const names: string[] = [];
  let broken = false;
  parser.parse(expr).iterate({
    enter(node) {
      if (node.type.isError) broken = true;
      if (node.name === 'Identifier' && node.node.parent?.name === 'VectorSelector')
        names.push(expr.slice(node.from, node.to));
    },
  });
  return { names, broken };
}

const series = new Map(
  METRICS.flatMap(({ name, type, labels }) =>
    (type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).map((part) => [`${name}${part}`, labels] as const),
  ),
);

test.each(queries)('$title: $expr', ({ expr }) => {
  const { names, broken } = read(filled(expr));
  expect(broken, 'it parses').toBe(false);
  expect(names.length).toBeGreaterThan(0);
  // kills: a metric renamed in the registry or the code, but not in a panel
  expect(names.filter((name) => !series.has(name))).toEqual([]);
});

test('the committed dashboard is the generated one', () => {
  expect(readFileSync(DASHBOARD, 'utf8'), 'run: node scripts/dashboards.ts').toBe(renderDashboard());
});

test('every panel says what it shows, and lies within the grid', () => {
  for (const { type, title, description, gridPos } of panels) {
    if (type !== 'row') expect(description, title).toBeTruthy();
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
  }
});
