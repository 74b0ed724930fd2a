import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectOk } from './api.ts';
import type { Lab } from './connect.ts';
import { contained, type Surroundings } from './container.ts';
import { endChild, kubectl } from './install.ts';
import { gatewayTargetsFile } from './monitoring.ts';
import { envoyGatewayPaths, toolPaths } from './tools.ts';
import type { Crd } from './traefik-kinds.ts';
import { waitFor } from './wait.ts';

/**
 * Envoy Gateway in a running lab: its own control plane on the lab's API server, and one Envoy that takes its
 * configuration from it. What a cluster would do for it, the pods of the control plane and of the proxy, is done here: both
 * are processes in the lab's network. The proxy starts with the bootstrap that Envoy Gateway writes into the Deployment.
 */
export interface EnvoyGateway {
  /** Where clients reach the proxy. */
  url: string;
  /** What routes name as their parent. */
  parentRef: { name: string; namespace: string };
  /** Why the proxy answered 5xx by itself, one reason for each such request to this host since `from`. Written seconds later. */
  ownFaults(host: string, from: Date): string[];
  stop(): Promise<void>;
}

export interface EnvoyGatewayOptions {
  /**
   * An application whose backends are not merged, as Envoy Gateway has it out of the box: its Services are told by the label
   * `app` and by ours. All others get a cluster for each Service (`mergeBackends`).
   */
  unmerged: string;
}

const namespace = 'envoy-gateway-system';
const name = 'eg';
const controllerName = 'gateway.envoyproxy.io/gatewayclass-controller';
/** Of the listener; the proxy binds a port that needs no rights, this many higher. */
const PORT = 80;
const PORT_SHIFT = 10_000;
const STATS_PORT = 19_001;
const READY_PORT = 19_003;
/** Of the control plane, and of the lab's end of the cable to it. */
const CONTROL_PLANE = '10.97.0.2';
const CABLE_END = '10.97.0.1';

export async function startEnvoyGateway(lab: Lab, options: EnvoyGatewayOptions): Promise<EnvoyGateway> {
  const dir = mkdtempSync(join(lab.dir, 'envoy-gateway-'));
  await installKinds(lab);
  await create(lab, objects(options));
  const controlPlane = await startControlPlane(lab, dir);
  const proxy = await startProxy(lab, dir, controlPlane).catch((error: Error) => {
    throw new Error(
      `${error.message}\n${['certgen', 'control-plane', 'proxy'].map((log) => tail(dir, log)).join('\n')}`,
    );
  });
  writeFileSync(gatewayTargetsFile(lab), JSON.stringify([{ targets: [`${lab.address}:${STATS_PORT}`] }]));
  return {
    url: `http://${lab.address}:${PORT + PORT_SHIFT}`,
    parentRef: { name, namespace },
    ownFaults: (host, from) => faultsIn(readFileSync(join(dir, 'proxy.log'), 'utf8'), host, from),
    async stop() {
      writeFileSync(gatewayTargetsFile(lab), '[]');
      await endChild(proxy, 'SIGKILL');
      await endChild(controlPlane, 'SIGKILL');
    },
  };
}

interface AccessLogLine {
  response_code: number;
  /** `via_upstream`: a backend's answer. */
  response_code_details: string;
  start_time: string;
}

function faultsIn(log: string, host: string, from: Date): string[] {
  const ours = log.split('\n').filter((line) => line.startsWith('{') && line.includes(`":authority":"${host}"`));
  return ours
    .filter((line) => line.endsWith('}'))
    .map((line): AccessLogLine => JSON.parse(line))
    .filter(({ response_code: code, start_time: at }) => code >= 500 && new Date(at) >= from)
    .map(({ response_code_details: reason }) => reason)
    .filter((reason) => reason !== 'via_upstream');
}

async function installKinds(lab: Lab): Promise<void> {
  const { crds: folder } = envoyGatewayPaths();
  const crds = readdirSync(folder).map((file): Crd => JSON.parse(readFileSync(join(folder, file), 'utf8')));
  await create(lab, crds);
  const names = crds.map(({ metadata }) => `crd/${metadata.name}`);
  await kubectl(lab, 'wait', '--for=condition=Established', '--timeout=60s', ...names);
}

async function create(lab: Lab, items: object[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const { code, stderr } = await lab.kubectl(['apply', '--server-side', '-f', '-'], list);
  if (code !== 0) throw new Error(`creating what Envoy Gateway needs: ${stderr}`);
}

function objects({ unmerged }: EnvoyGatewayOptions): object[] {
  const gatewayApi = 'gateway.networking.k8s.io/v1';
  const envoyApi = 'gateway.envoyproxy.io/v1alpha1';
  const matchExpressions = ['app', 'headgate.dev/rollout'].map((key) => ({
    ...{ key, operator: 'NotIn', values: [unmerged] },
  }));
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: envoyApi,
      kind: 'EnvoyProxy',
      metadata: { name, namespace },
      spec: {
        concurrency: 1,
        mergeBackends: { selector: { matchExpressions } },
        // No pod could run here: the proxy is a process of ours. So the Gateway is never Programmed, which no route needs.
        provider: {
          type: 'Kubernetes',
          kubernetes: { envoyDeployment: { replicas: 0 }, envoyService: { type: 'ClusterIP' } },
        },
      },
    },
    { apiVersion: gatewayApi, kind: 'GatewayClass', metadata: { name }, spec: { controllerName } },
    {
      apiVersion: gatewayApi,
      kind: 'Gateway',
      metadata: { name, namespace },
      spec: {
        gatewayClassName: name,
        infrastructure: { parametersRef: { group: 'gateway.envoyproxy.io', kind: 'EnvoyProxy', name } },
        listeners: [{ name: 'http', protocol: 'HTTP', port: PORT, allowedRoutes: { namespaces: { from: 'All' } } }],
      },
    },
  ];
}

