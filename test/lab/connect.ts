import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Api, createApi, expectOk } from './api.ts';
import { kubeconfigText, type Person } from './credentials.ts';
import { prometheusUrl } from './layout.ts';
import type { Place } from './network.ts';
import { deathOf, restartProcess, signalProcess, spawnInside, stopProcess } from './processes.ts';
import { type RunResult, run } from './run.ts';
import { waitFor } from './wait.ts';

/** Everything another process needs to use a running lab. Plain data: it goes through JSON and through vitest's inject. */
export interface LabCoordinates extends Place {
  /** Path of the administrator's kubeconfig, usable from the host and from inside. */
  readonly kubeconfig: string;
  readonly apiServer: string;
  /** Certificate chain of the API server, and its key for a proxy that has to look like it. */
  readonly caFile: string;
  readonly keyFile: string;
  readonly adminToken: string;
  /** Tokens of users without any rights of their own. */
  readonly personTokens: Readonly<Record<Person, string>>;
  readonly prometheusUrl: string;
  readonly gatewayUrl: string;
  /** The control plane's binary; `labplane kubectl` is kubectl. */
  readonly labplane: string;
}

export interface KubeconfigOptions {
  /** Another server than the lab's own, such as a proxy before it. */
  readonly server?: string;
  readonly caFile?: string;
  readonly namespace?: string;
}

export type LabProcess =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'traefik'
  | 'pod-targets'
  | 'prometheus';

/** A running lab, as tests use it. */
export interface Lab extends LabCoordinates {
  readonly api: Api;
  /** Starts a command inside the lab's network; it ends with the thread that started it. */
  exec(argv: readonly string[], options?: SpawnOptions): ChildProcess;
  /** A short-lived token of an existing ServiceAccount, from the API server itself. */
  tokenFor(namespace: string, serviceAccount: string): Promise<string>;
  /** Writes a kubeconfig with this token and returns its path. */
  kubeconfigFor(token: string, options?: KubeconfigOptions): string;
  /** Runs kubectl as the administrator (`--kubeconfig` among the arguments changes that). */
  kubectl(args: readonly string[], input?: string): Promise<RunResult>;
  /** Freezes a process: its sockets stay open and nobody answers. */
  pauseProcess(name: LabProcess): void;
  resumeProcess(name: LabProcess): void;
  /** SIGTERM is an orderly end, SIGKILL a crash. The process keeps its data. */
  stopProcess(name: LabProcess, signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  startProcess(name: LabProcess): void;
  stopPrometheus(): Promise<void>;
  /** Starts Prometheus again on the data it had, and waits until it answers queries. */
  startPrometheus(): Promise<void>;
}

/** Gives a running lab's coordinates their methods, in the process that started it or in any other. */
export function connectLab(coordinates: LabCoordinates): Lab {
  const { apiServer, caFile, adminToken, dir } = coordinates;
  const api = createApi({ server: apiServer, caFile, token: adminToken });
  return {
    ...coordinates,
    api,
    exec: (argv, options) => spawnInside(coordinates, argv, options),
    tokenFor: (namespace, serviceAccount) => requestToken(api, { namespace, serviceAccount }),
    kubeconfigFor(token, { server = apiServer, caFile: ca = caFile, namespace = 'default' } = {}) {
      const file = join(dir, `kubeconfig-${randomUUID()}`);
      writeFileSync(file, kubeconfigText({ server, caFile: ca, token, namespace }), { mode: 0o600 });
      return file;
    },
    kubectl: (args, input) => kubectl(coordinates, args, input),
    pauseProcess: (name) => signalProcess(coordinates, name, 'SIGSTOP'),
    resumeProcess: (name) => signalProcess(coordinates, name, 'SIGCONT'),
    stopProcess: (name, signal) => stopProcess(coordinates, name, signal),
    startProcess: (name) => restartProcess(coordinates, name),
    stopPrometheus: () => stopProcess(coordinates, 'prometheus'),
    async startPrometheus() {
      restartProcess(coordinates, 'prometheus');
      await prometheusReady(coordinates);
    },
  };
}

function kubectl(
  { labplane, kubeconfig, dir }: LabCoordinates,
  args: readonly string[],
  input?: string,
): Promise<RunResult> {
  // The default cache in the home folder is kept by address, and the next lab at this address is another cluster.
  const argv = [labplane, 'kubectl', `--kubeconfig=${kubeconfig}`, `--cache-dir=${join(dir, 'kubectl')}`, ...args];
  return run(argv, input === undefined ? {} : { input });
}

/** An hour is far longer than any test; nothing refreshes the token. */
async function requestToken(
  api: Api,
  { namespace, serviceAccount }: { namespace: string; serviceAccount: string },
): Promise<string> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
  const answer = api<{ status: { token: string } }>({ method: 'POST', path, body });
  return (await expectOk(answer, `token of ServiceAccount ${namespace}/${serviceAccount}`)).status.token;
}

export async function prometheusReady(place: Place): Promise<void> {
  const probe = async (): Promise<true | undefined> => {
    const answer = await fetch(`${prometheusUrl(place)}/-/ready`, { signal: AbortSignal.timeout(2000) });
    await answer.arrayBuffer();
    return answer.ok ? true : undefined;
  };
  await waitFor('Prometheus to be ready', probe, { given: () => deathOf(place, 'prometheus') });
}
