import type { Lab } from '../../lab/connect.ts';
import { kubectl } from '../../lab/install.ts';
import { type AppSpec, objectsOf } from './shop.ts';
import { type App, applyAll, gatewayServes, type Load, type Stage, startLoad } from './stage.ts';

/** A Deployment that had users before Headgate came, and the Rollout that takes it over. */

export interface Deployment {
  spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
  status: { replicas?: number; availableReplicas?: number; observedGeneration?: number };
  metadata: { generation: number };
}

type Given = Omit<AppSpec, 'namespace'>;

/** What its user has before Headgate is there. */
export function deploymentOf({ name, namespace, image, replicas }: Omit<AppSpec, 'objective'>) {
  const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' };
  const containers = [{ name: 'app', image, ports: [{ name: 'http', containerPort: 8080 }] }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name }, annotations }, spec: { containers } },
    },
  };
}

/** The Rollout names the Deployment of its own name, and nothing about pods. */
export function adopting({ rollout, ...app }: Given): Given {
  const workloadRef = { kind: 'Deployment', name: app.name };
  const none = { replicas: undefined, selector: undefined, template: undefined };
  return { ...app, rollout: { ...rollout, ...none, workloadRef } };
}

/** The Deployment serves, with clients of both kinds. */
export async function servedByDeployment(lab: Lab, spec: AppSpec, rps: number): Promise<Load> {
  const { name, namespace } = spec;
  const users = objectsOf(spec).filter(({ kind }) => kind !== 'Rollout');
  await applyAll(lab, [...users, deploymentOf(spec)]);
  await gatewayServes(lab, spec);
  await kubectl(lab, 'rollout', 'status', `deployment/${name}`, '-n', namespace, '--timeout=90s');
  return startLoad(lab, spec, rps);
}

export async function adopt(lab: Lab, stage: Stage, given: Given, rps: number): Promise<{ app: App; load: Load }> {
  const app = adopting(given);
  const load = await servedByDeployment(lab, { ...app, namespace: stage.namespace }, rps);
  return { app: await stage.open(app), load };
}

/** A release as a person makes one: the Rollout is not touched. */
export async function setImage(lab: Lab, { spec: { name, namespace } }: Pick<App, 'spec'>, image: string) {
  await kubectl(lab, 'set', 'image', `deployment/${name}`, `app=${image}`, '-n', namespace);
}
