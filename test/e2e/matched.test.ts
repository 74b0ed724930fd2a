import { request } from 'undici';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { hostOf } from './support/shop.ts';
import { type App, openStage, type Stage } from './support/stage.ts';
import { isPromoted } from './support/story.ts';

/** A step for matched users, with real requests: whoever has the header meets the canary, nobody else ever does. */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'matched');
  await stage.startOperator({ environment: patientLease });
});
afterAll(() => stage.close());

const [v1, v2] = ['lab/shop:v1', 'lab/shop:v2'];
const beta = { name: 'x-beta', value: 'yes' };

/** The images that answered so many requests with these headers. */
async function imagesMet({ spec }: App, count: number, headers: Record<string, string>): Promise<string[]> {
  const images = new Set<string>();
  for (let i = 0; i < count; i++) {
    const answer = await request(lab.gatewayUrl, { headers: { host: hostOf(spec), ...headers } });
    await answer.body.dump();
    images.add(`${answer.statusCode} ${answer.headers['x-image']}`);
  }
  return [...images].sort();
}

test('matched requests go to the canary and others never do, and no request is lost', async () => {
  const steps = [
    { headers: [beta], hold: '1s', pause: {} },
    { weight: 50, hold: '3s' },
  ];
  const app = await stage.open({ name: 'matched', image: v1, replicas: 2, objective: '95', steps });
  const route = await app.get<{ spec: unknown }>('httproute');
  const load = await app.load(50);
  await app.apply({ image: v2 });
  const paused = await app.until('to pause for a person', ({ status }) => status?.reason === 'Step', 180);
  const matched = await imagesMet(app, 60, { 'x-beta': 'yes' });
  const others = [...(await imagesMet(app, 30, {})), ...(await imagesMet(app, 30, { 'x-beta': 'no' }))];
  const fence = (await app.get<{ metadata: { annotations?: Record<string, string> } }>('httproute')).metadata;
  expect(await app.act('promote')).toMatch(/^Applied/);
  await app.until('promoted', isPromoted, 240);
  const report = await load.stop();

  expect(paused.status?.message).toContain('users with x-beta: yes');
  expect(fence.annotations?.['headgate.dev/fence']).toMatch(/\/0$/);
  // kills: a matched rule that loses its headers, or that keeps the whole weight.
  expect(matched).toEqual([`200 ${v2}`]);
  expect(new Set(others)).toEqual(new Set([`200 ${v1}`]));
  expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  expect((await app.get<{ spec: unknown }>('httproute')).spec).toEqual(route.spec);
  tell('matched users', report, {});
});
