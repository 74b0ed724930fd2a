/** What happens to a lab when parts of it, or its owner, die. In a lab of its own, which nobody else is using. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connectLab, type Lab } from './connect.ts';
import { run } from './run.ts';
import { waitFor } from './wait.ts';

vi.setConfig({ testTimeout: 120_000 });

const scratch = mkdtempSync(join(tmpdir(), 'hglab-test-'));
let owner: ChildProcess;
let lab: Lab;

beforeAll(async () => {
  const file = join(scratch, 'lab.json');
  owner = spawn(process.execPath, [join(import.meta.dirname, 'hold.ts'), file], { stdio: 'inherit' });
  const given = (): string | undefined => (owner.exitCode === null ? undefined : 'its owner has ended');
  await waitFor('the lab to start', async () => (existsSync(file) ? true : undefined), { withinMs: 300_000, given });
  lab = connectLab(JSON.parse(readFileSync(file, 'utf8')));
});

afterAll(() => {
  owner.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
});

async function samplesOfGateway(range: string): Promise<number> {
  const url = `${lab.prometheusUrl}/api/v1/query?query=${encodeURIComponent(`count_over_time(up{job="traefik"}[${range}])`)}`;
  const answer = (await (await fetch(url)).json()) as { data: { result: readonly { value: [number, string] }[] } };
  return Number(answer.data.result[0]?.value[1] ?? 0);
}

test('Prometheus has its samples again after an outage', async () => {
  const before = await waitFor('three samples', async () => {
    const count = await samplesOfGateway('1h');
    return count >= 3 ? count : undefined;
  });
  await lab.stopPrometheus();
  await expect(fetch(lab.prometheusUrl)).rejects.toThrow();
  await lab.startPrometheus();
  expect(await samplesOfGateway('1h')).toBeGreaterThanOrEqual(before);
});

test('the API server has its objects again after a crash', async () => {
  await lab.kubectl(['create', 'namespace', 'survivor']);
  await lab.stopProcess('kube-apiserver', 'SIGKILL');
  await expect(lab.api({ path: '/readyz' })).rejects.toThrow();
  lab.startProcess('kube-apiserver');
  await waitFor('the API server to be ready again', async () =>
    (await lab.api({ path: '/readyz' })).status === 200 ? true : undefined,
  );
  expect((await lab.api({ path: '/api/v1/namespaces/survivor' })).status).toBe(200);
});

// kills: setpriv left out of spawnInside.
test('a command inside ends with the process that started it', async () => {
  const connect = join(import.meta.dirname, 'connect.ts');
  const script = `
    const { connectLab } = await import('${connect}');
    console.log(connectLab(${JSON.stringify(lab)}).exec(['sleep', '1000']).pid);
    setInterval(() => {}, 1000);`;
  const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<string>((resolve) =>
    starter.stdout.once('data', (line) => resolve(String(line).trim())),
  );
  // Its life is bound by a wrapper that then becomes the command: killed before that, the starter binds nobody.
  await waitFor('the command to run', async () =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep\0') ? true : undefined,
  );
  starter.kill('SIGKILL');
  await waitFor('the command to end', async () => (existsSync(`/proc/${pid}`) ? undefined : true), {
    withinMs: 20_000,
  });
});

const PARTS = [
  '\0etcd\0',
  '\0kube-apiserver\0',
  '\0kube-controller-manager\0',
  '\0pod-targets\0',
  'kubelet/main.ts',
  'bin/prometheus',
  '/traefik\0',
];

// Last: it ends the lab. kills: a watchdog that waits for a signal; lab processes bound to nobody's life.
test('a killed owner leaves neither process nor namespace nor cable', async () => {
  const inside = async (): Promise<string> => (await run(['ip', 'netns', 'pids', lab.netns])).stdout.trim();
  const commands = (await inside()).split('\n').map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  for (const part of PARTS) expect(commands.filter((command) => command.includes(part))).toHaveLength(1);
  owner.kill('SIGKILL');
  await waitFor('the namespace to be gone', async () =>
    (await run(['ip', 'netns', 'list'])).stdout.includes(lab.netns) ? undefined : true,
  );
  await waitFor('the cable to be gone', async () =>
    (await run(['ip', 'link', 'show', `hglab${lab.id}`])).code === 0 ? undefined : true,
  );
});
