import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Api, expectOk } from './api.ts';
import { connectLab, type Lab, type LabCoordinates, prometheusReady } from './connect.ts';
import { etcd, kubeApiServer, kubeControllerManager } from './controlplane.ts';
import { kubeconfigText, writeCredentials } from './credentials.ts';
import { gateway, gatewayObjects, traefik } from './gateway.ts';
import { apiServerUrl, etcdUrl, gatewayUrl, type Layout, prometheusUrl } from './layout.ts';
import { podTargets, prometheus } from './monitoring.ts';
import { createNetwork, type Place, reserve, sweep } from './network.ts';
import { deathOf, startProcess, startWatchdog, tail } from './processes.ts';
import { findTools, type Tools } from './tools.ts';
import { type Crd, traefikKinds } from './traefik-kinds.ts';
import { waitFor } from './wait.ts';

export interface LabOptions {
  /** Hears what the lab is doing while it starts. */
  readonly say?: (line: string) => void;
  /** Leaves the folder with logs and data behind after `stop`. */
  readonly keepDir?: boolean;
}

/** The lab of the process that started it: it can be stopped, and ends with this process in any case. */
export interface OwnLab extends Lab {
  stop(): Promise<void>;
}

/** Name of the one made-up Node that every pod of the lab is bound to. */
export const nodeName = 'lab-node';

