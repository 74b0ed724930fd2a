import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import type { State } from '#core/model.ts';
import type { Lab } from '../../lab/connect.ts';
import { endChild, kubectl, kubeletUrl, startScript } from '../../lab/install.ts';
import type { ClientKind, LoadReport } from '../../lab/load/recorder.ts';
import { repoRoot } from '../../lab/tools.ts';
import { waitFor } from '../../lab/wait.ts';
import { type AppSpec, hostOf, objectsOf, rolloutOf } from './shop.ts';

/** Length of one tick in the lab: scrapes, gates and limits all count in it. */
export const TICK_MS = 1000;

export interface RolloutObject {
  metadata: { name: string; uid: string; resourceVersion: string; generation: number };
  spec: Record<string, unknown>;
  status?: {
    phase?: string;
    reason?: string;
    message?: string;
    weight?: string;
    conditions?: { type: string; status: string; reason: string; message: string }[];
    gates?: {
      verdict: string;
      cause?: string;
      message: string;
      canary: { total: number; bad: number };
      stable: { total: number; bad: number };
      advance?: { logE: string; limit: string };
    }[];
    state?: State;
  };
}

/** A namespace of its own with an operator of its own, so that tests run side by side without touching each other. */
export interface Stage {
  readonly lab: Lab;
  readonly namespace: string;
  startOperator(options?: OperatorOptions): Promise<OperatorProcess>;
  /** Applies an application and waits until its first revision serves. */
  open(app: Omit<AppSpec, 'namespace'>): Promise<App>;
  close(): Promise<void>;
}

export interface OperatorOptions {
  name?: string;
  /** Another way to the API server, such as a proxy. */
  server?: string;
  /** Another build than this tree: the file that Node runs. */
  program?: string;
  environment?: Record<string, string>;
}

/** For tests whose subject is not leadership: a busy machine must not end it. These are the defaults of a cluster. */
export const calmLease = {
  HEADGATE_LEASE_DURATION: '15s',
  HEADGATE_RENEW_DEADLINE: '10s',
  HEADGATE_RETRY_PERIOD: '2s',
};

export interface OperatorProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  log(): string;
  end(signal?: NodeJS.Signals): Promise<void>;
}

export interface App {
  readonly spec: AppSpec;
  rollout(): Promise<RolloutObject>;
  apply(change: Partial<AppSpec>): Promise<void>;
  /** Waits for a state of the Rollout, at most so many ticks. Everything it saw on the way goes to `seen`. */
  until(what: string, done: (rollout: RolloutObject) => boolean, ticks?: number): Promise<RolloutObject>;
  /** Requests a second of each kind of client; `rates` for those that differ. */
  load(rate: number, rates?: Partial<Record<ClientKind, number>>): Promise<Load>;
  act(verb: string, reason?: string): Promise<string>;
  fault(revision: string, behaviour: string): Promise<number>;
  /** Changes what one pod does while it runs. */
  faultPod(pod: string, behaviour: string): Promise<void>;
  get<T = Record<string, unknown>>(kind: string, name?: string): Promise<T>;
  weight(): Promise<number>;
}

export interface Load {
  report(): Promise<LoadReport>;
  stop(): Promise<LoadReport>;
}

let stages = 0;

export async function openStage(lab: Lab, name: string): Promise<Stage> {
  const namespace = `${name}-${process.pid}-${stages++}`;
  await kubectl(lab, 'create', 'namespace', namespace);
  await grantLease(lab, namespace);
  await applyAll(lab, [metricSource(lab)]);
  const operators: OperatorProcess[] = [];
  const loads: Load[] = [];
  return {
    lab,
    namespace,
    async startOperator(options = {}) {
      const operator = await startOperator(lab, namespace, { name: `operator-${operators.length}`, ...options });
      operators.push(operator);
      return operator;
    },
    async open(given) {
      const spec: AppSpec = { ...given, namespace };
      await applyAll(lab, objectsOf(spec));
      const app = createApp(lab, spec, loads);
      await app.until('the first revision to serve', ({ status }) => status?.phase === 'Healthy', 120);
      await gatewayServes(lab, spec);
      return app;
    },
    async close() {
      for (const load of loads) await load.stop().catch(() => undefined);
      await lab.kubectl(['delete', 'rollouts', '--all', '-n', namespace, '--timeout=30s']);
      for (const operator of operators) await operator.end('SIGKILL');
      await lab.kubectl(['delete', 'namespace', namespace, '--wait=false']);
    },
  };
}

