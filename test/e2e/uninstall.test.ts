import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectLab, type Lab } from '../lab/connect.ts';
import { endChild, installHeadgate, kubectl, startKubelet } from '../lab/install.ts';
import { type OwnLab, startLab } from '../lab/lab.ts';
import { run } from '../lab/run.ts';
import { repoRoot } from '../lab/tools.ts';
import { waitFor } from '../lab/wait.ts';
import { adopt, type Deployment } from './support/adopted.ts';
import { tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { type Load, openStage, type Stage } from './support/stage.ts';
import { tracesOf } from './support/traces.ts';

/** Headgate leaves a cluster under load. In a lab of its own: all others need the kinds that go here. */

let own: OwnLab;
let lab: Lab;
let kubelet: ChildProcess;
let stage: Stage;

beforeAll(async () => {
  own = await startLab();
  lab = connectLab(own);
  await installHeadgate(lab);
  kubelet = await startKubelet(lab);
  stage = await openStage(lab, 'uninstall');
  await stage.startOperator({ environment: patientLease });
});
afterAll(async () => {
  await stage?.close();
  if (kubelet !== undefined) await endChild(kubelet);
  await own?.stop();
});

const [v1, v2] = ['lab/shop:v1-slowstop-3s', 'lab/shop:v2-slowstop-3s'];
const RPS = 20;

async function uninstall(...flags: string[]) {
  const cli = [process.execPath, join(repoRoot, 'src/cli/main.ts'), '--kubeconfig', lab.kubeconfig, 'uninstall'];
  return run([...cli, '--operator-namespace', stage.namespace, '--timeout', '180', ...flags]);
}

async function moreRequests(load: Load): Promise<void> {
  const { offered } = await load.report();
  await waitFor('more requests', async () =>
    (await load.report()).offered.service - offered.service >= 2 * RPS ? true : undefined,
  );
}

interface Owned {
  metadata: { ownerReferences?: unknown[]; finalizers?: string[]; annotations?: Record<string, string> };
  spec: { replicas?: number; selector?: Record<string, string> };
}

test('uninstall gives everything back under load, and then the kinds are gone', async () => {
  const rollout = { gates: [], settle: '1s', scaleDownDelay: '1s' };
  const given = { image: v1, replicas: 2, objective: '90', probe: false, rollout };
  const steps = [{ weight: 50, hold: '10m' }];
  const moving = await stage.open({ ...given, name: 'moving', steps });
  const route = await moving.get<Owned>('httproute');
  const { app: adopted, load: its } = await adopt(lab, stage, { ...given, name: 'adopted', steps }, RPS);
  const load = await moving.load(RPS);
  await moving.apply({ image: v2 });
  await moving.until('its step', ({ status }) => status?.state?.release?.stage === 'Holding');
  await moving.act('pause', 'somebody said something');

  const looked = await uninstall('--dry-run');
  const kinds = async () =>
    (await kubectl(lab, 'get', 'crds,validatingadmissionpolicies,validatingadmissionpolicybindings', '-o', 'name'))
      .split('\n')
      .filter((name) => name.includes('headgate.dev'));
  const before = await kinds();
  const done = await uninstall('--yes');
  await moreRequests(load);
  await moreRequests(its);
  const reports = [await load.stop(), await its.stop()];
  const left = await kinds();
  const deployment = await adopted.get<Deployment>('deployment');
  const after = await moving.get<Owned>('httproute');
  const services = await Promise.all([moving, adopted].map((app) => app.get<Owned>('service')));
  const traces = { moving: await tracesOf(lab, moving), adopted: await tracesOf(lab, adopted) };
  const sets = (await moving.get<{ items: Owned[] }>('replicasets', '-l=headgate.dev/rollout=moving')).items;
  for (const report of reports) tell('uninstall', report, { said: done.stdout.trim() });

  expect(looked.code, looked.stderr).toBe(0);
  expect(before).toHaveLength(8);
  expect(done.code, done.stderr).toBe(0);
  expect(left).toEqual([]);
  // kills: kinds removed under Rollouts that have not given back; a Deployment left at 0.
  for (const report of reports) expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  expect(deployment).toMatchObject({ spec: { replicas: 2 }, status: { availableReplicas: 2 } });
  expect(services.map(({ spec }) => spec.selector)).toEqual([{ app: 'moving' }, { app: 'adopted' }]);
  expect(after.spec).toEqual(route.spec);
  expect(after.metadata.annotations).toEqual(route.metadata.annotations);
  expect(traces.adopted).toEqual([]);
  // Its pods serve on, in a ReplicaSet that nobody owns, under labels that say nothing to anybody any more.
  expect(traces.moving.filter((name) => !/^(pods|replicasets)\/moving-/.test(name))).toEqual([]);
  expect(sets.filter(({ spec }) => spec.replicas !== 0)).toHaveLength(1);
  expect(sets.map(({ metadata }) => [metadata.ownerReferences, metadata.finalizers])).toEqual(
    sets.map(() => [undefined, undefined]),
  );
}, 300_000);
