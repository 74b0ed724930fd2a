import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { STABLE_LABEL } from '#core/labels.ts';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { waitFor } from '../lab/wait.ts';
import { adopt, type Deployment, deploymentOf, setImage } from './support/adopted.ts';
import { tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import type { AppSpec } from './support/shop.ts';
import { type App, applyAll, type Load, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { leavesNoTrace } from './support/traces.ts';

/** A Rollout is deleted in every phase of a release: no request is lost, and nothing of it is left behind. */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'deletion');
  await stage.startOperator({ environment: patientLease });
});
afterAll(() => stage.close());

const [v1, v2] = ['lab/shop:v1-slowstop-3s', 'lab/shop:v2-slowstop-3s'];
const NEVER_READY = 'lab/shop:v2-neverready';
const RPS = 20;

interface Moment {
  name: string;
  /** What makes the phase last. */
  steps?: NonNullable<AppSpec['steps']>;
  rollout?: Record<string, unknown>;
  image?: string;
  /** Said once it holds its step. */
  verb?: string;
  reached: (rollout: RolloutObject) => boolean;
}

const at = (stage: string) => (rollout: RolloutObject) =>
  rollout.status?.phase === 'Progressing' && rollout.status.state?.release?.stage === stage;
const joins = ({ status }: RolloutObject) => (status?.state?.release?.joined ?? 0) > 0;

const preparing: Moment = { name: 'preparing', image: NEVER_READY, reached: at('Preparing') };
const probing: Moment = { name: 'probing', rollout: { settle: '10s' }, reached: at('Probing') };
const shifting: Moment = { name: 'shifting', rollout: { settle: '5s' }, reached: at('Shifting') };
const holding: Moment = { name: 'holding', reached: at('Holding') };
const baking: Moment = {
  name: 'baking',
  steps: [{ weight: 50, hold: '1s' }],
  rollout: { bake: { for: '10m' } },
  reached: at('Baking'),
};
const promoting: Moment = {
  name: 'promoting',
  steps: [{ weight: 50, hold: '8s' }],
  reached: (rollout) => at('Promoting')(rollout) && joins(rollout),
};
const paused: Moment = {
  name: 'paused',
  steps: [{ weight: 50, hold: '1s', pause: {} }],
  reached: ({ status }) => status?.phase === 'Paused' && status.reason === 'Step',
};
const degraded: Moment = {
  name: 'degraded',
  verb: 'abort',
  reached: ({ status }) => status?.phase === 'Degraded' && status.reason === 'Aborted',
};

/** Without gates nothing but the moment itself is waited for. */
function appOf({ steps, rollout }: Moment, name: string) {
  const quick = { gates: [], settle: '1s', scaleDownDelay: '1s', ...rollout };
  return {
    ...{ name, image: v1, replicas: 1, objective: '90', probe: false },
    ...{ steps: steps ?? [{ weight: 50, hold: '10m' }], rollout: quick },
  };
}

async function reach(app: App, { name, verb, reached }: Moment): Promise<RolloutObject> {
  if (verb !== undefined) {
    await app.until('the step', at('Holding'));
    await app.act(verb, 'a test of its deletion');
  }
  return app.until(name, reached);
}

interface Front {
  service: { spec: { selector: Record<string, string> } };
  route: { metadata: { annotations?: Record<string, string> }; spec: unknown };
}

async function frontOf(app: App): Promise<Front> {
  return { service: await app.get('service'), route: await app.get('httproute') };
}

async function afterwards(app: App, load: Load, front: Front) {
  await leavesNoTrace(lab, app);
  const { offered } = await load.report();
  await waitFor('more requests', async () =>
    (await load.report()).offered.service - offered.service >= 2 * RPS ? true : undefined,
  );
  const report = await load.stop();
  const now = await frontOf(app);
  expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  expect(now.service.spec.selector).toEqual({ app: app.spec.name });
  expect(now.route.spec).toEqual(front.route.spec);
  expect(now.route.metadata.annotations).toEqual(front.route.metadata.annotations);
  return report;
}

const everyMoment = [preparing, probing, shifting, holding, baking, promoting, paused, degraded];

describe.concurrent('a Rollout with pods of its own, whose user has others in place', () => {
  test.each(everyMoment)('$name: deleted', async (moment) => {
    const app = await stage.open(appOf(moment, `own-${moment.name}`));
    const { name, namespace } = app.spec;
    const front = await frontOf(app);
    await applyAll(lab, [successor(app.spec)]);
    await kubectl(lab, 'rollout', 'status', `deployment/${name}-next`, '-n', namespace, '--timeout=90s');
    const load = await app.load(RPS);
    await app.apply({ image: moment.image ?? v2 });
    const reached = await reach(app, moment);
    // kills: the Service left narrowed; the canary's pods gone before a route has left them; a fence that stays.
    await kubectl(lab, 'delete', 'rollout', name, '-n', namespace, '--timeout=90s');
    const report = await afterwards(app, load, front);
    tell(`deletion while ${moment.name}`, report, { says: reached.status?.message });
  });
});

/** Behind the narrowed Service its pods meet nobody; they take over when it is widened. */
function successor(spec: AppSpec) {
  const { metadata, ...rest } = deploymentOf({ ...spec, image: v1 });
  const labels = { next: spec.name };
  const { template } = rest.spec;
  const pods = { ...template, metadata: { ...template.metadata, labels: { ...template.metadata.labels, ...labels } } };
  return {
    ...rest,
    metadata: { ...metadata, name: `${spec.name}-next` },
    spec: { ...rest.spec, selector: { matchLabels: labels }, template: pods },
  };
}

describe.concurrent('an adopted Deployment', () => {
  test.each([holding, promoting, paused, degraded])('$name: deleted, and given back', async (moment) => {
    const { app, load } = await adopt(lab, stage, appOf(moment, `took-${moment.name}`), RPS);
    const { name, namespace } = app.spec;
    const narrowed = await frontOf(app);
    await setImage(lab, app, v2);
    await reach(app, moment);
    await kubectl(lab, 'delete', 'rollout', name, '-n', namespace, '--wait=false');
    // Nobody has proven the newest template: it is not started, and the message says what to do.
    const held = await app.until('to say what it waits for', ({ status }) =>
      /rollout undo/.test(status?.message ?? ''),
    );
    const meanwhile = await app.get<Deployment>('deployment');
    const [, command = ''] = /\(kubectl (rollout undo deployment\/\S+)\)/.exec(held.status?.message ?? '') ?? [];
    await kubectl(lab, ...command.split(' '), '-n', namespace);
    await kubectl(lab, 'wait', `rollout/${name}`, '-n', namespace, '--for=delete', '--timeout=90s');
    const report = await afterwards(app, load, narrowed);
    const back = await app.get<Deployment>('deployment');
    tell(`give-back while ${moment.name}`, report, { says: held.status?.message });

    expect(narrowed.service.spec.selector).toEqual({ app: name, [STABLE_LABEL]: 'true' });
    // kills: a Deployment that is started with a template that no release has proven.
    expect(meanwhile).toMatchObject({ spec: { replicas: 0 } });
    expect(held.status?.conditions?.find(({ type }) => type === 'Stalled')?.status).toBe('True');
    expect(back).toMatchObject({ spec: { replicas: 1 }, status: { availableReplicas: 1 } });
    expect(back.spec.template.spec.containers[0]?.image).toBe(v1);
  });
});