export function metricSource(lab: Pick<Lab, 'prometheusUrl'>): Record<string, unknown> {
  // Inside the lab Prometheus is at the same address as from the host.
  const spec = { prometheus: { url: lab.prometheusUrl }, scrapeInterval: '1s', timeout: '2s' };
  return { apiVersion: 'headgate.dev/v1alpha1', kind: 'MetricSource', metadata: { name: 'lab' }, spec };
}

export async function applyAll(lab: Lab, objects: Record<string, unknown>[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const { code, stderr } = await lab.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], list);
  if (code !== 0) throw new Error(`kubectl apply: ${stderr}`);
}

/** The rights of deploy/ for the Lease, in this namespace: each stage elects its own leader. */
async function grantLease(lab: Lab, namespace: string): Promise<void> {
  const rules = [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'get', 'update'] }];
  const subjects = [{ kind: 'ServiceAccount', name: 'headgate', namespace: 'headgate-system' }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'lease' };
  await applyAll(lab, [
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'lease', namespace }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'lease', namespace },
      subjects,
      roleRef,
    },
  ]);
}

export async function startOperator(
  lab: Lab,
  namespace: string,
  options: OperatorOptions & { name: string },
): Promise<OperatorProcess> {
  const token = await lab.tokenFor('headgate-system', 'headgate');
  const kubeconfig = lab.kubeconfigFor(token, options.server === undefined ? {} : { server: options.server });
  return launchOperator(lab, namespace, { ...options, kubeconfig });
}

/** The operator as a process, with any kubeconfig. */
export async function launchOperator(
  lab: Pick<Lab, 'exec' | 'dir'>,
  namespace: string,
  { kubeconfig, ...options }: OperatorOptions & { name: string; kubeconfig: string },
): Promise<OperatorProcess> {
  const file = join(lab.dir, `${namespace}-${options.name}.log`);
  const out = openSync(file, 'a');
  const environment = {
    ...process.env,
    HEADGATE_KUBECONFIG: kubeconfig,
    HEADGATE_NAMESPACE: namespace,
    POD_NAMESPACE: namespace,
    POD_NAME: options.name,
    HEADGATE_TICK: '1s',
    HEADGATE_LEASE_DURATION: '3s',
    HEADGATE_RENEW_DEADLINE: '2s',
    HEADGATE_RETRY_PERIOD: '500ms',
    HEADGATE_FIGURES_EVERY: '1s',
    HEADGATE_LISTEN_ADDRESS: '127.0.0.1',
    HEADGATE_PORT: '0',
    ...options.environment,
  };
  const child = lab.exec([process.execPath, options.program ?? join(repoRoot, 'src/main.ts')], {
    stdio: ['ignore', out, out],
    env: environment,
  });
  closeSync(out);
  const log = () => readFileSync(file, 'utf8');
  const given = () =>
    child.exitCode === null ? undefined : `it exited with ${child.exitCode}:\n${log().slice(-2000)}`;
  await waitFor(`${options.name} to run`, async () => (log().includes('headgate runs') ? true : undefined), { given });
  return { pid: child.pid ?? 0, child, log, end: (signal) => endChild(child, signal) };
}

/** A route that was just written may answer 404 for a moment: load starts when requests arrive. */
export async function gatewayServes(
  lab: Pick<Lab, 'gatewayUrl'>,
  spec: Pick<AppSpec, 'name' | 'namespace'>,
): Promise<void> {
  await waitFor(`the gateway to serve ${hostOf(spec)}`, async () => {
    const { statusCode, body } = await request(lab.gatewayUrl, { headers: { host: hostOf(spec) } });
    await body.dump();
    return statusCode === 200 ? true : undefined;
  });
}

