import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { dispositions } from '#lib/errors.ts';
import { gates, probes, routers } from '#src/catalog.ts';
import { VERSION } from '#src/version.ts';

/** What no compiler checks: that the house is as its papers say, and that nothing lies about. */

const root = join(import.meta.dirname, '..');
const unread = new Set(['node_modules', '.git', 'dist', '.cache', '.lab', 'coverage']);
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(root, join(entry.parentPath, entry.name)))
  .filter((path) => !path.split('/').some((part) => unread.has(part)));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const code = files.filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'));
const packageJson = JSON.parse(read('package.json'));

/** Paths in the repository that a file imports, statically or not. */
function importsOf(path: string): string[] {
  const named = [...read(path).matchAll(/(?:from|import\(|import)\s*'([#.][^']+)'/g)].map((match) => match[1] ?? '');
  return named.map((name) => {
    if (name.startsWith('.')) return relative(root, resolve(root, dirname(path), name));
    const [prefix = '', target = ''] =
      Object.entries<string>(packageJson.imports).find(([key]) => name.startsWith(key.replace('*', ''))) ?? [];
    return join('.', target.replace('*', name.slice(prefix.length - 1)));
  });
}

test('every module is part of a program', () => {
  // The catalog is read by the law suites and by this test.
  const roots = ['src/main.ts', 'src/cli/main.ts', 'src/web/app.tsx', 'src/schema/emit.ts', 'src/catalog.ts'];
  const reached = new Set([...roots, ...code.filter((path) => path.startsWith('scripts/'))]);
  for (const path of reached) for (const found of importsOf(path)) if (code.includes(found)) reached.add(found);
  expect(code.filter((path) => path.startsWith('src/') && !reached.has(path))).toEqual([]);
});

test('nothing is left for later without a place where it is kept', () => {
  const words = new RegExp(['TO', 'DO|FIX', 'ME|XX', 'X\\b'].join(''));
  expect(code.filter((path) => words.test(read(path)))).toEqual([]);
});

test('files are small', () => {
  const tooLong = code.filter(
    (path) => read(path).trimEnd().split('\n').length > (path.startsWith('test/') ? 500 : 300),
  );
  expect(tooLong).toEqual([]);
});

test('no file is named by a word that says nothing', () => {
  expect(files.filter((path) => /manager|helper|util|handler|impl/i.test(basename(path)))).toEqual([]);
});

test('docs/errors.md knows every error code and its disposition, and no other', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| (\w+) \|/gm)].map(([, name, does]) => [
    name,
    does,
  ]);
  expect(Object.fromEntries(rows)).toEqual(dispositions);
});

