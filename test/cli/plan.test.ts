import { expect, test } from 'vitest';
import { run } from '#cli/program.ts';
import { fakeApi, fakeWorld } from './fake.ts';

const rollout = `
apiVersion: headgate.dev/v1alpha1
kind: Rollout
metadata: {name: shop, namespace: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: app, image: "shop:v1"}]}
  service: shop
  traffic: [{httpRoute: shop}]
  gates: [{slo: availability}]
  settle: 15s
`;
const objective = `
apiVersion: headgate.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: availability, namespace: web}
spec:
  objective: "99.5"
  window: {rolling: 30d}
  sli: {events: {total: {metric: requests_total}, bad: {metric: failures_total}}}
`;
const steps = `  steps: [{weight: 5, hold: 5m}, {weight: 50, hold: 5m}]\n`;

async function plan(files: Record<string, string>, ...words: string[]) {
  const { world, output } = fakeWorld(fakeApi({ rollouts: [], releases: [] }).api, { files });
  const code = await run(['plan', ...words], world);
  return { code, ...output };
}

test('five minutes at 5 % of one request a second see +14 % at best, and the table says so', async () => {
  const { code, out } = await plan(
    { 'r.yaml': rollout + steps, 's.yaml': objective },
    '-f',
    'r.yaml',
    '-f',
    's.yaml',
    '--rps',
    '1',
  );
  expect(code).toBe(0);
  await expect(out).toMatchFileSnapshot('golden/plan.txt');
  expect(out).toMatch(/1\/2 +5% +15 +\+13\.9%/);
});

test('steps that are not given are derived for the traffic', async () => {
  const { out } = await plan({ 'all.yaml': `${rollout}---${objective}` }, '-f', 'all.yaml', '--rps', '100');
  await expect(out).toMatchFileSnapshot('golden/plan-derived.txt');
});

test.each([
  {
    name: 'neither a name nor a file',
    words: ['--rps', '1'],
    code: 2,
    says: /name a Rollout of the cluster, or files/,
  },
  { name: 'no traffic', words: ['-f', 'r.yaml'], code: 2, says: /--rps/ },
  { name: 'traffic below nothing', words: ['-f', 'r.yaml', '--rps', '-3'], code: 2, says: /number above 0/ },
  {
    name: 'no percent',
    words: ['-f', 'r.yaml', '--rps', '1', '--base', 'few'],
    code: 2,
    says: /--base must be a percent/,
  },
  { name: 'no Rollout', words: ['-f', 's.yaml', '--rps', '1'], code: 1, says: /hold 0 Rollouts/ },
  { name: 'no objective', words: ['-f', 'r.yaml', '--rps', '1'], code: 1, says: /availability is missing/ },
])('$name is refused', async ({ words, code, says }) => {
  const said = await plan({ 'r.yaml': rollout, 's.yaml': objective }, ...words);
  expect(said.err).toMatch(says);
  expect(said.code).toBe(code);
});
