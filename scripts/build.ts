import { chmod, copyFile, mkdir, rm } from 'node:fs/promises';
import { type BuildOptions, build } from 'esbuild';

/** Bundles the operator, the kubectl plug-in and the page into dist/: nothing else is needed to run them. */

const root = new URL('../', import.meta.url);
const path = (name: string) => new URL(name, root).pathname;

/** CommonJS packages inside an ES module ask for `require`; each file gets its own, under a name that nobody uses. */
const REQUIRE =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

const node: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Chunks keep the start quick: what contacts the cluster is read only when it is asked for.
  splitting: true,
  chunkNames: 'chunk-[hash]',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  outdir: path('dist'),
};

await rm(path('dist'), { recursive: true, force: true });
await mkdir(path('dist/web'), { recursive: true });

const entries = { 'kubectl-headgate': path('src/cli/main.ts') };
await build({ ...node, entryPoints: entries, banner: { js: REQUIRE } });
// The operator's image holds this one file and nothing else, and it needs all of it at once.
const { chunkNames: _, ...whole } = node;
await build({ ...whole, splitting: false, entryPoints: { headgate: path('src/main.ts') }, banner: { js: REQUIRE } });
for (const name of ['kubectl-headgate', 'headgate']) await makeExecutable(path(`dist/${name}.js`));

await build({
  entryPoints: [path('src/web/app.tsx')],
  outfile: path('dist/web/app.js'),
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
});
for (const file of ['index.html', 'app.css', 'icon.svg'])
  await copyFile(path(`src/web/${file}`), path(`dist/web/${file}`));

/** The shebang must be the very first line, which a banner shared with the chunks cannot give. */
async function makeExecutable(file: string): Promise<void> {
  const { readFile, writeFile } = await import('node:fs/promises');
  await writeFile(file, `#!/usr/bin/env node\n${await readFile(file, 'utf8')}`);
  await chmod(file, 0o755);
}