const configuration = {
  apiVersion: 'gateway.envoyproxy.io/v1alpha1',
  kind: 'EnvoyGateway',
  gateway: { controllerName },
  provider: {
    type: 'Kubernetes',
    kubernetes: {
      leaderElection: { disable: true },
      proxyTopologyInjector: { disabled: true },
      client: { rateLimit: { qps: 500, burst: 1000 } },
    },
  },
  // Its own metrics want the port of the proxy's, which runs beside it here.
  telemetry: { metrics: { prometheus: { disable: true } } },
};

async function startControlPlane(lab: Lab, dir: string): Promise<ChildProcess> {
  const { program } = envoyGatewayPaths();
  const env = { ...process.env, KUBECONFIG: lab.kubeconfig, ENVOY_GATEWAY_NAMESPACE: namespace };
  const certgen = lab.exec([program, 'certgen', '--disable-topology-injector'], {
    env,
    ...logged(dir, 'certgen'),
  });
  await new Promise((resolve) => certgen.once('exit', resolve));
  const config = join(dir, 'envoy-gateway.json');
  writeFileSync(config, JSON.stringify(configuration));
  const mounts: Surroundings['mounts'] = [
    // It reads its certificate from there and from nowhere else.
    [await saved(lab, dir, 'secrets/envoy-gateway'), '/certs'],
    [lab.dir, lab.dir],
    [program, program],
  ];
  // Its manager takes port 8080 of all addresses, which is the port of the lab's pods: it has a network of its own.
  const cable = { netns: lab.netns, here: CONTROL_PLANE, there: CABLE_END };
  const argv = contained({ root: emptyFolder(dir, 'control-plane-root'), mounts, cable }, [
    ...[program, 'server', '--config-path', config],
  ]);
  return lab.exec(argv, { env, ...logged(dir, 'control-plane') });
}

function emptyFolder(dir: string, folder: string): string {
  const path = join(dir, folder);
  mkdirSync(path);
  return path;
}

/** The files of a Secret or a ConfigMap in a folder. */
async function saved(lab: Lab, dir: string, object: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/${object}`;
  const { kind, data } = await expectOk(
    lab.api<{ kind: string; data: Record<string, string> }>({ path }),
    `${object} of Envoy Gateway`,
  );
  const to = join(dir, object);
  mkdirSync(to, { recursive: true });
  const encoding = kind === 'Secret' ? 'base64' : 'utf8';
  for (const [file, value] of Object.entries(data)) writeFileSync(join(to, file), Buffer.from(value, encoding));
  return to;
}

interface Deployment {
  metadata: { name: string };
  spec: { template: { spec: { containers: { name: string; args?: string[] }[] } } };
}

/** Starts the proxy as its pod would be: with the arguments, the certificate and the files that Envoy Gateway wrote for it. */
async function startProxy(lab: Lab, dir: string, controlPlane: ChildProcess): Promise<ChildProcess> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments?labelSelector=app.kubernetes.io%2Fname%3Denvoy`;
  const given = () => deathOf('Envoy Gateway', controlPlane);
  const deployment = await waitFor(
    'the Deployment of the proxy',
    async () => (await lab.api<{ items: Deployment[] }>({ path })).body.items[0],
    { given },
  );
  const { args = [] } = deployment.spec.template.spec.containers.find((one) => one.name === 'envoy') ?? {};
  // Nobody here resolves the names of a cluster.
  const controlPlaneName = new RegExp(`envoy-gateway\\.${namespace}\\.svc\\.cluster\\.local\\.?`, 'g');
  const own = args.map((arg) => arg.replace('$(ENVOY_POD_NAME)', name).replace(controlPlaneName, CONTROL_PLANE));
  const { envoy } = toolPaths();
  const mounts: Surroundings['mounts'] = [
    [await saved(lab, dir, 'secrets/envoy'), '/certs'],
    [await saved(lab, dir, `configmaps/${deployment.metadata.name}`), '/sds'],
    [envoy, envoy],
  ];
  const command = contained({ root: emptyFolder(dir, 'proxy-root'), mounts }, [envoy, ...own, '--use-dynamic-base-id']);
  const proxy = lab.exec(command, logged(dir, 'proxy'));
  const ready = async () => ((await fetch(`http://${lab.address}:${READY_PORT}/ready`)).ok ? true : undefined);
  await waitFor('Envoy to be ready', ready, { given: () => deathOf('Envoy', proxy) });
  return proxy;
}

function logged(dir: string, file: string): SpawnOptions {
  const out = openSync(join(dir, `${file}.log`), 'a');
  return { stdio: ['ignore', out, out] };
}

function deathOf(what: string, { exitCode, signalCode }: ChildProcess): string | undefined {
  return exitCode === null && signalCode === null ? undefined : `${what} has exited (${exitCode ?? signalCode})`;
}

function tail(dir: string, log: string): string {
  const file = join(dir, `${log}.log`);
  return existsSync(file) ? `--- ${log}.log\n${readFileSync(file, 'utf8').slice(-6000)}` : '';
}
