import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, inject, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { connectLab } from '../lab/connect.ts';
import { must, run } from '../lab/run.ts';
import { repoRoot, toolPaths, versions } from '../lab/tools.ts';

/** The chart, by the real Helm: it says what `kubectl apply -k deploy` says, and refuses values that it cannot read. */

const lab = connectLab(inject('lab'));
const chart = join(repoRoot, 'deploy/chart');
const home = mkdtempSync(join(tmpdir(), 'headgate-helm-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Its caches and settings in a folder of its own, and no cluster. */
const env = { ...process.env, HOME: home, KUBECONFIG: join(home, 'none') };
const helm = (...args: string[]) => [toolPaths().helm, ...args];
/** Helm built by us takes Kubernetes 1.20 for granted. */
const version = ['--kube-version', versions.kubernetes];
const render = (...args: string[]) =>
  must(helm('template', 'headgate', chart, '--namespace', 'headgate-system', ...version, ...args), { env });

interface Named {
  kind: string;
  metadata: { name: string; namespace?: string };
}

const objectsIn = (text: string): Named[] =>
  parseAllDocuments(text).flatMap((document) => (document.toJS() === null ? [] : [document.toJS() as Named]));

function sorted(objects: Named[]): Named[] {
  const key = ({ kind, metadata }: Named) => `${kind} ${metadata.namespace ?? ''} ${metadata.name}`;
  return objects.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

test('helm lint finds nothing', async () => {
  const said = await must(helm('lint', '--strict', chart), { env });
  expect(said).toContain('0 chart(s) failed');
});

// kills: a template that is written by hand beside deploy/.
test('by default it is deploy/ itself, word for word', async () => {
  const { resources, images } = parse(readFileSync(join(repoRoot, 'deploy/kustomization.yaml'), 'utf8')) as {
    resources: string[];
    images: { newTag: string }[];
  };
  const files = resources.filter((file) => file !== 'namespace.yaml');
  const plain = files.flatMap((file) => objectsIn(readFileSync(join(repoRoot, 'deploy', file), 'utf8')));
  const tagged = JSON.stringify(sorted(plain)).replace(
    '"image":"headgate"',
    `"image":"headgate:${images[0]?.newTag}","imagePullPolicy":"IfNotPresent"`,
  );
  expect(sorted(objectsIn(await render()))).toEqual(JSON.parse(tagged));
});

test('it brings the kinds', async () => {
  const objects = objectsIn(await render('--include-crds'));
  expect(objects.filter(({ kind }) => kind === 'CustomResourceDefinition')).toHaveLength(6);
  // kills: a Kustomization among them, which Helm would try to create.
  expect(objects.filter(({ kind }) => kind === 'Kustomization')).toEqual([]);
});

test('a real API server takes it, with every value set', async () => {
  const values = [
    ...['--set', 'replicas=1', '--set', 'image.repository=registry.example/headgate', '--set', 'image.tag=1.2.3'],
    ...['--set', 'env.HEADGATE_LOG_LEVEL=debug', '--set', 'nodeSelector.pool=system'],
    ...['--set-json', 'tolerations=[{"key":"system","operator":"Exists"}]', '--set', 'priorityClassName=high'],
    ...['--set-json', 'imagePullSecrets=[{"name":"pull"}]'],
  ];
  const text = await must(helm('template', 'headgate', chart, '--namespace', 'default', ...version, ...values), {
    env,
  });
  const { code, stdout, stderr } = await lab.kubectl(
    ['apply', '--server-side', '--dry-run=server', '--force-conflicts', '-o', 'json', '-f', '-'],
    text,
  );
  // What the lab installed by another kind of apply is warned about.
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout).items).toContainEqual(
    expect.objectContaining({
      kind: 'Deployment',
      spec: expect.objectContaining({
        replicas: 1,
        template: expect.objectContaining({
          spec: expect.objectContaining({
            nodeSelector: { pool: 'system' },
            imagePullSecrets: [{ name: 'pull' }],
            containers: [
              expect.objectContaining({
                image: 'registry.example/headgate:1.2.3',
                env: expect.arrayContaining([{ name: 'HEADGATE_LOG_LEVEL', value: 'debug' }]),
              }),
            ],
          }),
        }),
      }),
    }),
  );
});

test.each([
  { name: 'a typing error', because: 'a value that nothing reads', set: 'replica=3', says: "'replica' not allowed" },
  { name: 'a wrong type', because: 'a number is meant', set: 'replicas=many', says: '/replicas' },
  { name: 'a strange setting', because: 'the operator would not read it', set: 'env.LOG_LEVEL=debug', says: '/env' },
])('$name is refused, with its name: $because', async ({ set, says, because }) => {
  const { code, stderr } = await run(helm('template', 'headgate', chart, ...version, '--set', set), { env });
  expect(code, because).not.toBe(0);
  expect(stderr).toContain(says);
});
