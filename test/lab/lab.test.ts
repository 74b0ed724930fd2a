import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'undici';
import { expect, inject, test, vi } from 'vitest';
import { expectOk } from './api.ts';
import { connectLab } from './connect.ts';
import { gateway } from './gateway.ts';
import { hasCondition, nodeName } from './lab.ts';
import { versions } from './tools.ts';
import { waitFor } from './wait.ts';

const lab = connectLab(inject('lab'));

// Every wait below says after 90 s what it missed; the test must live to show it.
vi.setConfig({ testTimeout: 120_000 });

/** A namespace of the test's own, so that tests run side by side and leave nothing that another would meet. */
async function newNamespace(): Promise<string> {
  const name = `lab-test-${randomUUID().slice(0, 8)}`;
  await expectOk(lab.api({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name } } }), 'namespace');
  return name;
}

async function create(path: string, body: object): Promise<void> {
  await expectOk(lab.api({ method: 'POST', path, body }), `creating at ${path}`);
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly ownerReferences?: readonly { readonly kind: string }[] };
  }[];
}

test('the API server says the version that was linked', async () => {
  const { body } = await lab.api<{ gitVersion: string }>({ path: '/version' });
  expect(body.gitVersion).toBe(versions.kubernetes);
});

test('kubectl speaks the same version and sees the Node ready', async () => {
  const { stdout, code } = await lab.kubectl(['get', 'node', nodeName, '-o', 'jsonpath={.status.conditions[0].type}']);
  expect({ stdout, code }).toEqual({ stdout: 'Ready', code: 0 });
});

test('the controller-manager makes the pods of a ReplicaSet', async () => {
  const namespace = await newNamespace();
  const labels = { app: 'web' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } };
  const spec = { replicas: 2, selector: { matchLabels: labels }, template };
  await create(`/apis/apps/v1/namespaces/${namespace}/replicasets`, { metadata: { name: 'web' }, spec });
  const pods = await waitFor('two pods', async () => {
    const { body } = await lab.api<PodList>({ path: `/api/v1/namespaces/${namespace}/pods` });
    return body.items.length === 2 ? body.items : undefined;
  });
  expect(pods.map((pod) => pod.metadata.ownerReferences?.[0]?.kind)).toEqual(['ReplicaSet', 'ReplicaSet']);
});

test('RBAC refuses a ServiceAccount until a role is bound to it', async () => {
  const namespace = await newNamespace();
  await create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'nobody' } });
  const token = await lab.tokenFor(namespace, 'nobody');
  const listPods = async (): Promise<number> =>
    (await lab.api({ path: `/api/v1/namespaces/${namespace}/pods`, token })).status;
  expect(await listPods()).toBe(403);
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }];
  await create(`/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles`, {
    metadata: { name: 'pods' },
    rules,
  });
  await create(`/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`, {
    metadata: { name: 'pods' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'pods' },
    subjects: [{ kind: 'ServiceAccount', name: 'nobody', namespace }],
  });
  await waitFor('the role to count', async () => ((await listPods()) === 200 ? true : undefined));
});

test('a person is who their token says, and an unknown token is nobody', async () => {
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const alice = lab.api<{ status: { userInfo: { username: string } } }>({
    method: 'POST',
    path,
    body,
    token: lab.personTokens.alice,
  });
  expect((await expectOk(alice, 'who alice is')).status.userInfo.username).toBe('alice');
  expect((await lab.api({ path: '/api/v1/namespaces', token: 'forged' })).status).toBe(401);
});

test('an admission policy refuses what its expression refuses', async () => {
  const namespace = await newNamespace();
  const group = '/apis/admissionregistration.k8s.io/v1';
  await create(`${group}/validatingadmissionpolicies`, {
    metadata: { name: namespace },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
      },
      validations: [{ expression: "object.data['by'] == request.userInfo.username", message: 'by must be you' }],
    },
  });
  const matchResources = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } };
  await create(`${group}/validatingadmissionpolicybindings`, {
    metadata: { name: namespace },
    spec: { policyName: namespace, validationActions: ['Deny'], matchResources },
  });
  const dryRun = (by: string): ReturnType<typeof lab.api> =>
    lab.api({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`,
      body: { metadata: { name: 'note' }, data: { by } },
    });
  const refused = await waitFor('the policy to be loaded', async () => {
    const answer = await dryRun('mallory');
    return answer.status === 422 ? answer : undefined;
  });
  expect(JSON.stringify(refused.body)).toContain('by must be you');
  expect((await dryRun('admin')).status).toBe(201);
});

test('the Gateway is programmed, from any namespace', async () => {
  const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${gateway.namespace}/gateways/${gateway.name}`;
  expect(hasCondition((await lab.api({ path })).body, 'Programmed')).toBe(true);
});

