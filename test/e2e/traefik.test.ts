import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { FENCE_ANNOTATION } from '#routers/fence.ts';
import { connectLab } from '../lab/connect.ts';
import { waitFor } from '../lab/wait.ts';
import { met, tell } from './support/figures.ts';
import { lost } from './support/lost.ts';
import { type AppSpec, hostOf } from './support/shop.ts';
import { type App, calmLease, openStage, type Stage } from './support/stage.ts';
import { arrivals, isEnding } from './support/story.ts';

/** Real requests through Traefik's own kinds: an IngressRoute before a TraefikService, and no Gateway API at all. */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'traefik');
  await stage.startOperator({ environment: calmLease });
});
afterAll(() => stage.close());

const apiVersion = 'traefik.io/v1alpha1';
const v1 = 'lab/shop:v1';

interface Route {
  metadata: { annotations?: Record<string, string> };
  spec: { weighted: { services: { name: string; weight?: number }[] } };
}

const routes = ({ name, namespace }: Pick<AppSpec, 'name' | 'namespace'>) => [
  {
    apiVersion,
    kind: 'TraefikService',
    metadata: { name, namespace },
    spec: { weighted: { services: [{ name, port: 80 }] } },
  },
  {
    apiVersion,
    kind: 'IngressRoute',
    metadata: { name, namespace },
    spec: {
      entryPoints: ['web'],
      routes: [
        {
          kind: 'Rule',
          match: `Host(\`${hostOf({ name, namespace })}\`)`,
          services: [{ kind: 'TraefikService', name }],
        },
      ],
    },
  },
];

function open(name: string, replicas: number): Promise<App> {
  const rollout = { traffic: [{ traefikService: name }] };
  const steps = [5, 50].map((weight) => ({ weight, hold: '3s' }));
  return stage.open({ name, image: v1, replicas, objective: '95', steps, routes, rollout });
}

/** At rest: the user's own text, and no trace of the release. */
async function rested(app: App): Promise<Route['spec']> {
  return waitFor('the fence to go', async () => {
    const { metadata, spec } = await app.get<Route>('traefikservice');
    return metadata.annotations?.[FENCE_ANNOTATION] === undefined ? spec : undefined;
  });
}

describe.concurrent('a release behind a TraefikService', () => {
  test('that is good is promoted, and no request is lost', async () => {
    const v2 = 'lab/shop:v2';
    const app = await open('good', 2);
    const load = await app.load(60);
    const { weights, promoted } = arrivals();
    await app.apply({ image: v2 });
    await app.until('promoted', promoted, 240);
    expect(await rested(app)).toEqual({ weighted: { services: [{ name: 'good', port: 80 }] } });
    const report = await load.stop();
    tell('TraefikService, promoted', report, { canary: met(report, v2), weights: [...weights] });
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    expect(met(report, v2).total).toBeGreaterThan(0);
    expect([...weights]).toEqual(expect.arrayContaining([5000, 50_000]));
  });

  test('that is bad goes back to 0, and only its own answers failed', async () => {
    const v2 = 'lab/shop:v2-errors-50';
    const app = await open('bad', 2);
    const load = await app.load(60);
    await app.apply({ image: v2 });
    const ending = await app.until('weight 0', isEnding, 240);
    expect(ending.status).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
    await waitFor("the user's own text", async () => {
      const { spec } = await app.get<Route>('traefikservice');
      return spec.weighted.services.length === 1 ? spec : undefined;
    });
    const report = await load.stop();
    const bad = met(report, v2);
    tell('TraefikService, taken back', report, { canary: bad });
    expect(report.failed, lost(report)).toEqual({ gateway: bad.bad, service: 0 });
    expect(bad.bad).toBeGreaterThan(0);
  });
});
