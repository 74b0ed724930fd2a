import type { ChildProcess } from 'node:child_process';
import { copyFileSync, mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './connect.ts';
import { endChild, kubectl } from './install.ts';
import { kedaPaths } from './tools.ts';
import type { Crd } from './traefik-kinds.ts';

/** KEDA's operator in a running lab, for one namespace: a process in the lab's network, with the administrator's rights. */
export interface Keda {
  /** Says why nothing more is to be expected of it. */
  death(): string | undefined;
  /** Deletes the ScaledObjects, which only KEDA can let go, and ends it. */
  stop(): Promise<void>;
}

export async function installKedaKinds(lab: Lab): Promise<void> {
  const { crds: folder } = kedaPaths();
  const crds = readdirSync(folder).map((file): Crd => JSON.parse(readFileSync(join(folder, file), 'utf8')));
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: crds });
  const { code, stderr } = await lab.kubectl(['apply', '--server-side', '-f', '-'], list);
  if (code !== 0) throw new Error(`creating the kinds of KEDA: ${stderr}`);
  const names = crds.map(({ metadata }) => `crd/${metadata.name}`);
  await kubectl(lab, 'wait', '--for=condition=Established', '--timeout=60s', ...names);
}

export function startKeda(lab: Lab, namespace: string): Keda {
  const dir = mkdtempSync(join(lab.dir, 'keda-'));
  const log = join(dir, 'operator.log');
  const out = openSync(log, 'a');
  const child: ChildProcess = lab.exec([kedaPaths().program, ...argumentsOf(lab, dir)], {
    stdio: ['ignore', out, out],
    env: {
      ...process.env,
      KUBECONFIG: lab.kubeconfig,
      WATCH_NAMESPACE: namespace,
      POD_NAMESPACE: namespace,
      KEDA_CLUSTER_OBJECT_NAMESPACE: namespace,
    },
  });
  const said = () => readFileSync(log, 'utf8').slice(-4000);
  return {
    death: () => (child.exitCode === null ? undefined : `KEDA exited with ${child.exitCode}:\n${said()}`),
    async stop() {
      await lab.kubectl(['delete', 'scaledobjects', '--all', '-n', namespace, '--timeout=60s']);
      await endChild(child, 'SIGKILL');
    },
  };
}

/** Its figures and its health are asked by nobody here; its own service for other triggers wants a certificate all the same. */
function argumentsOf({ caFile, keyFile }: Lab, dir: string): string[] {
  copyFileSync(caFile, join(dir, 'ca.crt'));
  copyFileSync(caFile, join(dir, 'tls.crt'));
  copyFileSync(keyFile, join(dir, 'tls.key'));
  return [
    ...['--cert-dir', dir, '--metrics-service-bind-address', '127.0.0.1:9666'],
    ...['--metrics-bind-address', '0', '--health-probe-bind-address', '0'],
  ];
}
