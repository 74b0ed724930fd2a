import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyAll } from '#test/e2e/support/stage.ts';
import type { Lab } from '#test/lab/connect.ts';
import { installHeadgate, kubeletUrl, startKubelet } from '#test/lab/install.ts';
import { startLab } from '#test/lab/lab.ts';
import { startStack } from '#test/lab/sandbox/stack.ts';
import { setUp } from '#test/lab/setup.ts';

/** What the demo stands on: an API server with a kubelet, a gateway and a Prometheus. */
export interface Ground
  extends Pick<Lab, 'api' | 'exec' | 'dir' | 'address' | 'kubeconfig' | 'gatewayUrl' | 'prometheusUrl'> {
  /** For the operator, with its own rights where there are rights. */
  readonly operatorKubeconfig: string;
  /** What the operator must be told here beside the usual. */
  readonly environment: Record<string, string>;
  readonly podPort: number;
  /** Where pods are given faults. */
  readonly kubeletUrl: string;
  readonly prometheusPid: number;
  apply(objects: Record<string, unknown>[]): Promise<void>;
  stop(): Promise<void>;
}

type Say = (line: string) => void;

/** The sandbox: an API server in this process, everything else as in the lab. */
export async function sandboxGround(say: Say): Promise<Ground> {
  const stack = await startStack({ say: (line) => say(`setup: ${line}`) });
  await stack.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'headgate-system' } }]);
  say('sandbox: API server, kubelet, gateway and Prometheus are up');
  return { ...stack, operatorKubeconfig: stack.kubeconfig, environment: { HEADGATE_PROBE_LOOPBACK: 'true' } };
}

/** The lab: a real control plane and Traefik, in a network of their own. */
export async function labGround(say: Say, { keepDir }: { keepDir: boolean }): Promise<Ground> {
  await setUp((line) => say(`setup: ${line}`));
  const lab = await startLab({ say: (line) => say(`lab: ${line}`), keepDir });
  await installHeadgate(lab);
  say('lab: Headgate’s kinds, rights and admission policy are in');
  await startKubelet(lab);
  const running: { pid: number } = JSON.parse(readFileSync(join(lab.dir, 'prometheus.process.json'), 'utf8'));
  return {
    ...lab,
    operatorKubeconfig: lab.kubeconfigFor(await lab.tokenFor('headgate-system', 'headgate')),
    environment: {},
    podPort: 8080,
    kubeletUrl: kubeletUrl(lab),
    prometheusPid: running.pid,
    apply: (objects) => applyAll(lab, objects),
  };
}
