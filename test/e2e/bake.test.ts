import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { BETA } from '#gates/bounds.ts';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { repoRoot } from '../lab/tools.ts';
import { waitFor } from '../lab/wait.ts';
import { inTicks, met, tell } from './support/figures.ts';
import { scraped } from './support/replay.ts';
import { type App, calmLease, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { createTrail, isEnding, isPromoted, releaseOf } from './support/story.ts';

/** What stands around the ladder: the bake after it, the turn of a group and the error budget before it. */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'bake');
  await stage.startOperator({ environment: calmLease });
});
afterAll(() => stage.close());

const [v1, v2] = ['lab/shop:v1-slowstop-3s', 'lab/shop:v2-slowstop-3s'];
const steps = [{ weight: 50, hold: '3s' }];
const bakes = ({ status }: RolloutObject) => status?.state?.release?.stage === 'Baking';
const secondHolds = ({ status }: RolloutObject) =>
  status?.state?.release?.attempt === 2 && status.state.release.stage === 'Holding' && (status.gates ?? []).length > 0;
const weightOf = ({ status }: RolloutObject) => status?.state?.release?.weight ?? 0;

const run = promisify(execFile);

/** `kubectl headgate`, as a person with the lab's kubeconfig types it. */
async function headgate(...line: string[]): Promise<string> {
  const argv = [join(repoRoot, 'src/cli/main.ts'), ...line, '--kubeconfig', lab.kubeconfig];
  return (await run(process.execPath, argv)).stdout;
}

async function podsOf(app: App, revision: string | undefined): Promise<number> {
  const { namespace, name } = app.spec;
  const selector = `headgate.dev/rollout=${name},headgate.dev/revision=${revision}`;
  const list = JSON.parse(await kubectl(lab, 'get', 'pods', '-n', namespace, '-l', selector, '-o', 'json')) as {
    items: { metadata: { deletionTimestamp?: string } }[];
  };
  return list.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length;
}

describe.concurrent('a bake', () => {
  test('sends 95 % to the canary, keeps all pods of both arms, and ends in a promotion without a failed request', async () => {
    const rollout = { bake: { for: '10s', control: 5 } };
    const app = await stage.open({ name: 'good', image: v1, replicas: 2, objective: '99', steps, rollout });
    const load = await app.load(50);
    await scraped(lab, app.spec, 2);
    await app.apply({ image: v2 });
    const trail = createTrail();
    const watched = (done: (rollout: RolloutObject) => boolean) => (rollout: RolloutObject) => {
      trail.note(rollout);
      return done(rollout);
    };
    const baking = await app.until('the bake', watched(bakes), 120);
    const { revision, from } = baking.status?.state?.release ?? {};
    const before = await load.report();
    const pods = { stable: await podsOf(app, from), canary: await podsOf(app, revision) };
    const weight = await app.weight();
    const done = await app.until(
      'the promotion to begin',
      watched((rollout) => !bakes(rollout)),
      60,
    );
    const after = await load.report();
    await app.until('promoted', watched(isPromoted), 90);
    const report = await load.stop();
    const release = await releaseOf(app);
    const during = (image: string) => met(after, image, 'gateway').total - met(before, image, 'gateway').total;
    const share = during(v2) / (during(v1) + during(v2));
    tell('a bake at 95/5', report, {
      share: Math.round(1000 * share) / 1000,
      during: { v1: during(v1), v2: during(v2) },
      pods,
    });

    expect(trail.weights).toEqual([0, 50_000, 95_000, 0]);
    expect(weight).toBe(95_000);
    expect(pods).toEqual({ stable: 2, canary: 2 });
    // kills: a bake that the gateway never took. The binomial deviation at 500 requests is one point.
    expect(share).toBeGreaterThan(0.9);
    expect(share).toBeLessThan(0.99);
    expect(done.status?.state?.release).toMatchObject({ stage: 'Promoting', step: 1 });
    expect(report.failed, JSON.stringify(report.results)).toEqual({ gateway: 0, service: 0 });
    expect(release.status).toMatchObject({ outcome: 'Promoted', step: 'bake', weight: '95%' });
  });

  test('that meets errors goes back to 0, and its Release says how soon and at what cost', async () => {
    const rollout = { bake: { for: '10m', control: 10 } };
    const app = await stage.open({ name: 'late', image: v1, replicas: 2, objective: '99', steps, rollout });
    const load = await app.load(50);
    await scraped(lab, app.spec, 2);
    await app.apply({ image: v2 });
    const baking = await app.until('the bake', bakes, 120);
    await app.fault(baking.status?.state?.release?.revision ?? '', 'errors-20');
    const badFrom = Date.now();
    const ending = await app.until('weight 0', isEnding, 60);
    const storedAt = Date.now();
    await waitFor('every gateway to have taken it', async () =>
      (await app.rollout()).status?.state?.release?.ending?.remediedAt === undefined ? undefined : true,
    );
    const release = await waitFor('the remedy on record', async () => {
      const found = await releaseOf(app);
      return found.status.timeToRemedy === undefined ? undefined : found;
    });
    // The second attempt may find the same pods, and would be caught before anybody sees it hold.
    await app.fault(baking.status?.state?.release?.revision ?? '', 'ok');
    expect(await app.act('retry')).toMatch(/^Applied/);
    const again = await app.until('the second attempt to hold', secondHolds, 120);
    const second = await waitFor('its record', async () => {
      const found = await releaseOf(app, 2);
      return found.status.earlierBreach === undefined ? undefined : found;
    });
    const told = await headgate('get', 'late', '-n', stage.namespace);
    const report = await load.stop();
    const { breach, timeToDetect, timeToRemedy, exposure } = release.status;
    tell('errors during the bake', report, {
      ticksToWeight0: inTicks(storedAt - badFrom),
      ...{ timeToDetect, timeToRemedy, breach, exposure },
    });

    expect(ending.status).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
    expect(breach).toMatchObject({ cause: 'Worse', gate: 'late' });
    expect(breach?.exposure.canaryBad).toBeGreaterThan(0);
    expect(exposure?.canaryRequests ?? 0).toBeGreaterThanOrEqual(breach?.exposure.canaryRequests ?? 1);
    expect(timeToDetect).toBeDefined();
    expect(release.status.step).toBe('bake');
    // kills: a second try at the bar of the first
    expect(again.status?.gates?.map(({ advance }) => advance?.limit)).toEqual([Math.log(2 / BETA).toFixed(3)]);
    expect(second).toMatchObject({ spec: { attempt: 2 }, status: { earlierBreach: ending.status?.message } });
    expect(told).toContain('late-2, attempt 2');
    expect(told).toContain(`Earlier  ${ending.status?.message?.slice(0, 40)}`);
  });

  test('of an hour ends when a person promotes it', async () => {
    const rollout = { bake: { for: '1h', control: 0 } };
    const app = await stage.open({ name: 'told', image: v1, replicas: 1, objective: '99', steps, rollout });
    const load = await app.load(20);
    await scraped(lab, app.spec, 1);
    await app.apply({ image: v2 });
    await app.until('the bake', bakes, 180);
    expect(await app.weight()).toBe(100_000);
    expect(await app.act('promote')).toMatch(/^Applied/);
    await app.until('promoted', isPromoted, 90);
    const report = await load.stop();
    tell('a bake that a person ends', report, {});
    expect(report.failed, JSON.stringify(report.results)).toEqual({ gateway: 0, service: 0 });
  });
});

