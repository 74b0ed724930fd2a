import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ReleaseStatus } from '#schema/release.ts';
import type { RolloutStatus } from '#schema/rollout-status.ts';
import { objectsOf, rolloutOf } from '#test/e2e/support/shop.ts';
import { applyAll, gatewayServes, metricSource, startLoad, startOperator } from '#test/e2e/support/stage.ts';
import type { Lab } from '#test/lab/connect.ts';
import { endChild, kubectl } from '#test/lab/install.ts';
import type { LoadReport } from '#test/lab/load/recorder.ts';
import { waitFor } from '#test/lab/wait.ts';

/** The shop of the demo: an application under load, the operator that releases it, and the page that shows it. */
export interface Shop {
  readonly rate: number;
  /** Address of the live page, its secret included. */
  readonly page: string;
  change(image: string): Promise<void>;
  status(): Promise<RolloutStatus>;
  /** The Release of that name, once it is there. */
  release(name: string): Promise<ReleaseStatus | undefined>;
  counts(): Promise<LoadReport>;
  close(): Promise<void>;
}

const RATE = 100;
const API = '/apis/headgate.dev/v1alpha1/namespaces/shop';
const root = join(import.meta.dirname, '../..');
const app = { name: 'checkout', namespace: 'shop', image: 'lab/shop:v1-slowstop-3s', replicas: 4, objective: '99' };

export async function openShop(lab: Lab): Promise<Shop> {
  await kubectl(lab, 'create', 'namespace', app.namespace);
  await applyAll(lab, [metricSource(lab), ...objectsOf(app)]);
  // As `deploy/` installs it: all namespaces, its Lease in its own.
  const environment = { HEADGATE_NAMESPACE: '', POD_NAMESPACE: 'headgate-system' };
  const operator = await startOperator(lab, app.namespace, { name: 'headgate', environment });
  const status = async () =>
    (await lab.api<{ status?: RolloutStatus }>({ path: `${API}/rollouts/${app.name}` })).body.status ?? {};
  await waitFor('the first revision to serve', async () => ((await status()).phase === 'Healthy' ? true : undefined));
  await gatewayServes(lab, app);
  const load = await startLoad(lab, app, RATE);
  const board = await startPage(lab);
  return {
    rate: RATE,
    page: board.address,
    change: (image) => applyAll(lab, [rolloutOf({ ...app, image })]),
    status,
    async release(name) {
      const answer = await lab.api<{ status?: ReleaseStatus }>({ path: `${API}/releases/${name}` });
      return answer.status === 200 ? answer.body.status : undefined;
    },
    counts: () => load.report(),
    async close() {
      await load.stop();
      await endChild(board.child);
      await operator.end();
    },
  };
}

/** `kubectl headgate dashboard` on this machine's loopback, reading the cluster with the lab's kubeconfig. */
async function startPage(lab: Lab): Promise<{ child: ChildProcess; address: string }> {
  const argv = [
    join(root, 'src/cli/main.ts'),
    'dashboard',
    '--kubeconfig',
    lab.kubeconfig,
    '-n',
    app.namespace,
    '--port',
    '0',
  ];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
  let address: string | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    address ??= /https?:\/\/\S+/.exec(line)?.[0];
  });
  const given = () => (child.exitCode === null ? undefined : `the page ended with ${child.exitCode}`);
  return { child, address: await waitFor('the page', async () => address, { given }) };
}