test('docs/gates.md knows every cause of a verdict', () => {
  const causes = [...(/type Cause =([^;]+);/.exec(read('src/core/gate.ts'))?.[1] ?? '').matchAll(/'(\w+)'/g)];
  const told = [...read('docs/gates.md').matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
  expect(told.sort()).toEqual(causes.map((match) => match[1]).sort());
});

test('docs/operations.md knows every variable of the environment', () => {
  const variables = [...read('src/config.ts').matchAll(/^ {2}([A-Z_]+): /gm)].map((match) => match[1]);
  const told = [...read('docs/operations.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1]);
  expect(told.sort()).toEqual(variables.sort());
});

test('each kind of the catalog has its file, its cases, and nobody else has', () => {
  const kinds = routers.map(({ router }) => router.kind.replace(/(?<=[a-z])[A-Z]/g, (big) => `-${big}`).toLowerCase());
  expect(readdirSync(join(root, 'test/routers/golden')).sort()).toEqual(kinds.sort());
  const places = [
    ...kinds.map((kind) => `routers/${kind}`),
    ...gates.map(({ kind }) => `gates/${kind}`),
    ...probes.map(({ kind }) => `probes/${kind}`),
  ];
  const wanted = places.flatMap((place) => [`src/${place}.ts`, `test/${place}.test.ts`]);
  expect(wanted.filter((path) => !files.includes(path))).toEqual([]);
});

// kills: a kind that everything knows but the role: its routes would never be seen, and no e2e test has all gateways.
test('the operator may watch and patch every kind of route', () => {
  const [role] = parseAllDocuments(read('deploy/operator-roles.yaml')).map((document) => document.toJS());
  const rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[] = role.rules;
  const verbsOf = (group: string, plural: string) =>
    rules
      .filter((rule) => rule.apiGroups.includes(group) && rule.resources.includes(plural))
      .flatMap(({ verbs }) => verbs);
  for (const { router } of routers)
    expect(verbsOf(router.resource.group, router.resource.plural), router.kind).toEqual(
      expect.arrayContaining([
        ...['get', 'list', 'watch', 'patch'],
        ...(router.companion === undefined ? [] : ['create', 'delete']),
      ]),
    );
});

test('the layers of ARCHITECTURE.md are those that the linter holds', () => {
  const written = Object.fromEntries(
    [...read('ARCHITECTURE.md').matchAll(/^\| `src\/(\w+)` \|([^|]*\|[^|]*)\|/gm)].map(
      ([, folder = '', cells = '']) => [folder, [...cells.matchAll(/`([^`]+)`/g)].map((match) => match[1]).sort()],
    ),
  );
  expect(written).toEqual(Object.fromEntries(JSON.parse(read('biome.json')).overrides.flatMap(layerOf)));
});

test('invariants and decisions are counted through, and ARCHITECTURE.md leads to every decision', () => {
  const architecture = read('ARCHITECTURE.md');
  const numbers = (found: IterableIterator<RegExpMatchArray>) => [...found].map(([, number]) => Number(number));
  const counted = (all: unknown[]) => all.map((_, index) => index + 1);
  const invariants = numbers(architecture.split('\n## The life')[0]?.matchAll(/^(\d+)\. \*\*/gm) ?? [].values());
  expect(invariants).toEqual(counted(invariants));
  const decisions = readdirSync(join(root, 'docs/adr')).sort();
  expect(decisions.map((name) => Number(name.slice(0, 4)))).toEqual(counted(decisions));
  const links = [...architecture.matchAll(/\[\d+ [^\]]+\]\(docs\/adr\/([^)]+)\)/g)].map(([, name]) => name);
  expect(links).toEqual(decisions);
});

interface Override {
  includes: string[];
  linter: { rules: { style?: { noRestrictedImports?: { options: { patterns: { group: string[] }[] } } } } };
}

function layerOf({ includes, linter }: Override): [string, string[]][] {
  const group = linter.rules.style?.noRestrictedImports?.options.patterns[0]?.group;
  if (group === undefined) return [];
  const names = group
    .filter((name) => name !== '**' && name !== '!./**')
    .map((name) => name.replace(/^!#?|\/\*\*$/g, ''));
  return [[(includes[0] ?? '').split('/')[1] ?? '', [...new Set(names)].sort()]];
}

test('one version everywhere', () => {
  const tag = /newTag: (\S+)/.exec(read('deploy/kustomization.yaml'))?.[1];
  const chart = [...read('deploy/chart/Chart.yaml').matchAll(/^(?:version|appVersion): (\S+)/gm)].map(([, one]) => one);
  expect(new Set([VERSION, tag, ...chart])).toEqual(new Set([packageJson.version]));
});

// npm leaves optional packages of other platforms out where a registry lacks them, and `npm ci` then refuses the lock.
test('the lock names every package that another one in it asks for', () => {
  const packages: Record<string, Record<string, Record<string, string>>> = JSON.parse(
    read('package-lock.json'),
  ).packages;
  const there = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
  const asked = Object.values(packages).flatMap((entry) =>
    Object.keys({ ...entry['dependencies'], ...entry['optionalDependencies'] }),
  );
  expect(asked.filter((name) => !there.has(name))).toEqual([]);
});

test('no file names the host of a package registry', () => {
  const hosts = [
    ['npmjs', 'org'],
    ['pypi', 'org'],
    ['pythonhosted', 'org'],
    ['golang', 'org'],
    ['debian', 'org'],
  ];
  const pattern = new RegExp(`https?://[a-z.]*\\b(?:${hosts.map((host) => host.join('\\.')).join('|')})`);
  expect(
    files.filter((path) => /\.(tsx?|md|ya?ml|json|go|mod|sh)$|^[^.]+$|\/run$/.test(path) && pattern.test(read(path))),
  ).toEqual([]);
});

test('links between documents lead somewhere', () => {
  const broken = files
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
        .map((match) => match[1] ?? '')
        .filter((link) => !existsSync(resolve(root, dirname(path), link)))
        .map((link) => `${path}: ${link}`),
    );
  expect(broken).toEqual([]);
});
