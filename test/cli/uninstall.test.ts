import { expect, test } from 'vitest';
import { exit } from '#cli/exit.ts';
import { run } from '#cli/program.ts';
import { CANARY_LABEL, FINALIZER, ROLLOUT_LABEL } from '#core/labels.ts';
import { LEASE, METRIC_SOURCE, ROLLOUT, SERVICE } from '#kube/resources.ts';
import { OperatorError } from '#lib/errors.ts';
import type { KubeApi, KubeObject, ObjectRef } from '#ports/kube-api.ts';
import { createMemoryApi } from '../support/memory-api.ts';
import { fakeWorld } from './fake.ts';

const CRDS = ['rolloutactions', 'releases', 'rollouts', 'servicelevelobjectives', 'probesuites', 'metricsources'].map(
  (plural) => `CustomResourceDefinition ${plural}.headgate.dev`,
);
const ADMISSION = ['ValidatingAdmissionPolicyBinding', 'ValidatingAdmissionPolicy'].map(
  (kind) => `${kind} rolloutactions.headgate.dev`,
);

const container = { name: 'app', image: 'web:1' };
const rollout = (name: string, workload: Record<string, unknown>): KubeObject => ({
  apiVersion: 'headgate.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name, namespace: 'shop', finalizers: [FINALIZER] },
  spec: { service: name, replicas: 1, ...workload },
});
const adopted = rollout('cart', { workloadRef: { kind: 'Deployment', name: 'cart' } });
const inline = rollout('web', {
  selector: { matchLabels: { app: 'web' } },
  template: { metadata: { labels: { app: 'web' } }, spec: { containers: [container] } },
});

interface Scene {
  rollouts?: KubeObject[];
  /** An operator renews its Lease, and lets go of one Rollout at each look at them. */
  operator?: boolean;
  /** It never lets go of this one. */
  hangs?: string;
  services?: KubeObject[];
  /** Somebody makes this one as soon as all others are gone. */
  remade?: KubeObject;
}

/** The sandbox, with the kinds that it has not got in a list of their own. */
async function scene({ rollouts = [adopted, inline], operator = true, hangs, remade, services = [] }: Scene = {}) {
  const memory = createMemoryApi();
  const extra = new Set([...CRDS, ...ADMISSION]);
  const calls: string[] = [];
  for (const one of rollouts) await memory.create(ROLLOUT, one);
  for (const one of services) await memory.create(SERVICE, one);
  await memory.create(METRIC_SOURCE, source);
  await memory.create(LEASE, lease);
  let looks = 0;

  /** One pass of the operator: renews, and gives the next Rollout back. */
  const work = async () => {
    looks += 1;
    const renewTime = new Date(looks * 1000).toISOString();
    await memory.mergePatch(
      { resource: LEASE, namespace: 'headgate-system', name: 'headgate' },
      { spec: { renewTime } },
    );
    const leaving = (await memory.list(ROLLOUT, undefined)).filter(({ metadata }) => metadata.deletionTimestamp);
    for (const { metadata } of leaving)
      await memory.mergePatch(refOf(metadata), { status: { message: 'Giving back' } }, { subresource: 'status' });
    const next = leaving.find(({ metadata }) => metadata.name !== hangs);
    if (next !== undefined) await memory.mergePatch(refOf(next.metadata), { metadata: { finalizers: null } });
  };
  const titleOf = ({ resource, name }: ObjectRef) => `${resource.kind} ${name}`;
  const isExtra = ({ resource }: ObjectRef) => resource.group !== ROLLOUT.group && resource.kind !== LEASE.kind;
  const api: KubeApi = {
    ...memory,
    async get(ref) {
      if (operator && ref.resource.kind === LEASE.kind) await work();
      if (!isExtra(ref)) return await memory.get(ref);
      if (!extra.has(titleOf(ref))) throw new OperatorError('KUBE_NOT_FOUND', 'no');
      return { apiVersion: 'v1', kind: ref.resource.kind, metadata: { name: ref.name } };
    },
    async list(resource, namespace) {
      if (operator && resource.kind === ROLLOUT.kind && looks > 0) await work();
      const found = await memory.list(resource, namespace);
      if (remade !== undefined && resource.kind === ROLLOUT.kind && found.length === 0)
        return [await memory.create(ROLLOUT, remade)];
      return found;
    },
    async delete(ref, options) {
      calls.push(`${titleOf(ref)}${options?.propagation === undefined ? '' : ` ${options.propagation}`}`);
      if (!isExtra(ref)) return await memory.delete(ref, options);
      extra.delete(titleOf(ref));
    },
  };
  return { api, calls, memory, extra };
}

