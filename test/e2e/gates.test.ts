import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { met, tell } from './support/figures.ts';
import { answersObjective, latencyObjective, ordersObjective, promptsSuite } from './support/objectives.ts';
import { scraped } from './support/replay.ts';
import { type App, calmLease, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { isEnding, isPromoted, releaseOf } from './support/story.ts';

/** What the simulator promises of the gates, on real requests, a real gateway and a real Prometheus. */

// Loads of 300 requests a second and more: two at a time are what two cores carry.
vi.setConfig({ maxConcurrency: 2 });

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'gates');
  await stage.startOperator({ environment: calmLease });
});
afterAll(() => stage.close());

interface Story {
  name: string;
  because: string;
  stable: string;
  canary: string;
  rps: number;
  weight: number;
  objective?: string;
  /** Another objective that is the gate, instead of the one for errors. */
  slo?: Record<string, unknown>;
  gate?: Record<string, unknown>;
  suites?: Record<string, Record<string, unknown>>;
  ticks: number;
  reason: string;
  says: RegExp;
}

const stories: Story[] = [
  {
    name: '+0.5 % errors',
    because: 'half a point above a tenth of a point is seen at 400 rps',
    ...{ stable: 'v1-errors-0.1', canary: 'v2-errors-0.6', rps: 400, weight: 20, objective: '99.5' },
    gate: { tolerate: '0.1%' },
    ticks: 300,
    ...{ reason: 'Worse', says: /worse than stable/ },
  },
  {
    name: 'latency × 1.5',
    because: 'the whole distribution moves, though few requests pass the threshold',
    ...{ stable: 'v1-latency-30', canary: 'v2-latency-45', rps: 100, weight: 20, slo: latencyObjective() },
    ticks: 180,
    ...{ reason: 'Worse', says: /above [\d.]+ms/ },
  },
  {
    name: 'latency × 1.5 by a native histogram',
    because: 'Prometheus stores it as one series, and the gate reads the same',
    ...{ stable: 'v1-latency-30', canary: 'v2-latency-45', rps: 100, weight: 20, slo: latencyObjective('Native') },
    ticks: 180,
    ...{ reason: 'Worse', says: /above [\d.]+ms/ },
  },
  {
    name: 'a third fewer orders',
    because: 'every request succeeds, and users buy less',
    ...{ stable: 'v1-orders-30', canary: 'v2-orders-20', rps: 300, weight: 50, slo: ordersObjective() },
    ticks: 240,
    ...{ reason: 'Worse', says: /stable/ },
  },
  {
    name: 'answers that fail every fifth time',
    because: 'a flaky canary passes its smoke test soon enough, and users would meet the rest',
    ...{ stable: 'v1', canary: 'v2-errors-20', rps: 10, weight: 20, slo: answersObjective('prompts') },
    suites: { prompts: promptsSuite() },
    ticks: 120,
    ...{
      reason: 'Worse',
      says: /^probes say that the canary is worse than stable: .*; last check \w+ on pod .*status 500/,
    },
  },
  {
    name: 'a leak that starts late',
    because: 'a long healthy spell must not make the gate slow',
    ...{ stable: 'v1', canary: 'v2-leak-40s', rps: 100, weight: 20 },
    ticks: 180,
    ...{ reason: 'Worse', says: /worse than stable/ },
  },
];

