import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { systemClock as clock, systemRandom as random } from '#runtime/system-clock.ts';
import { type Cluster, runCluster } from '#sandbox/cluster.ts';
import { createSandbox } from '#sandbox/sandbox.ts';
import { type Served, serveSandbox } from '#sandbox/serve.ts';
import { run } from '../lab/run.ts';
import { repoRoot } from '../lab/tools.ts';
import { rollout } from '../schema/objects.ts';

/** The real kubectl against the sandbox. */

const { labplane } = inject('lab');
const dir = mkdtempSync(join(tmpdir(), 'sandbox-'));
const sandbox = createSandbox({ clock, random });
let served: Served;
let cluster: Cluster;

beforeAll(async () => {
  served = await serveSandbox(sandbox);
  cluster = runCluster(sandbox);
  writeFileSync(join(dir, 'config'), served.kubeconfig);
});

afterAll(async () => {
  cluster.stop();
  await served.close();
});

async function kubectl(args: string[], input?: object): Promise<string> {
  const argv = [
    labplane,
    'kubectl',
    `--kubeconfig=${join(dir, 'config')}`,
    `--cache-dir=${join(dir, 'cache')}`,
    ...args,
  ];
  const { code, stdout, stderr } = await run(argv, input === undefined ? {} : { input: JSON.stringify(input) });
  return code === 0 ? stdout : `${code}: ${stderr}`;
}

test('apply, get, patch, scale, wait, delete', async () => {
  const named = { ...rollout({ replicas: 3 }), metadata: { name: 'shop', namespace: 'default' } };
  expect(await kubectl(['apply', '--server-side', '-f', '-'], named)).toBe(
    'rollout.headgate.dev/shop serverside-applied\n',
  );
  expect(
    await kubectl(['apply', '--server-side', '-f', '-'], { ...named, spec: { ...named.spec, replica: 1 } }),
  ).toMatch(/unknown field "spec.replica"|field not declared in schema/);
  expect(await kubectl(['get', 'hro'])).toMatch(
    /^NAME +PHASE +STEP +WEIGHT +STABLE +CANARY +REASON +AGE\nshop .*\d+s\n$/,
  );
  expect(await kubectl(['get', 'rollouts.headgate.dev/shop', '-o', 'jsonpath={.spec.replicas}'])).toBe('3');
  expect(await kubectl(['patch', 'hro', 'shop', '--type=merge', '-p', '{"spec":{"replicas":4}}'])).toMatch(/patched/);
  expect(await kubectl(['scale', 'hro/shop', '--replicas=5'])).toMatch(/scaled/);
  expect(await kubectl(['wait', 'hro/shop', '--for=jsonpath={.spec.replicas}=5', '--timeout=5s'])).toMatch(/met/);
  expect(await kubectl(['annotate', 'hro/shop', 'a=b'])).toMatch(/annotated/);
  expect(await kubectl(['get', 'hro', '-w', '--output-watch-events', '--request-timeout=1s'])).toContain('ADDED');
  expect(await kubectl(['delete', 'hro', 'shop'])).toMatch(/deleted/);
  expect(await kubectl(['get', 'hro', 'shop'])).toMatch(/rollouts.headgate.dev "shop" not found/);
});

test('the example is applied as its documentation says', async () => {
  await kubectl(['apply', '--server-side', '-f', join(repoRoot, 'examples/shop/namespace.yaml')]);
  const said = await kubectl(['apply', '--server-side', '-k', join(repoRoot, 'examples/shop')]);
  expect(said).toMatch(/^rollout.headgate.dev\/checkout serverside-applied$/m);
  expect(await kubectl(['auth', 'whoami'])).toMatch(/sandbox/);
});
