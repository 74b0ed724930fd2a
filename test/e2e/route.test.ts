import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { FENCE_ANNOTATION } from '#routers/fence.ts';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { waitFor } from '../lab/wait.ts';
import { serverSide, startApplier } from './support/applier.ts';
import { inTicks, tell } from './support/figures.ts';
import { type Journal, openJournal } from './support/journal.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { objectsOf } from './support/shop.ts';
import { type App, applyAll, type Load, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { isPromoted, releaseOf } from './support/story.ts';

/** Other hands on the route in the middle of a release: less traffic is never corrected upward, more is lowered. */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'route');
  await stage.startOperator({ environment: patientLease });
});
afterAll(() => stage.close());

const [v1, v2] = ['lab/shop:v1', 'lab/shop:v2'];
/** The rate of the clients that the route is for; those in the cluster never see it. */
const GATEWAY_RPS = 100;
const LADDER = [0, 5000, 20_000, 50_000, 0];

interface Scene {
  app: App;
  load: Load;
  journal: Journal;
  /** Version of the journal before the release. */
  since: number;
}

/** A release that stands on a step, with traffic on it. */
async function midway(name: string, step: number, hold = '5s'): Promise<Scene> {
  const steps = [5, 20, 50].map((weight) => ({ weight, hold }));
  const app = await stage.open({ name, image: v1, replicas: 2, objective: '95', steps });
  const journal = openJournal(lab, app.spec);
  await journal.catchUp();
  const since = journal.mark();
  const load = await app.load(GATEWAY_RPS, { service: 20 });
  await app.apply({ image: v2 });
  await app.until(
    `to hold step ${step + 1}`,
    ({ status }) => status?.state?.release?.stage === 'Holding' && status.state.release.step === step,
  );
  return { app, load, journal, since };
}

async function ended({ app, load, journal, since }: Scene) {
  await app.until('promoted', isPromoted, 180);
  await waitFor('the fence to go', async () => {
    const route = await app.get<{ metadata: { annotations?: Record<string, string> } }>('httproute');
    return route.metadata.annotations?.[FENCE_ANNOTATION] === undefined ? true : undefined;
  });
  await journal.catchUp();
  const report = await load.stop();
  const ladder = journal.ladder(since);
  const overgrants = journal.overgrants(since);
  await journal.close();
  return { report, ladder, overgrants, release: await releaseOf(app) };
}

const isRouteChanged = ({ status }: RolloutObject) => status?.phase === 'Paused' && status.reason === 'RouteChanged';

/** A JSON patch of the route under a person's own field manager. */
async function byHand({ spec }: App, manager: string, patch: object[]): Promise<void> {
  const given = ['--type=json', '-p', JSON.stringify(patch), `--field-manager=${manager}`];
  await kubectl(lab, 'patch', 'httproute', spec.name, '-n', spec.namespace, ...given);
}

const weights = (stable: number, canary: number) => [
  { op: 'replace', path: '/spec/rules/0/backendRefs/0/weight', value: stable },
  { op: 'replace', path: '/spec/rules/0/backendRefs/1/weight', value: canary },
];

/** Waits until so many more requests came in: long enough for whatever would happen by itself. */
async function moreRequests(load: Load, requests: number): Promise<void> {
  const { offered } = await load.report();
  await waitFor(`${requests} more requests`, async () => {
    const now = await load.report();
    return now.offered.gateway - offered.gateway >= requests ? true : undefined;
  });
}

function pauses({ status }: Awaited<ReturnType<typeof releaseOf>>): number {
  return (status.timeline ?? []).filter(({ kind }) => kind === 'RouteChanged').length;
}

