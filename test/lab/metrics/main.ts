/**
 * A stand-in for metrics-server: `metrics.k8s.io` behind the aggregation of the API server. It says that the pods of any
 * selector together use so much CPU, as the last line on its standard input has it, in thousandths of a core.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createApi } from '../api.ts';

interface PodList {
  items: {
    metadata: { name: string; namespace: string; deletionTimestamp?: string };
    status?: { conditions?: { type: string; status: string }[] };
  }[];
}

const GROUP_VERSION = 'metrics.k8s.io/v1beta1';
const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { listen: text, server: text, ca: text, key: text, token: text } });
const given = (name: keyof typeof values): string => {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
};
const api = createApi({ server: given('server'), caFile: given('ca'), token: given('token') });
let total = 0;
createInterface({ input: process.stdin }).on('line', (line) => {
  total = Number(line);
});

const kinds = {
  ...{ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: GROUP_VERSION },
  resources: [{ name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] }],
};

async function usages(url: URL): Promise<object | undefined> {
  const [, namespace] = /^\/apis\/metrics\.k8s\.io\/v1beta1\/namespaces\/([^/]+)\/pods$/.exec(url.pathname) ?? [];
  if (namespace === undefined) return undefined;
  const { body } = await api<PodList>({ path: `/api/v1/namespaces/${namespace}/pods${url.search}` });
  const ready = body.items.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
  );
  const usage = { cpu: `${Math.round(total / Math.max(1, ready.length))}m`, memory: '16Mi' };
  const items = ready.map(({ metadata: { name } }) => ({
    metadata: { name, namespace },
    ...{ timestamp: new Date().toISOString(), window: '1s', containers: [{ name: 'app', usage }] },
  }));
  return { kind: 'PodMetricsList', apiVersion: GROUP_VERSION, metadata: {}, items };
}

async function answer(url: URL): Promise<object | undefined> {
  if (url.pathname === `/apis/${GROUP_VERSION}`) return kinds;
  return usages(url);
}

const server = createServer(
  { cert: readFileSync(given('ca')), key: readFileSync(given('key')) },
  (request, response) => {
    answer(new URL(request.url ?? '/', given('server')))
      .then((body) => {
        response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body ?? {}));
      })
      .catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
  },
);
const [host = '', port = ''] = given('listen').split(':');
server.listen(Number(port), host, () => process.stdout.write(`${JSON.stringify({ ready: true })}\n`));
