import { existsSync, promises } from 'node:fs';
import type { Asset } from './server.ts';

/** Files of the page by path, and where each lies under the page's folder. */
const FILES = [
  { path: '/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/app.css', file: 'app.css', type: 'text/css; charset=utf-8' },
  { path: '/app.js', file: 'app.js', type: 'text/javascript; charset=utf-8' },
  { path: '/icon.svg', file: 'icon.svg', type: 'image/svg+xml' },
] as const;

/**
 * The page: built files beside the bundle (`web/`), else the sources, bundled in memory, so that a checkout works
 * without a build.
 */
export async function loadAssets(): Promise<Map<string, Asset>> {
  const built = new URL('./web/', import.meta.url);
  if (existsSync(new URL('app.js', built))) return readAll(built);
  const sources = new URL('../web/', import.meta.url);
  const assets = await readAll(sources, '/app.js');
  assets.set('/app.js', { type: 'text/javascript; charset=utf-8', body: await bundle(new URL('app.tsx', sources)) });
  return assets;
}

async function readAll(folder: URL, except?: string): Promise<Map<string, Asset>> {
  const files = FILES.filter(({ path }) => path !== except);
  const assets = files.map(
    async ({ path, file, type }) => [path, { type, body: await promises.readFile(new URL(file, folder)) }] as const,
  );
  return new Map<string, Asset>(await Promise.all(assets));
}

async function bundle(entry: URL): Promise<Uint8Array> {
  // Named at run time, so that the bundle of a release neither holds nor needs the bundler.
  const bundler = 'esbuild';
  const { build } = (await import(bundler)) as typeof import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [entry.pathname],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}
