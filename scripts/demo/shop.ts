import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ReleaseStatus } from '#schema/release.ts';
import type { RolloutStatus } from '#schema/rollout-status.ts';
import { type AppSpec, objectsOf, rolloutOf } from '#test/e2e/support/shop.ts';
import { calmLease, gatewayServes, launchOperator, metricSource, startLoad } from '#test/e2e/support/stage.ts';
import { endChild } from '#test/lab/install.ts';
import type { LoadReport } from '#test/lab/load/recorder.ts';
import { spawnBound } from '#test/lab/processes.ts';
import { waitFor } from '#test/lab/wait.ts';
import type { Ground } from './ground.ts';

/** A new image, and other steps where they are given. */
export interface Change {
  image: string;
  steps?: NonNullable<AppSpec['steps']>;
}

/** The shop of the demo: an application under load, the operator that releases it, and the page that shows it. */
export interface Shop {
  readonly rate: number;
  /** Address of the live page, its secret included. */
  readonly page: string;
  change(to: Change): Promise<void>;
  status(): Promise<RolloutStatus>;
  /** The Release of that name, once it is there. */
  release(name: string): Promise<ReleaseStatus | undefined>;
  counts(): Promise<LoadReport>;
  close(): Promise<void>;
}

const RATE = 100;
const API = '/apis/headgate.dev/v1alpha1/namespaces/shop';
const root = join(import.meta.dirname, '../..');
/** The `kubectl headgate` of this checkout. */
export const CLI = join(root, 'src/cli/main.ts');

export async function openShop(ground: Ground): Promise<Shop> {
  const app = {
    ...{ name: 'checkout', namespace: 'shop', image: 'lab/shop:v1-slowstop-3s', replicas: 4, objective: '99' },
    port: ground.podPort,
  };
  await ground.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: app.namespace } }]);
  await ground.apply([metricSource(ground), ...objectsOf(app)]);
  const [operator, board] = await Promise.all([startOperator(ground), startPage(ground, app.namespace)]);
  const status = async () =>
    (await ground.api<{ status?: RolloutStatus }>({ path: `${API}/rollouts/${app.name}` })).body.status ?? {};
  await waitFor('the first revision to serve', async () => ((await status()).phase === 'Healthy' ? true : undefined));
  await gatewayServes(ground, app);
  const load = await startLoad(ground, app, RATE);
  return {
    rate: RATE,
    page: board.address,
    change: (to) => ground.apply([rolloutOf({ ...app, ...to })]),
    status,
    async release(name) {
      const answer = await ground.api<{ status?: ReleaseStatus }>({ path: `${API}/releases/${name}` });
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

/** As `deploy/` installs it: all namespaces, its Lease in its own. */
function startOperator(ground: Ground) {
  const environment = {
    ...{ ...calmLease, ...ground.environment },
    ...{ HEADGATE_NAMESPACE: '', POD_NAMESPACE: 'headgate-system' },
  };
  return launchOperator(ground, 'shop', { name: 'headgate', kubeconfig: ground.operatorKubeconfig, environment });
}

/** `kubectl headgate dashboard` on this machine's loopback, reading the cluster with the given kubeconfig. */
async function startPage(ground: Ground, namespace: string): Promise<{ child: ChildProcess; address: string }> {
  const flags = ['--kubeconfig', ground.kubeconfig, '-n', namespace, '--port', '0'];
  // Outside of the lab's network, where browsers are, and out of reach of Ctrl-C, as all the rest.
  const child = spawnBound([process.execPath, CLI, 'dashboard', ...flags], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  let address: string | undefined;
  if (child.stdout !== null)
    createInterface({ input: child.stdout }).on('line', (line) => {
      address ??= /https?:\/\/\S+/.exec(line)?.[0];
    });
  const given = () => (child.exitCode === null ? undefined : `the page ended with ${child.exitCode}`);
  return { child, address: await waitFor('the page', async () => address, { given }) };
}
