import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generated } from '#schema/emit.ts';
import { renderArgoCd } from './argocd.ts';
import { renderCatalogue } from './catalogue.ts';
import { renderChart } from './chart.ts';
import { DASHBOARD, renderDashboard } from './dashboards.ts';
import { renderReliability } from './reliability.ts';
import { renderRouters } from './routers.ts';

/** Writes every generated file. With --check it writes nothing and fails on the first stale ones, naming the fix. */

const root = new URL('../', import.meta.url);
const files: Record<string, string> = {
  ...generated(),
  ...renderChart(),
  ...renderArgoCd(),
  'docs/catalogue.md': renderCatalogue(),
  'docs/reliability.md': renderReliability(),
  'docs/routers.md': renderRouters(),
  [relative(fileURLToPath(root), fileURLToPath(DASHBOARD))]: renderDashboard(),
};

function current(path: string): string | undefined {
  try {
    return readFileSync(new URL(path, root), 'utf8');
  } catch {
    return undefined; // not there is stale too
  }
}

const stale = Object.keys(files).filter((path) => current(path) !== files[path]);
if (process.argv.includes('--check')) {
  for (const path of stale)
    process.stderr.write(`${path} is not what the code makes: run \`make crds\` and commit it\n`);
  if (stale.length > 0) process.exitCode = 1;
} else {
  for (const path of stale) {
    mkdirSync(dirname(fileURLToPath(new URL(path, root))), { recursive: true });
    writeFileSync(new URL(path, root), files[path] ?? '');
    process.stdout.write(`${path}\n`);
  }
}
