import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { waitFor } from '../lab/wait.ts';
import { met, tell } from './support/figures.ts';
import { lost } from './support/lost.ts';
import { type AppSpec, hostOf } from './support/shop.ts';
import { type App, applyAll, calmLease, openStage, type Stage } from './support/stage.ts';
import { arrivals, isEnding } from './support/story.ts';

/** Real requests through the annotations of ingress-nginx, as Traefik's provider for them reads them. */

const lab = connectLab(inject('lab'));
let stage: Stage;

const ingressClass = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name: 'nginx' },
  spec: { controller: 'k8s.io/ingress-nginx' },
};

beforeAll(async () => {
  stage = await openStage(lab, 'nginx');
  await applyAll(lab, [ingressClass]);
  await stage.startOperator({ environment: calmLease });
});
afterAll(() => stage.close());

const v1 = 'lab/shop:v1';

interface Ingress {
  metadata: { annotations?: Record<string, string> };
  spec: unknown;
}

const routes = ({ name, namespace }: Pick<AppSpec, 'name' | 'namespace'>) => [
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, namespace },
    spec: {
      ingressClassName: 'nginx',
      rules: [
        {
          host: hostOf({ name, namespace }),
          http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } }] },
        },
      ],
    },
  },
];

function open(name: string, replicas: number): Promise<App> {
  const rollout = { traffic: [{ nginxIngress: name }] };
  const steps = [5, 50].map((weight) => ({ weight, hold: '3s' }));
  return stage.open({ name, image: v1, replicas, objective: '95', steps, routes, rollout });
}

/** At rest: ours is gone. */
async function rested({ spec: { name, namespace } }: App): Promise<void> {
  await waitFor('the canary Ingress to go', async () => {
    const args = ['get', 'ingress', `${name}-canary`, '-n', namespace, '--ignore-not-found', '-o', 'name'];
    const { stdout } = await lab.kubectl(args);
    return stdout.trim() === '' ? true : undefined;
  });
}

describe.concurrent('a release behind an Ingress', () => {
  test('that is good is promoted, and no request is lost', async () => {
    const v2 = 'lab/shop:v2';
    const app = await open('good', 2);
    const before = await app.get<Ingress>('ingress');
    const load = await app.load(60);
    const { weights, promoted } = arrivals();
    await app.apply({ image: v2 });
    await app.until('promoted', promoted, 240);
    await rested(app);
    const report = await load.stop();
    const after = await app.get<Ingress>('ingress');
    tell('nginxIngress, promoted', report, { canary: met(report, v2, 'gateway'), weights: [...weights] });
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    expect(met(report, v2, 'gateway').total).toBeGreaterThan(0);
    expect([...weights]).toEqual(expect.arrayContaining([5000, 50_000]));
    // kills: a release that writes the user's Ingress.
    expect(after.spec).toEqual(before.spec);
    expect(after.metadata.annotations).toEqual(before.metadata.annotations);
  });

  test('that is bad goes back to 0, and only its own answers failed', async () => {
    const v2 = 'lab/shop:v2-errors-50';
    const app = await open('bad', 3);
    const load = await app.load(60);
    await app.apply({ image: v2 });
    await app.until('taken back', isEnding, 240);
    const weight = await waitFor('weight 0', async () => {
      const { metadata } = await app.get<Ingress>('ingress', 'bad-canary');
      const now = metadata.annotations?.['nginx.ingress.kubernetes.io/canary-weight'];
      return now === '0' ? now : undefined;
    });
    const report = await load.stop();
    tell('nginxIngress, taken back', report, { canary: met(report, v2, 'gateway') });
    expect(weight).toBe('0');
    expect(met(report, v1).bad, lost(report)).toBe(0);
    expect(met(report, v2).bad).toBeGreaterThan(0);
  });
});
