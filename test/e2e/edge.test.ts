import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { kubeletUrl } from '../lab/install.ts';
import { waitFor } from '../lab/wait.ts';
import { met, tell } from './support/figures.ts';
import { type App, applyAll, calmLease, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { isEnding, isPromoted, type ReleaseObject, releaseOf, storedGate } from './support/story.ts';

/** Releases that the gateway's own counts decide: a dead pod reports nothing, and its gateway does. */

// Three releases with their load are what two cores carry beside another file.
vi.setConfig({ maxConcurrency: 3 });

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'edge');
  await stage.startOperator({ environment: calmLease });
});
afterAll(() => stage.close());

/** What the gateway itself counts, without a metric name. */
const availability = { kind: 'http-availability', gateway: 'traefik' };

/** An application with one gate for each built-in SLI, called `<application>-<name>`. */
async function open(
  name: string,
  image: string,
  steps: { weight: number; hold: string }[],
  builtins: Record<string, object> = { edge: availability },
  more: Record<string, unknown> = {},
): Promise<App> {
  const slos = Object.entries(builtins).map(([which, builtin]) => ({
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'ServiceLevelObjective',
    metadata: { name: `${name}-${which}`, namespace: stage.namespace },
    spec: { objective: '99', source: 'lab', sli: { builtin } },
  }));
  await applyAll(lab, slos);
  const gates = slos.map(({ metadata }) => ({ slo: metadata.name }));
  return stage.open({ name, image, replicas: 3, objective: '99', steps, rollout: { gates, ...more } });
}

interface Pod {
  metadata: { name: string };
  status?: { conditions?: { type: string; status: string }[] };
}

/** Pods of the release's revision, once there are so many and they serve. */
function canaryPods(app: App, count: number): Promise<string[]> {
  return waitFor(`${count} canary pods`, async () => {
    const { status } = await app.rollout();
    const { revision } = status?.state?.release ?? {};
    if (revision === undefined) return undefined;
    const labels = `headgate.dev/rollout=${app.spec.name},headgate.dev/revision=${revision}`;
    const answer = await lab.kubectl(['get', 'pods', '-n', app.spec.namespace, '-l', labels, '-o', 'json']);
    const { items } = JSON.parse(answer.stdout) as { items: Pod[] };
    const serving = items.filter((pod) =>
      pod.status?.conditions?.some(({ type, status: ready }) => type === 'Ready' && ready === 'True'),
    );
    return serving.length >= count ? serving.map(({ metadata }) => metadata.name).sort() : undefined;
  });
}

async function fault(app: App, pod: string, behaviour: string): Promise<void> {
  const body = JSON.stringify({ namespace: app.spec.namespace, pod, behaviour });
  const answer = await request(`${kubeletUrl(lab)}/fault`, { method: 'POST', body });
  await answer.body.dump();
}

const causeOf = ({ status }: RolloutObject) => status?.gates?.[0]?.cause;

const countedBy = ({ status }: ReleaseObject, gate: string) =>
  status.gates?.find((reading) => reading.gate === gate)?.canary.total ?? 0;