test('two of one group that change at once move one after the other, and the second says behind whom it is', async () => {
  const rollout = { group: 'path' };
  const apps = await Promise.all(
    ['first', 'second'].map((name) => stage.open({ name, image: v1, replicas: 1, objective: '99', steps, rollout })),
  );
  const loads = await Promise.all(apps.map((app) => app.load(40)));
  await Promise.all(apps.map((app) => scraped(lab, app.spec, 1)));
  await Promise.all(apps.map((app) => app.apply({ image: v2 })));
  let together = 0;
  const said = new Set<string>();
  await waitFor(
    'both to be promoted',
    async () => {
      const rollouts = await Promise.all(apps.map((app) => app.rollout()));
      if (rollouts.every((one) => weightOf(one) > 0)) together += 1;
      for (const { status } of rollouts)
        for (const { type, message } of status?.conditions ?? []) if (type === 'Queued') said.add(message);
      return rollouts.every(isPromoted) ? true : undefined;
    },
    { withinMs: 240_000, everyMs: 100 },
  );
  const reports = await Promise.all(loads.map((load) => load.stop()));
  for (const [index, report] of reports.entries()) tell(`one of a group: ${apps[index]?.spec.name}`, report, {});
  console.log([...said].join('\n'));
  expect(together).toBe(0);
  expect([...said].join('\n')).toMatch(/group path: Rollout (first|second) (moves|is first), this one has place 2/);
  expect(reports.map(({ failed }) => failed.gateway)).toEqual([0, 0]);
});

test('a service that has spent its budget begins no release, and says when it will', async () => {
  const rollout = { budget: { preflightRemaining: '10%' } };
  const app = await stage.open({
    name: 'spent',
    image: 'lab/shop:v1-errors-60',
    replicas: 1,
    objective: '99',
    steps,
    rollout,
  });
  const load = await app.load(50);
  await scraped(lab, app.spec, 1);
  await waitFor('failures on record', async () =>
    met(await load.report(), 'lab/shop:v1-errors-60').bad > 300 ? true : undefined,
  );
  await app.apply({ image: v2 });
  const held = await app.until('the budget to hold it', ({ status }) => status?.reason === 'BudgetLow', 90);
  await app.apply({ rollout: { budget: { preflightRemaining: 0 } } });
  const begun = await app.until('it to begin', ({ status }) => status?.state?.release !== undefined, 90);
  const report = await load.stop();
  tell('a spent budget', report, { says: held.status?.message });
  expect(held.status).toMatchObject({
    phase: 'Paused',
    message: expect.stringContaining('a release needs 10%; back about'),
  });
  expect(held.status?.state?.releases).toBe(0);
  expect(begun.status?.state?.release?.weight).toBe(0);
});
