/**
 * The lab without a control plane: the sandbox in this process, and around it what the lab runs around a real one, as
 * processes that reach it over HTTP. Everything is on loopback and needs no root; ready in about two seconds.
 *
 * It ends with the process that started it, however that ends.
 */

import type { SpawnOptions } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeObject } from '#ports/kube-api.ts';
import { systemClock as clock, systemRandom as random } from '#runtime/system-clock.ts';
import { applyObject } from '#sandbox/apply-object.ts';
import { runControllers } from '#sandbox/cluster.ts';
import { createSandbox } from '#sandbox/sandbox.ts';
import { serveSandbox } from '#sandbox/serve.ts';
import { createApi } from '../api.ts';
import type { Lab } from '../connect.ts';
import { gateway } from '../gateway.ts';
import { endChild, startScript } from '../install.ts';
import { createLabClient } from '../kubelet/client.ts';
import { createLog } from '../kubelet/process.ts';
import { prometheusArgv, targetsFile } from '../monitoring.ts';
import { spawnBound } from '../processes.ts';
import { run } from '../run.ts';
import { installPackages } from '../setup.ts';
import { repoRoot } from '../tools.ts';
import { waitFor } from '../wait.ts';
import { startHttpGateway } from './gateway.ts';
import { type Block, drawBlock, freePort } from './loopback.ts';
import { writeTargets } from './targets.ts';

/** What of the lab there is here too, so that what works on the lab works here. */
export interface Stack
  extends Pick<Lab, 'dir' | 'address' | 'kubeconfig' | 'apiServer' | 'gatewayUrl' | 'prometheusUrl' | 'api' | 'exec'> {
  /** Where pods listen; a port that is usual may be somebody else's. */
  readonly podPort: number;
  /** Control port of the kubelet: `POST /fault`. */
  readonly kubeletUrl: string;
  readonly prometheusPid: number;
  /** Server-side apply, in the order given. */
  apply(objects: readonly Record<string, unknown>[]): Promise<void>;
  stop(): Promise<void>;
}

export interface StackOptions {
  /** Hears what takes longer than a moment. */
  say?: (line: string) => void;
}

export async function startStack({ say = () => undefined }: StackOptions = {}): Promise<Stack> {
  const program = await findPrometheus(say);
  const dir = mkdtempSync(join(tmpdir(), 'headgate-demo-'));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  // Who exits in a hurry leaves no folder either; the kernel ends the processes.
  process.once('exit', remove);
  const steps: (() => unknown)[] = [remove];
  const atStop: AtStop = (step) => void steps.push(step);
  const stop = async () => {
    for (const step of steps.splice(0).reverse()) await step();
  };
  try {
    return { ...(await build({ dir, program, atStop })), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What is made last is stopped first: the API server outlives all who watch it. */
type AtStop = (step: () => unknown) => void;

interface Plot {
  dir: string;
  /** Of Prometheus. */
  program: string;
  atStop: AtStop;
}

async function build({ dir, program, atStop }: Plot): Promise<Omit<Stack, 'stop'>> {
  const sandbox = createSandbox({ clock, random });
  const served = await serveSandbox(sandbox);
  atStop(() => served.close());
  atStop(runControllers(sandbox));
  const kubeconfig = join(dir, 'kubeconfig');
  writeFileSync(kubeconfig, served.kubeconfig, { mode: 0o600 });
  const apply = async (objects: readonly Record<string, unknown>[]) => {
    for (const object of objects) await applyObject(sandbox, object as unknown as KubeObject);
  };
  await apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: gateway.namespace } }, gatewayObject]);
  const client = createLabClient({ server: served.url });
  atStop(() => client.close());
  // Before Prometheus, which never looks into a folder that was not there at its start.
  atStop(writeTargets({ ...client, clock, log: createLog({ process: 'targets' }), file: targetsFile({ dir }) }));
  const sends = await startHttpGateway({
    ...{ api: client, watch: client.watch, clock, random, gateway },
    log: createLog({ process: 'gateway' }),
  });
  atStop(() => sends.close());
  const exec = execIn(atStop);
  const block = drawBlock(random);
  const [prometheus, kubeletUrl, podPort] = await Promise.all([
    startPrometheus({ dir, program, block, exec }),
    startKubelet({ kubeconfig, block, exec }),
    freePort(random),
  ]);
  return {
    ...{ dir, address: '127.0.0.1', kubeconfig, apiServer: served.url, gatewayUrl: sends.url, kubeletUrl, podPort },
    ...{ prometheusUrl: prometheus.url, prometheusPid: prometheus.pid },
    ...{ apply, exec, api: createApi({ server: served.url, token: '' }) },
  };
}

const gatewayObject = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: gateway.name, namespace: gateway.namespace },
  spec: { gatewayClassName: 'sandbox', listeners: [{ name: 'http', protocol: 'HTTP', port: 80 }] },
};

/** The one program that does not come with `npm ci`. */
async function findPrometheus(say: (line: string) => void): Promise<string> {
  const find = () =>
    (process.env['PATH'] ?? '')
      .split(delimiter)
      .map((folder) => join(folder, 'prometheus'))
      .find((file) => existsSync(file));
  const found = find();
  if (found !== undefined) return found;
  const hasApt = (await run(['sh', '-c', 'command -v apt-get'])).code === 0;
  if (process.getuid?.() !== 0 || !hasApt)
    throw new Error('there is no `prometheus` in PATH: install it, on Debian by `sudo apt-get install prometheus`');
  await installPackages(['prometheus'], say);
  const installed = find();
  if (installed === undefined) throw new Error('apt-get has installed prometheus, and it is not in PATH');
  return installed;
}

/** A session of its own for each, so that Ctrl-C reaches the starter alone, which then ends them in order. */
function execIn(atStop: AtStop): Stack['exec'] {
  return (argv: readonly string[], options: SpawnOptions = {}) => {
    const child = spawnBound(argv, { ...options, detached: true });
    atStop(() => {
      // What was frozen has to go on before it can end.
      child.kill('SIGCONT');
      return endChild(child);
    });
    return child;
  };
}

interface PrometheusPlot {
  dir: string;
  program: string;
  block: Block;
  exec: Stack['exec'];
}

async function startPrometheus({ dir, program, block, exec }: PrometheusPlot): Promise<{ url: string; pid: number }> {
  const listen = `${block.prometheus}:${await freePort(random)}`;
  const file = join(dir, 'prometheus.log');
  const log = openSync(file, 'a');
  const child = exec(prometheusArgv({ program, dir, listen }), { stdio: ['ignore', log, log], cwd: dir });
  closeSync(log);
  const url = `http://${listen}`;
  const given = () => (child.exitCode === null ? undefined : `it ended:\n${readFileSync(file, 'utf8').slice(-2000)}`);
  const ready = async () => ((await fetch(`${url}/-/ready`)).ok ? true : undefined);
  await waitFor('Prometheus to be ready', ready, { given });
  return { url, pid: child.pid ?? 0 };
}

interface KubeletPlot {
  kubeconfig: string;
  block: Block;
  exec: Stack['exec'];
}

/** The lab's kubelet, which is a scheduler too. */
async function startKubelet({ kubeconfig, block, exec }: KubeletPlot): Promise<string> {
  const script = join(repoRoot, 'test/lab/kubelet/main.ts');
  const place = ['--pod-cidr', block.cidr, '--node-address', block.node, '--node', 'sandbox'];
  const child = await startScript({ exec }, script, ['--kubeconfig', kubeconfig, '--control', '127.0.0.1:0', ...place]);
  return child.control ?? '';
}