const refOf = ({ namespace = '', name }: KubeObject['metadata']): ObjectRef => ({ resource: ROLLOUT, namespace, name });
const lease: KubeObject = {
  ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
  metadata: { name: 'headgate', namespace: 'headgate-system' },
  spec: { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: new Date(0).toISOString() },
};
const source: KubeObject = {
  ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'MetricSource' },
  metadata: { name: 'main' },
  spec: { prometheus: { url: 'http://prometheus.example' } },
};

async function type(line: string, set: Scene = {}) {
  const { api, calls, memory, extra } = await scene(set);
  const { world, output } = fakeWorld(api);
  const code = await run(line.split(' '), world);
  return { code, calls, ...output, left: (await memory.list(ROLLOUT, undefined)).length, extra: extra.size };
}

test('everything is given back before anything is removed', async () => {
  const { code, calls, err, out, left } = await type('uninstall --yes');
  expect({ code, left }).toEqual({ code: exit.ok, left: 0 });
  // kills: kinds that are removed under Rollouts; a policy that goes before the actions that it protects
  expect(calls).toEqual(['Rollout cart Background', 'Rollout web Orphan', ...CRDS, ...ADMISSION]);
  expect(err).toMatch(/shop\/cart: gone\n[\s\S]*shop\/web: Giving back\n[\s\S]*shop\/web: gone\n[\s\S]*CustomResource/);
  expect(out).toContain('Headgate is gone but for namespace headgate-system');
});

interface Row {
  name: string;
  because: string;
  line: string;
  set?: Scene;
  want: { code: number; calls: string[]; says: RegExp };
}

// kills: an uninstall that nobody confirmed; one without an operator, which gives nothing back; one that removes the
// kinds while a Rollout hangs, or below Rollouts that Git has made again
test.each<Row>([
  {
    name: 'a look',
    because: 'people want to know what they lose',
    line: 'uninstall --dry-run',
    want: {
      code: exit.ok,
      calls: [],
      says: /shop\/cart: Deployment cart gets its pods and its users back\n {2}shop\/web: its stable pods stay.*\n[\s\S]*metricsources\.headgate\.dev, and the 1 object of it[\s\S]*Nothing was changed/,
    },
  },
  {
    name: 'without --yes',
    because: 'it takes down what a whole cluster relies on',
    line: 'uninstall',
    want: { code: exit.failed, calls: [], says: /nothing was changed: add --yes/ },
  },
  {
    name: 'in one namespace',
    because: 'whoever types it expects the others to be left alone',
    line: 'uninstall -n shop --yes',
    want: { code: exit.usage, calls: [], says: /for the whole cluster.*leave -n out/ },
  },
  {
    name: 'without an operator',
    because: 'nothing would be given back',
    line: 'uninstall --yes',
    set: { operator: false },
    want: { code: exit.failed, calls: [], says: /no operator renews Lease headgate-system\/headgate.*\n.*--force/ },
  },
  {
    name: 'without an operator and without Rollouts',
    because: 'there is nothing to give back',
    line: 'uninstall --yes',
    set: { operator: false, rollouts: [] },
    want: { code: exit.ok, calls: [...CRDS, ...ADMISSION], says: /There is no Rollout/ },
  },
  {
    name: 'a Rollout that hangs',
    because: 'its kind would take the way back with it',
    line: 'uninstall --yes --timeout 30',
    set: { hangs: 'cart' },
    want: {
      code: exit.waiting,
      calls: ['Rollout cart Background', 'Rollout web Orphan'],
      says: /After 30 s these are still there.*\n {2}shop\/cart: Giving back/,
    },
  },
  {
    name: 'a Rollout that Git makes again',
    because: 'it would be deleted without anybody having read what that means',
    line: 'uninstall --yes',
    set: { remade: rollout('again', { workloadRef: { kind: 'Deployment', name: 'again' } }) },
    want: {
      code: exit.failed,
      calls: ['Rollout cart Background', 'Rollout web Orphan'],
      says: /made meanwhile.*: shop\/again\. Take them out of Git/,
    },
  },
  {
    name: 'with the pods',
    because: 'somebody may want nothing to stay',
    line: 'uninstall --yes --delete-pods',
    set: { rollouts: [inline] },
    want: { code: exit.ok, calls: ['Rollout web Background', ...CRDS, ...ADMISSION], says: /deleted with it/ },
  },
])('$name: $because', async ({ line, set, want: { says, ...want } }) => {
  const { code, calls, out, err } = await type(line, set);
  expect({ code, calls }).toEqual(want);
  expect(out + err).toMatch(says);
});