function createApp(lab: Lab, initial: AppSpec, loads: Load[]): App {
  let spec = initial;
  const { namespace, name } = initial;
  const get = async <T>(kind: string, object = name): Promise<T> =>
    JSON.parse(await kubectl(lab, 'get', kind, object, '-n', namespace, '-o', 'json', '--show-managed-fields')) as T;
  const rollout = async () => {
    const { body } = await lab.api<RolloutObject>({
      path: `/apis/headgate.dev/v1alpha1/namespaces/${namespace}/rollouts/${name}`,
    });
    return body;
  };
  return {
    spec,
    rollout,
    get,
    async apply(change) {
      spec = { ...spec, ...change };
      await applyAll(lab, [rolloutOf(spec)]);
    },
    async until(what, done, ticks = 120) {
      let last: RolloutObject | undefined;
      const probe = async () => {
        last = await rollout();
        return done(last) ? last : undefined;
      };
      const withinMs = ticks * TICK_MS;
      return waitFor(`${name}: ${what}`, probe, { withinMs, everyMs: 100 }).catch((error: Error) => {
        throw new Error(`${error.message}\n${JSON.stringify(last?.status, null, 1)}`);
      });
    },
    async load(rate, rates) {
      const load = await startLoad(lab, spec, rate, rates);
      loads.push(load);
      return load;
    },
    async act(verb, reason = 'a test') {
      const body = {
        apiVersion: 'headgate.dev/v1alpha1',
        kind: 'RolloutAction',
        metadata: { generateName: `${verb}-` },
        spec: { rollout: name, verb, reason, by: 'admin' },
      };
      const path = `/apis/headgate.dev/v1alpha1/namespaces/${namespace}/rolloutactions`;
      const { status, body: made } = await lab.api<{ metadata: { name: string } }>({ method: 'POST', path, body });
      if (status !== 201) throw new Error(`${verb}: ${status} ${JSON.stringify(made)}`);
      return waitFor(`an answer to ${verb}`, async () => {
        const { body: action } = await lab.api<{ status?: { state?: string; message?: string } }>({
          path: `${path}/${made.metadata.name}`,
        });
        return action.status?.state === undefined
          ? undefined
          : `${action.status.state}: ${action.status.message ?? ''}`;
      });
    },
    async fault(revision, behaviour) {
      const labels = { 'headgate.dev/rollout': name, 'headgate.dev/revision': revision };
      return askKubelet(lab, { namespace, labels, behaviour });
    },
    async faultPod(pod, behaviour) {
      await askKubelet(lab, { namespace, pod, behaviour });
    },
    async weight() {
      const route = await get<{ spec: { rules: { backendRefs: { name: string; weight?: number }[] }[] } }>('httproute');
      const refs = route.spec.rules[0]?.backendRefs ?? [];
      return refs.find((ref) => ref.name === `${name}-canary`)?.weight ?? 0;
    },
  };
}

/** How many pods took the fault. */
async function askKubelet(lab: Lab, fault: object): Promise<number> {
  const answer = await request(`${kubeletUrl(lab)}/fault`, { method: 'POST', body: JSON.stringify(fault) });
  return ((await answer.body.json()) as { pods: unknown[] }).pods.length;
}

export async function startLoad(
  lab: Pick<Lab, 'exec' | 'gatewayUrl' | 'kubeconfig' | 'address'>,
  spec: Pick<AppSpec, 'name' | 'namespace'>,
  rate: number,
  { gateway = rate, service = rate }: Partial<Record<ClientKind, number>> = {},
): Promise<Load> {
  const config = {
    rate,
    gateway: { rate: gateway, url: lab.gatewayUrl, host: hostOf(spec), connections: 8 },
    service: { rate: service, namespace: spec.namespace, name: spec.name, connections: 8, renewAfterRequests: 25 },
    kubeconfig: lab.kubeconfig,
    control: `${lab.address}:0`,
    printEveryMs: 60_000,
  };
  const child = await startScript(lab, join(repoRoot, 'test/lab/load/main.ts'), [], JSON.stringify(config));
  const call = async (path: string, method: 'GET' | 'POST'): Promise<LoadReport> => {
    const answer = await request(`${child.control}${path}`, { method });
    return (await answer.body.json()) as LoadReport;
  };
  let last: Promise<LoadReport> | undefined;
  return {
    report: () => call('/report', 'GET'),
    stop() {
      last ??= call('/stop', 'POST');
      return last;
    },
  };
}