/** Starts a control plane, a gateway and Prometheus in a network of their own. Ready when it resolves. */
export async function startLab({ say = () => {}, keepDir = false }: LabOptions = {}): Promise<OwnLab> {
  const began = performance.now();
  if (process.getuid?.() !== 0) throw new Error('the lab needs root: it makes a network namespace of its own');
  const tools = findTools();
  await sweep();
  const place = reserve();
  const watchdog = startWatchdog(place);
  const stop = async (): Promise<void> => {
    await watchdog.release();
    if (!keepDir) rmSync(place.dir, { recursive: true, force: true });
  };
  try {
    await createNetwork(place);
    const layout = { place, tools, credentials: writeCredentials(place) };
    const lab = connectLab(coordinatesOf(layout));
    await startControlPlane(lab, layout);
    await Promise.all([
      startControllers(lab, layout),
      startGateway(lab, layout),
      startMonitoring(layout),
      createNode(lab.api),
    ]);
    say(`lab ${place.id} is ready after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    return { ...lab, stop };
  } catch (error) {
    const logs = logTails(place);
    await stop();
    throw new Error(`the lab did not start: ${error instanceof Error ? error.message : String(error)}\n${logs}`);
  }
}

function coordinatesOf({ place, tools, credentials }: Layout): LabCoordinates {
  const { caFile, keyFile, adminToken, personTokens } = credentials;
  const apiServer = apiServerUrl(place);
  const kubeconfig = join(place.dir, 'admin.kubeconfig');
  writeFileSync(kubeconfig, kubeconfigText({ server: apiServer, caFile, token: adminToken, namespace: 'default' }), {
    mode: 0o600,
  });
  writeKubectl(place, tools);
  return {
    ...place,
    ...{ kubeconfig, apiServer, caFile, keyFile, adminToken, personTokens },
    prometheusUrl: prometheusUrl(place),
    gatewayUrl: gatewayUrl(place),
    labplane: tools.labplane,
  };
}

/** A `kubectl` for PATH: people type it, and plugins are found by it. */
function writeKubectl({ dir }: Place, { labplane }: Tools): void {
  mkdirSync(join(dir, 'bin'));
  writeFileSync(join(dir, 'bin/kubectl'), `#!/bin/sh\nexec '${labplane}' kubectl "$@"\n`, { mode: 0o755 });
}

async function startControlPlane({ api }: Lab, layout: Layout): Promise<void> {
  const { place } = layout;
  startProcess(place, etcd(layout));
  // The API server looks for etcd once a second; waiting here is quicker than its first miss.
  await waitFor('etcd to be healthy', () => answersOk(`${etcdUrl(place)}/health`), {
    given: () => deathOf(place, 'etcd'),
  });
  startProcess(place, kubeApiServer(layout));
  const ready = async (): Promise<true | undefined> =>
    (await api({ path: '/readyz' })).status === 200 ? true : undefined;
  await waitFor('the API server to be ready', ready, { given: () => deathOf(place, 'kube-apiserver') });
}

/** The controllers run once they have made what every namespace gets: an account and the CA. */
async function startControllers({ api }: Lab, layout: Layout): Promise<void> {
  startProcess(layout.place, kubeControllerManager(layout));
  const given = (): string | undefined => deathOf(layout.place, 'kube-controller-manager');
  for (const path of ['serviceaccounts/default', 'configmaps/kube-root-ca.crt']) {
    const exists = async (): Promise<true | undefined> =>
      (await api({ path: `/api/v1/namespaces/default/${path}` })).status === 200 ? true : undefined;
    await waitFor(`the controller-manager to make ${path}`, exists, { given });
  }
}

async function startGateway({ api }: Lab, layout: Layout): Promise<void> {
  const { crds } = layout.tools;
  const kinds: Crd[] = readdirSync(crds).map((name) => JSON.parse(readFileSync(join(crds, name), 'utf8')));
  await Promise.all([...kinds, ...traefikKinds()].map((crd) => installCrd(api, crd)));
  // Before its objects: the API server holds back the first ones of a kind for 2 s, and Traefik starts meanwhile.
  startProcess(layout.place, traefik(layout));
  for (const { path, body } of gatewayObjects()) {
    await expectOk(api({ method: 'POST', path, body }), `creating at ${path}`);
  }
  const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${gateway.namespace}/gateways/${gateway.name}`;
  const programmed = async (): Promise<true | undefined> => hasCondition((await api({ path })).body, 'Programmed');
  await waitFor('the Gateway to be Programmed', programmed, { given: () => deathOf(layout.place, 'traefik') });
}

/** Direct calls, all at once: kubectl would send them one by one and download the OpenAPI document first. */
async function installCrd(api: Api, crd: Crd): Promise<void> {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  await expectOk(api({ method: 'POST', path, body: crd }), `creating the CRD ${crd.metadata.name}`);
  const one = `${path}/${crd.metadata.name}`;
  const established = async (): Promise<true | undefined> =>
    hasCondition((await api({ path: one })).body, 'Established');
  await waitFor(`CRD ${crd.metadata.name} to be Established`, established);
}

async function startMonitoring(layout: Layout): Promise<void> {
  startProcess(layout.place, podTargets(layout));
  startProcess(layout.place, prometheus(layout));
  await prometheusReady(layout.place);
}

/** Pods need a Node that exists, or the garbage collector deletes them; it never has to be real. */
async function createNode(api: Api): Promise<void> {
  const capacity = { cpu: '1000', memory: '1Ti', pods: '100000' };
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName, labels: { 'kubernetes.io/hostname': nodeName } },
  };
  await expectOk(api({ method: 'POST', path: '/api/v1/nodes', body: node }), 'creating the Node');
  const ready = { type: 'Ready', status: 'True', reason: 'LabNode', message: 'made by the lab' };
  const body = { status: { capacity, allocatable: capacity, conditions: [ready] } };
  await expectOk(api({ method: 'PATCH', path: `/api/v1/nodes/${nodeName}/status`, body }), 'reporting the Node ready');
  // Admission taints every new Node as not ready; the controller that would lift it is one we leave out.
  await expectOk(
    api({ method: 'PATCH', path: `/api/v1/nodes/${nodeName}`, body: { spec: { taints: null } } }),
    'untainting the Node',
  );
}

async function answersOk(url: string): Promise<true | undefined> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
  await answer.arrayBuffer();
  return answer.ok ? true : undefined;
}

export function hasCondition(object: unknown, type: string): true | undefined {
  const { status } = object as { status?: { conditions?: readonly { type: string; status: string }[] } };
  return status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') || undefined;
}

function logTails(place: Place): string {
  const names = readdirSync(place.dir).flatMap((file) =>
    file.endsWith('.log') ? [file.slice(0, -'.log'.length)] : [],
  );
  return names.map((name) => `--- ${name}.log\n${tail(place, name)}`).join('\n');
}