// kills: --force that deletes the pods which still serve; --force that takes the finalizer of the garbage collector
test('by force pods stay, and only our own finalizer is taken off', async () => {
  const { api, calls, memory } = await scene({ operator: false });
  const { world } = fakeWorld(api);
  expect(await run('uninstall --yes --force --timeout 5'.split(' '), world)).toBe(exit.waiting);
  expect(calls).toEqual(['Rollout cart Orphan', 'Rollout web Orphan']);
  const left = await memory.list(ROLLOUT, undefined);
  expect(left.map(({ metadata }) => metadata.finalizers)).toEqual([['orphan'], ['orphan']]);
});

// kills: --force that lets the pods of a Rollout go which somebody has deleted together with them
test('by force nothing is let go that was deleted with its pods before', async () => {
  const { api, memory } = await scene({ operator: false, rollouts: [inline] });
  await memory.delete({ resource: ROLLOUT, namespace: 'shop', name: 'web' }, { propagation: 'Background' });
  const { world, output } = fakeWorld(api);
  expect(await run('uninstall --yes --force --timeout 5'.split(' '), world)).toBe(exit.waiting);
  expect(output.err).toContain('shop/web: was deleted before');
  expect((await memory.list(ROLLOUT, undefined)).map(({ metadata }) => metadata.finalizers)).toEqual([[FINALIZER]]);
});

const service = (name: string, of: string, selector: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop', labels: { [ROLLOUT_LABEL]: of } },
  spec: { selector, ports: [{ port: 80 }] },
});
const services = [
  service('web-canary', 'web', { [CANARY_LABEL]: 'true' }),
  service('web', 'web', { app: 'web' }),
  service('cart-canary', 'cart', { [CANARY_LABEL]: 'true' }),
];

// kills: a Service that is left because its owner was; one of the user deleted; one that a route may still send to
test.each([
  { how: 'uninstall --yes', gone: ['Service web-canary'] },
  { how: 'uninstall --yes --force', gone: [] },
])("$how: the canary's Service of pods that stay: $gone", async ({ how, gone }) => {
  const { code, calls } = await type(how, { services });
  expect(code).toBe(exit.ok);
  expect(calls.filter((call) => call.startsWith('Service '))).toEqual(gone);
});

test('JSON tells what became of each', async () => {
  const { out } = await type('uninstall --yes --timeout 30 -o json', { hangs: 'cart' });
  expect(JSON.parse(out)).toMatchObject({
    rollouts: [
      {
        namespace: 'shop',
        name: 'cart',
        pods: 'GivenBack',
        deployment: 'cart',
        state: 'Waiting',
        message: 'Giving back',
      },
      { namespace: 'shop', name: 'web', pods: 'Stay', state: 'Gone' },
    ],
    removed: [],
  });
});

test('the help', async () => {
  const { out, code } = await type('uninstall --help', { rollouts: [] });
  expect(code).toBe(exit.ok);
  await expect(out).toMatchFileSnapshot('golden/help-uninstall.txt');
});
