import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Lab } from './connect.ts';
import { repoRoot } from './tools.ts';
import { waitFor } from './wait.ts';

/** Puts Headgate's objects into a lab: kinds, rights and the admission policy, exactly as `deploy/` has them. */
export async function installHeadgate(lab: Lab): Promise<void> {
  await kubectl(lab, 'apply', '--server-side', '-k', join(repoRoot, 'crds'));
  for (const file of ['namespace', 'service-account', 'operator-roles', 'people-roles', 'admission-policy']) {
    await kubectl(lab, 'apply', '--server-side', '-f', join(repoRoot, 'deploy', `${file}.yaml`));
  }
  await kubectl(lab, 'wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all');
}

export async function kubectl(lab: Lab, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Port of the kubelet's control API, at the lab's own address. */
export const kubeletPort = 10_250;

export function kubeletUrl(lab: Lab): string {
  return `http://${lab.address}:${kubeletPort}`;
}

/** One kubelet runs all pods of a lab. It ends with the caller. */
export async function startKubelet(lab: Lab): Promise<ChildProcess> {
  const script = join(repoRoot, 'test/lab/kubelet/main.ts');
  return startScript(lab, script, ['--kubeconfig', lab.kubeconfig, '--control', `${lab.address}:${kubeletPort}`]);
}

/** Starts one of the lab's scripts inside its network and waits until it says that it is ready. */
export async function startScript(
  lab: Pick<Lab, 'exec'>,
  script: string,
  args: string[],
  input?: string,
): Promise<ChildProcess & { control?: string }> {
  const child: ChildProcess & { control?: string } = lab.exec([process.execPath, script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (input !== undefined) child.stdin?.end(input);
  let ready: { ready?: boolean; control?: string } | undefined;
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      ready ??= line.startsWith('{"ready"') ? JSON.parse(line) : undefined;
    });
  }
  const given = () => (child.exitCode === null ? undefined : `${script} exited with ${child.exitCode}`);
  const said = await waitFor(`${script} to be ready`, async () => ready, { given });
  if (said.control !== undefined) child.control = said.control;
  return child;
}

/** Ends a child of ours and waits until it is gone. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}