describe.concurrent('the verdict', () => {
  test.each(stories)('on $name', async (story) => {
    const app = await opened(story);
    const load = await app.load(10, { gateway: story.rps });
    await scraped(lab, app.spec, 3);
    const began = Date.now();
    await app.apply({ image: `lab/shop:${story.canary}` });
    const ending = await app.until('weight 0', isEnding, story.ticks);
    const report = await load.stop();
    const release = await releaseOf(app);
    const gate = ending.status?.gates?.[0];
    tell(story.name, report, {
      canary: met(report, `lab/shop:${story.canary}`),
      seconds: Math.round((Date.now() - began) / 1000),
      verdict: gate?.verdict,
      message: gate?.message,
    });
    expect(release.status, story.because).toMatchObject({ reason: story.reason });
    expect(gate?.message).toMatch(story.says);
    expect(ending.status).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
  });

  test('on one bad pod of six replaces it, and the release goes on', async () => {
    const steps = [{ weight: 50, hold: '20s' }];
    const app = await stage.open({ name: 'one-bad', image: 'lab/shop:v1', replicas: 6, objective: '99', steps });
    const load = await app.load(10, { gateway: 100 });
    await scraped(lab, app.spec, 6);
    await app.apply({ image: 'lab/shop:v2' });
    const holding = await app.until('the step', ({ status }) => status?.state?.release?.stage === 'Holding', 90);
    const [victim = ''] = await podsOf(app, holding.status?.state?.release?.revision ?? '');
    await app.faultPod(victim, 'errors-50');
    const decided = await app.until('a verdict', ({ status }) => status?.state?.release?.replaced !== undefined, 90);
    const ended = await app.until('promoted', isPromoted, 180);
    const report = await load.stop();
    const { timeline = [] } = (await releaseOf(app)).status;
    const told = timeline.find(({ kind }) => kind === 'PodReplaced');
    const lost = report.results.filter(({ result }) => result !== '2xx' && result !== '5xx');
    tell('one bad pod', report, { canary: met(report, 'lab/shop:v2'), lost, message: told?.message });
    // kills: a release that is stopped for what one pod does; a pod that is named and left to fail
    expect(decided.status).toMatchObject({ phase: 'Progressing', weight: '50%' });
    expect(decided.status?.state?.release?.replaced).toMatchObject([{ pod: victim, gate: 'one-bad' }]);
    expect(told?.message).toMatch(new RegExp(`pod ${victim} on node \\S+ is replaced: .* most of the excess`));
    expect(await podsOf(app, ended.status?.state?.stable ?? '')).not.toContain(victim);
    expect(ended.status?.state?.releases).toBe(1);
  });

  test('at one request a second is an honest Inconclusive', async () => {
    const steps = [{ weight: 50, hold: '1s' }];
    const app = await stage.open({ name: 'quiet', image: 'lab/shop:v1', replicas: 2, objective: '99.5', steps });
    const load = await app.load(1);
    await scraped(lab, app.spec, 2);
    await app.apply({ image: 'lab/shop:v2' });
    await app.until('half of the traffic', ({ status }) => status?.weight === '50%', 60);
    const held = await seenFor(app, 40);
    const report = await load.stop();
    const verdicts = new Set(held.map(({ status }) => `${status?.gates?.[0]?.verdict} ${status?.gates?.[0]?.cause}`));
    tell('one request a second', report, {
      verdicts: [...verdicts],
      message: held.at(-1)?.status?.gates?.[0]?.message,
    });
    // kills: silence or few requests taken for success
    expect([...verdicts]).toEqual(['Inconclusive TooFewSamples']);
    expect(held.at(-1)?.status).toMatchObject({ phase: 'Progressing', weight: '50%' });
  });
});

async function opened({ name, stable, weight, objective = '99', slo, gate = {}, suites = {} }: Story): Promise<App> {
  const slug = name
    .replace(/[^a-z0-9]+/gi, '-')
    .replace(/^-|-$/g, '')
    .toLowerCase();
  const objectives = slo === undefined ? {} : { [`${slug}-slo`]: slo };
  const gates = [{ slo: slo === undefined ? slug : `${slug}-slo`, ...gate }];
  // Only a breach can end the step: its hold is longer than the test.
  const steps = [{ weight, hold: '10m' }];
  return stage.open({
    name: slug,
    image: `lab/shop:${stable}`,
    replicas: 3,
    objective,
    objectives,
    suites,
    steps,
    rollout: { gates },
  });
}

async function podsOf(app: App, revision: string): Promise<string[]> {
  const labels = `headgate.dev/rollout=${app.spec.name},headgate.dev/revision=${revision}`;
  const { stdout } = await lab.kubectl(['get', 'pods', '-n', app.spec.namespace, '-l', labels, '-o', 'name']);
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.replace('pod/', '')]));
}

/** What the Rollout says at each of so many ticks. */
async function seenFor(app: App, ticks: number): Promise<RolloutObject[]> {
  const seen: RolloutObject[] = [];
  await app.until(`${ticks} ticks`, (rollout) => seen.push(rollout) >= 0 && distinctTicks(seen) >= ticks, 3 * ticks);
  return seen;
}

/** Ticks that the gate counted while it was looked at. */
function distinctTicks(seen: RolloutObject[]): number {
  return new Set(seen.map(({ metadata }) => metadata.resourceVersion)).size;
}