describe.concurrent('counts of the gateway', () => {
  test('promote a good release, whatever clients inside add to stable', async () => {
    const [v1, v2] = ['lab/shop:v1', 'lab/shop:v2'];
    const app = await open('good', v1, [{ weight: 20, hold: '5s' }], {
      edge: availability,
      slow: { kind: 'http-latency', gateway: 'traefik', threshold: '250ms' },
      app: { kind: 'http-availability', gateway: 'app' },
    });
    const load = await app.load(100, { service: 100 });
    await app.apply({ image: v2 });
    const causes = new Set<string | undefined>();
    await app.until(
      'promoted',
      (rollout) => {
        causes.add(causeOf(rollout));
        return isPromoted(rollout);
      },
      180,
    );
    const report = await load.stop();
    const release = await releaseOf(app);
    const gate = storedGate(release, 'good-edge');
    const canary = {
      edge: countedBy(release, 'good-edge'),
      slow: countedBy(release, 'good-slow'),
      app: countedBy(release, 'good-app'),
    };
    const share = gate.step.canary.total / (gate.step.canary.total + gate.step.stable.total);
    tell('good release by gateway counts', report, {
      all: gate.all,
      share,
      counted: canary,
      canary: met(report, v2, 'gateway'),
    });

    expect(report.failed.gateway).toBe(0);
    expect(gate.all.canary.total).toBeGreaterThan(50);
    expect(gate.all.canary.total, 'no more than clients met').toBeLessThanOrEqual(met(report, v2, 'gateway').total);
    for (const [which, total] of Object.entries(canary)) expect(total, which).toBeGreaterThan(50);
    // kills: counts by pod, where as many requests from inside make 20 % look like 11 %
    expect([...causes]).not.toContain('SampleRatio');
  });

  test('end a release that fails', async () => {
    const [v1, v2] = ['lab/shop:v1', 'lab/shop:v2-errors-10'];
    const app = await open('errors', v1, [{ weight: 20, hold: '60s' }]);
    const load = await app.load(60, { service: 10 });
    await app.apply({ image: v2 });
    await app.until('weight 0', isEnding, 180);
    const report = await load.stop();
    const release = await releaseOf(app);
    const { all } = storedGate(release, 'errors-edge');
    tell('+10 % errors by gateway counts', report, {
      all,
      canary: met(report, v2),
      detect: release.status.timeToDetect,
    });
    expect(release.status.reason).toBe('Worse');
    expect(all.canary.bad).toBeGreaterThan(0);
    expect(all.canary.bad, 'no more than clients met').toBeLessThanOrEqual(met(report, v2, 'gateway').bad);
    expect(all.stable.bad).toBe(0);
  });

  test('end a release that hangs, though its pods report nothing', async () => {
    const [v1, v2] = ['lab/shop:v1', 'lab/shop:v2-hang'];
    const app = await open('hang', v1, [{ weight: 20, hold: '60s' }]);
    const load = await app.load(60, { service: 10 });
    await app.apply({ image: v2 });
    const ending = await app.until('weight 0', isEnding, 180);
    const report = await load.stop();
    const release = await releaseOf(app);
    tell('hanging canary by gateway counts', report, {
      reason: release.status.reason,
      message: release.status.message,
      detect: release.status.timeToDetect,
    });
    expect(ending.status).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
    expect(release.status.reason).toBe('DarkCanary');
  });

  test('end a release whose pods stop answering anybody', async () => {
    const [v1, v2] = ['lab/shop:v1', 'lab/shop:v2'];
    const app = await open('freeze', v1, [{ weight: 20, hold: '90s' }]);
    const load = await app.load(60, { service: 10 });
    await app.apply({ image: v2 });
    await app.until('counts of the canary', ({ status }) => (status?.gates?.[0]?.canary.total ?? 0) > 50, 120);
    const { revision = '' } = (await app.rollout()).status?.state?.release ?? {};
    await app.fault(revision, 'freeze');
    await app.until('weight 0', isEnding, 120);
    const report = await load.stop();
    const release = await releaseOf(app);
    tell('frozen canary by gateway counts', report, {
      reason: release.status.reason,
      message: release.status.message,
      gates: release.status.gates,
    });
    expect(['DarkCanary', 'Worse', 'BudgetSpent']).toContain(release.status.reason);
  });

  test('hold a release of which one pod in three answers nothing', async () => {
    const [v1, v2] = ['lab/shop:v1', 'lab/shop:v2'];
    const app = await open('third', v1, [{ weight: 45, hold: '120s' }]);
    const load = await app.load(60, { service: 10 });
    await app.apply({ image: v2 });
    const [pod = ''] = await canaryPods(app, 3);
    await fault(app, pod, 'hang');
    const held = await app.until('the alarm', (rollout) => causeOf(rollout) === 'SampleRatio', 150);
    const report = await load.stop();
    const gate = held.status?.gates?.[0];
    tell('one pod of three hangs, by gateway counts', report, { message: gate?.message });
    expect(gate?.verdict).toBe('Inconclusive');
    expect(gate?.message).toContain('where the route says 45 %');
    expect(gate?.canary.bad, 'nothing failed').toBe(0);
    await app.act('abort');
  });

  test('name the culprit of two that move at once: the other holds for it, and is promoted after it', async () => {
    const [v1, v2] = ['lab/shop:v1', 'lab/shop:v2'];
    const steps = [
      { weight: 20, hold: '40s' },
      { weight: 50, hold: '3s' },
    ];
    const group = { group: 'path', groupMode: 'Attribute' };
    const good = await open('beside', v1, steps, { edge: availability }, group);
    const bad = await open('culprit', v1, steps, { edge: availability }, { ...group, onBreach: 'Pause' });
    const loads = await Promise.all([good, bad].map((app) => app.load(60, { service: 10 })));
    await Promise.all([good.apply({ image: v2 }), bad.apply({ image: 'lab/shop:v2-errors-10' })]);
    await bad.until('a breach', ({ status }) => status?.reason === 'GateBreached', 180);
    const held = await good.until('a hold', ({ status }) => status?.state?.release?.held !== undefined, 60);
    const weight = held.status?.weight;
    await bad.act('abort');
    await good.until('promoted', isPromoted, 180);
    const [report] = await Promise.all(loads.map((load) => load.stop()));
    const [release, culprit] = await Promise.all([releaseOf(good), releaseOf(bad)]);
    const { gate, arms } = culprit.status.breach ?? {};
    if (report !== undefined)
      tell('two at once, one of them bad', report, {
        breach: culprit.status.breach,
        held: release.status.held,
        said: held.status?.message,
      });

    expect(weight, 'both moved at once').toBe('20%');
    expect(held.status?.message).toContain('waits for Rollout culprit, bad by its own arms: culprit-edge');
    expect(gate).toBe('culprit-edge');
    expect(arms?.canary.bad).toBeGreaterThan(0);
    expect(release.status).toMatchObject({
      outcome: 'Promoted',
      held: { culprit: { rollout: 'culprit', gate, arms } },
    });
    expect(release.status.breach, 'nobody blames the other').toBeUndefined();
    // A person ended it; what it was is what the gate found.
    expect(culprit.status.breach).toMatchObject({ cause: 'Worse' });
  });
});
