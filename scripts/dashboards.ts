import { writeFile } from 'node:fs/promises';
import { metric, type Panel, ROWS, type Row } from './dashboard-panels.ts';

/**
 * Writes dashboards/headgate.json, classic Grafana JSON, from dashboard-panels.ts. A metric that is renamed fails here
 * and not at three in the morning.
 */

const datasource = { type: 'prometheus', uid: '$datasource' };

/** Puts panels side by side in 24 columns, row by row. */
function place(rows: readonly Row[]): unknown[] {
  const placed: unknown[] = [];
  let y = 0;
  for (const { title, panels } of rows) {
    placed.push({
      id: placed.length + 1,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: 24, h: 1 },
    });
    y += 1;
    let x = 0;
    let tallest = 0;
    for (const panel of panels) {
      const { width: w, height: h = 8 } = panel;
      if (x + w > 24) {
        x = 0;
        y += tallest;
        tallest = 0;
      }
      placed.push({ id: placed.length + 1, ...panelJson(panel), gridPos: { x, y, w, h } });
      x += w;
      tallest = Math.max(tallest, h);
    }
    y += tallest;
  }
  return placed;
}

function panelJson({ title, description, type, unit, max, steps, targets }: Panel): Record<string, unknown> {
  const custom =
    type === 'timeseries'
      ? {
          lineWidth: 2,
          fillOpacity: 8,
          showPoints: 'never',
          lineInterpolation: steps === true ? 'stepAfter' : 'linear',
        }
      : {};
  return {
    title,
    description,
    type,
    datasource,
    fieldConfig: { defaults: { unit, min: 0, ...(max === undefined ? {} : { max }), custom }, overrides: [] },
    options:
      type === 'timeseries'
        ? { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } }
        : {},
    targets: targets.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat: legend,
      ...(type === 'stat' ? { instant: true } : {}),
    })),
  };
}

function variable(name: string, query: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name,
    type: 'query',
    datasource,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
    ...more,
  };
}

/** The dashboard, as text: equal input, equal bytes. */
export function renderDashboard(): string {
  const info = metric('headgate_rollout_info');
  const dashboard = {
    uid: 'headgate',
    title: 'Headgate',
    description: 'Canary releases: what moves, what waits, what went back, and what it cost.',
    tags: ['headgate', 'progressive-delivery'],
    schemaVersion: 42,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' },
        variable('job', `label_values(${metric('headgate_leader')}, job)`, {
          includeAll: true,
          multi: true,
          allValue: '.*',
          current: { text: 'All', value: '$__all' },
        }),
        variable('namespace', `label_values(${info}, namespace)`),
        variable('rollout', `label_values(${info}{namespace="$namespace"}, rollout)`),
      ],
    },
    annotations: { list: [] },
    panels: place(ROWS),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

export const DASHBOARD = new URL('../dashboards/headgate.json', import.meta.url);

if (import.meta.main) await writeFile(DASHBOARD, renderDashboard());