describe.concurrent('somebody else writes the route', () => {
  test('every five seconds: one pause that names the manager, and no second raise until a person resumes', async () => {
    const scene = await midway('reset', 1);
    const { app, journal, load } = scene;
    const route = objectsOf(app.spec).filter(({ kind }) => kind === 'HTTPRoute');
    const resets = startApplier(lab, serverSide.args, () => route);
    const paused = await app.until('the pause', isRouteChanged);
    await journal.catchUp();
    const since = journal.mark();
    await waitFor('three more resets', async () => (resets.count() >= 4 ? true : undefined));
    const still = await app.rollout();
    await journal.catchUp();
    const meanwhile = journal.ladder(since);
    await resets.stop();
    await moreRequests(load, GATEWAY_RPS);
    const before = await releaseOf(app);
    const answer = await app.act('resume', 'the applier ignores the rules now');
    const { report, ladder, release } = await ended(scene);

    expect(paused.status?.message).toMatch(/taken back by gitops/);
    // kills: a lost raise that is written again though the fence says that it was there.
    expect(meanwhile).toEqual([0]);
    expect(isRouteChanged(still)).toBe(true);
    expect(still.status?.state?.since).toBe(paused.status?.state?.since);
    expect(pauses(before)).toBe(1);
    expect(answer).toMatch(/^Applied/);
    expect(ladder).toEqual([0, 5000, 20_000, ...LADDER]);
    expect(pauses(release)).toBe(1);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell('route reset', report, { resets: resets.count(), ladder, says: paused.status?.message });
  });

  test('sets weight 0: paused, never corrected upward, and resumed from the first step', async () => {
    const scene = await midway('zero', 1);
    const { app, journal, load } = scene;
    await byHand(app, 'ann', weights(100, 0));
    const paused = await app.until('the pause', isRouteChanged);
    await journal.catchUp();
    const since = journal.mark();
    await moreRequests(load, 5 * GATEWAY_RPS);
    await journal.catchUp();
    const meanwhile = journal.ladder(since);
    await app.act('resume', 'it was a mistake');
    const { report, ladder, overgrants } = await ended(scene);

    expect(paused.status?.message).toMatch(/taken back by ann/);
    expect(meanwhile).toEqual([0]);
    expect(ladder).toEqual([0, 5000, 20_000, ...LADDER]);
    expect(overgrants).toEqual([]);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell('route set to 0', report, { ladder, says: paused.status?.message });
  });

  test('sets weight 50 on the step of 5: lowered at once, and the release goes on', async () => {
    const scene = await midway('fifty', 0, '8s');
    const { app } = scene;
    const at = Date.now();
    await byHand(app, 'ann', weights(1, 1));
    await waitFor('the weight to come down', async () => ((await app.weight()) === 5000 ? true : undefined));
    const ticks = inTicks(Date.now() - at);
    const { report, ladder, release } = await ended(scene);

    expect(ticks).toBeLessThanOrEqual(2);
    expect(ladder).toEqual([0, 5000, 50_000, ...LADDER.slice(1)]);
    expect(pauses(release)).toBe(0);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell('route set to 50', report, { ladder, ticksUntilLowered: ticks });
  });

  test('adds a rule: it stays untouched until the next release, and that is said', async () => {
    const scene = await midway('rule', 0);
    const { app } = scene;
    const mine = { name: 'rule', port: 80 };
    const rule = { matches: [{ path: { type: 'PathPrefix', value: '/extra' } }], backendRefs: [mine] };
    await byHand(app, 'ann', [{ op: 'add', path: '/spec/rules/-', value: rule }]);
    const rules = async () => (await app.get<{ spec: { rules: unknown[] } }>('httproute')).spec.rules;
    const [, added] = await rules();
    const told = await app.until('the condition', ({ status }) =>
      Boolean(status?.conditions?.some(({ type }) => type === 'RulesAdded')),
    );
    await app.until('the last step', ({ status }) => status?.state?.release?.weight === 50_000, 120);
    await waitFor('half of the traffic', async () => ((await app.weight()) === 50_000 ? true : undefined));
    const [, atHalf] = await rules();
    const { report, ladder, release } = await ended(scene);
    const [first, afterwards] = await rules();

    const condition = told.status?.conditions?.find(({ type }) => type === 'RulesAdded');
    expect(condition?.message).toMatch(/HTTPRoute rule rules\[1\]/);
    expect(atHalf).toEqual(added);
    expect(afterwards).toEqual(added);
    expect(first).toMatchObject({ backendRefs: [{ name: 'rule', port: 80, weight: 1 }] });
    expect(ladder).toEqual(LADDER);
    expect(pauses(release)).toBe(0);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell('route with a new rule', report, { ladder, says: condition?.message });
  });
});

interface GrpcRoute {
  metadata: { annotations?: Record<string, string> };
  spec: { rules: { backendRefs: { name: string; weight?: number }[] }[] };
  status: { parents: { conditions: { type: string; status: string }[] }[] };
}

describe('two routes of one Rollout', () => {
  test('a GRPCRoute moves with the HTTPRoute of the same name, and is the text of its owner afterwards', async () => {
    const { namespace } = stage;
    const name = 'both';
    const matches = [{ method: { service: 'shop.Checkout', method: 'Pay' } }];
    const { spec } = objectsOf({ name, namespace, image: v1, replicas: 2, objective: '95' }).find(
      ({ kind }) => kind === 'HTTPRoute',
    ) as { spec: { parentRefs: object[]; rules: object[] } };
    const rules = [{ matches, backendRefs: [{ name, port: 80, weight: 7 }] }];
    await applyAll(lab, [
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'GRPCRoute',
        metadata: { name, namespace },
        spec: { parentRefs: spec.parentRefs, hostnames: [`grpc.${namespace}.example`], rules },
      },
    ]);
    const steps = [{ weight: 20, hold: '3s' }];
    const traffic = [{ httpRoute: name }, { grpcRoute: name }];
    const app = await stage.open({ name, image: v1, replicas: 2, objective: '95', steps, rollout: { traffic } });
    const load = await app.load(GATEWAY_RPS, { service: 20 });
    const read = () => app.get<GrpcRoute>('grpcroute');
    const atRest = await read();
    await app.apply({ image: v2 });
    await app.until('to hold its step', ({ status }) => status?.state?.release?.stage === 'Holding');
    const moved = await read();
    await app.until('promoted', isPromoted, 180);
    await waitFor('the fence to go', async () =>
      (await read()).metadata.annotations?.[FENCE_ANNOTATION] === undefined ? true : undefined,
    );
    const afterwards = await read();
    const report = await load.stop();

    const refs = moved.spec.rules[0]?.backendRefs.map((ref) => [ref.name, ref.weight]);
    // kills: routes known by their name alone, of which one would stand for both.
    expect(refs).toEqual([
      [name, 80_000],
      [`${name}-canary`, 20_000],
    ]);
    expect(moved.status.parents.flatMap(({ conditions }) => conditions.map(({ status }) => status))).not.toContain(
      'False',
    );
    expect(afterwards.spec).toEqual(atRest.spec);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell('two routes', report, { refs });
  });
});