/** A pod is anything that listens on a pod address inside the lab. The port is one that others use on their address. */
async function listen(address: string, answer: string): Promise<void> {
  const script = `require('node:http').createServer((_, r) => r.end('${answer}')).listen(8080, '${address}', () => console.log('up'))`;
  const child = lab.exec([process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    child.stdout?.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`the server at ${address} ended with code ${code}`)));
  });
}

test('a route reaches the address that an EndpointSlice names', async () => {
  const namespace = await newNamespace();
  const host = `${namespace}.test`;
  await listen('10.99.7.1', namespace);
  await create(`/api/v1/namespaces/${namespace}/services`, {
    metadata: { name: 'web' },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  });
  await create(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
    metadata: { name: 'web', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: ['10.99.7.1'], conditions: { ready: true } }],
  });
  await create(`/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`, {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'web' },
    spec: {
      hostnames: [host],
      parentRefs: [{ name: gateway.name, namespace: gateway.namespace }],
      rules: [{ backendRefs: [{ name: 'web', port: 80 }] }],
    },
  });
  await waitFor('the route to answer', async () => {
    const answer = await request(lab.gatewayUrl, { headers: { host } });
    return (await answer.body.text()) === namespace ? true : undefined;
  });
});

interface PrometheusAnswer {
  readonly data: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: readonly [number, string] }[];
  };
}

async function query(promql: string): Promise<PrometheusAnswer['data']['result']> {
  const answer = await fetch(`${lab.prometheusUrl}/api/v1/query?query=${encodeURIComponent(promql)}`);
  const body = (await answer.json()) as PrometheusAnswer;
  return body.data.result;
}

test('Prometheus scrapes the gateway', async () => {
  await waitFor('up of the gateway', async () =>
    (await query('up{job="traefik"} == 1')).length === 1 ? true : undefined,
  );
});

test('Prometheus scrapes a running pod that asks for it, under its own name', async () => {
  const namespace = await newNamespace();
  const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' };
  const containers = [{ name: 'web', image: 'lab/web:v1', ports: [{ containerPort: 8080 }] }];
  // The lab's kubelet runs it, as it runs every pod of this lab.
  await create(`/api/v1/namespaces/${namespace}/pods`, {
    metadata: { name: 'web-1', annotations },
    spec: { nodeName, containers },
  });
  const [series] = await waitFor('a figure of the pod', async () => {
    const result = await query(`process_start_time_seconds{namespace="${namespace}"}`);
    return result.length > 0 ? result : undefined;
  });
  expect(series?.metric).toMatchObject({ namespace, pod: 'web-1', container: 'web' });
  expect(Number(series?.value[1])).toBeGreaterThan(0);

  const ip = await waitFor('the address of the pod', async () => {
    const { body } = await lab.api<{ status?: { podIP?: string } }>({
      path: `/api/v1/namespaces/${namespace}/pods/web-1`,
    });
    return body.status?.podIP;
  });
  const asks = `for (let i = 0; i < 20; i++) await (await fetch('http://${ip}:8080/')).text();`;
  const [code] = await once(lab.exec([process.execPath, '--input-type=module', '-e', asks]), 'exit');
  expect(code).toBe(0);
  // Native histograms come by protobuf alone, and Prometheus reads out of them what the classic one says.
  const [counted] = await waitFor('the requests in both kinds of histogram', async () => {
    const classic = `http_request_duration_seconds_count{namespace="${namespace}"} == 20`;
    const result = await query(
      `histogram_count(http_request_duration_native_seconds{namespace="${namespace}"}) and on(pod) ${classic}`,
    );
    return result.length > 0 ? result : undefined;
  });
  expect(counted?.value[1]).toBe('20');
});
