import { expect, test } from 'vitest';
import type { State } from '#core/model.ts';
import { RELEASE } from '#kube/resources.ts';
import { hasCode, OperatorError } from '#lib/errors.ts';
import type { Sight } from '#operator/observe.ts';
import { createRecorder } from '#operator/record.ts';
import type { Stores } from '#operator/stores.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import { type ReleaseStatus, releaseStatus } from '#schema/release.ts';
import { releasing, type World } from '../core/world.ts';
import { recordTelemetry } from '../support/telemetry.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

/** A release of the small world, written down turn by turn as the operator does it. */
async function record(
  world: World,
  ticks: number,
  object: KubeObject = blank(),
  refuses: (status: ReleaseStatus) => boolean = () => false,
): Promise<ReleaseStatus> {
  const clock = createVirtualClock({ wall: world.now });
  let decided: { next: State; sight: Sight } | undefined;
  const releases = { get: () => object, fresh: () => true, noteWrite: () => undefined };
  const api: Pick<KubeApi, 'mergePatch'> = {
    async mergePatch(_, patch) {
      if (refuses((patch as { status: ReleaseStatus }).status)) throw new OperatorError('KUBE_INVALID', 'too long');
      Object.assign(object, { status: { ...(object['status'] ?? {}), ...(patch as { status: object }).status } });
      return object;
    },
  };
  const recorder = createRecorder({
    api: api as KubeApi,
    stores: { releases } as unknown as Stores,
    clock,
    telemetry: recordTelemetry(),
    wishOf: () => undefined,
    decided: () => decided,
    evidenceOf: () => undefined,
  });
  const rollout = { apiVersion: '', kind: 'Rollout', metadata: { name: 'shop', namespace: 'shop' } };
  const apply = world.apply.bind(world);
  const due: Parameters<typeof recorder.update>[1][] = [];
  world.apply = (effect) => {
    if (effect.kind === 'RecordRelease') due.push(effect);
    apply(effect);
  };
  for (let tick = 0; tick < ticks; tick++) {
    const seen = world.seen();
    world.tick();
    clock.freeze(1000);
    decided = { next: world.state, sight: { seen, pods: [] } };
    // What cannot be written holds up nothing: the loop tries it again.
    for (const effect of due.splice(0)) await recorder.update(rollout, effect).catch(unlessRefused);
  }
  return (object['status'] ?? {}) as ReleaseStatus;
}

function unlessRefused(error: unknown): void {
  if (!hasCode(error, 'KUBE_INVALID')) throw error;
}

function blank(): KubeObject {
  return { apiVersion: '', kind: RELEASE.kind, metadata: { name: 'shop-1', namespace: 'shop' } };
}

// kills: a record that is refused for ever, whose release can never end.
test('what older CRDs refuse is said in fewer words, and the outcome stands', async () => {
  const world = releasing();
  const refuses = ({ timeline = [] }: ReleaseStatus) => timeline.length > 0;
  const status = await record(world, 120, blank(), refuses);
  expect(status).toMatchObject({ outcome: 'Promoted', message: expect.stringContaining('apply the CRDs') });
  expect(world.state).toMatchObject({ phase: 'Healthy', stable: 'v2' });
});

test('a breach stands on the Release: who, how soon, at what cost, mended when, and what came in later beside it', async () => {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === 'Holding' && state.release.step === 1);
  const object = blank();
  world.counts = { canary: { total: 400, bad: 14 }, stable: { total: 4000, bad: 20 } };
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  const raisedAt = world.state.release?.raisedAt ?? 0;
  const foundAt = world.now + 1000;
  await record(world, 1, object);
  world.counts = { canary: { total: 450, bad: 20 }, stable: { total: 4500, bad: 20 } };
  const status = await record(world, 20, object);
  expect(status).toMatchObject({
    step: '2/3',
    timeToDetect: `${(foundAt - raisedAt) / 1000}s`,
    timeToRemedy: '1s',
    breach: {
      cause: 'Worse',
      gate: 'availability',
      message: 'availability: Fail',
      exposure: { canaryRequests: 400, canaryBad: 14, excess: 12 },
    },
    exposure: { canaryRequests: 450, canaryBad: 20 },
  });
  expect(status.timeline?.map(({ kind }) => kind)).toEqual(['GateBreached', 'AtRest']);
  // kills: a field that the schema lacks, which the API server would drop without a word
  expect(releaseStatus.parse(status)).toEqual(status);
});

test('a second attempt says what the first one failed on, and the bake is its last place', async () => {
  const world = releasing();
  world.plan = { ...world.plan, bake: { forMs: 3000, control: 5000 } };
  const seen = world.seen.bind(world);
  world.seen = () => ({ ...seen(), tried: { attempts: 1, breach: 'availability: 5% bad' } });
  world.runUntil(({ state }) => state.release !== undefined);
  const status = await record(world, 80);
  expect(status).toMatchObject({
    outcome: 'Promoted',
    attempts: 2,
    step: 'bake',
    weight: '95%',
    earlierBreach: 'availability: 5% bad',
  });
  expect(status.breach).toBeUndefined();
  expect(status.timeline?.map(({ kind }) => kind)).toContain('Baking');
});

test('a pod that was replaced has an entry of its own, once, with node and evidence', async () => {
  const world = releasing();
  world.plan = { ...world.plan, steps: [{ weight: 5000, holdMs: 5000, canaryReplicas: 3 }] };
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  const victim = world.pods.find(({ set }) => set === 'shop-v2')?.name ?? '';
  const node = 'node-7'.padEnd(230, '7');
  const seen = world.seen.bind(world);
  world.seen = () => {
    const sight = seen();
    for (const { pods } of sight.replicaSets) for (const pod of pods) pod.node = node;
    return sight;
  };
  world.verdict = (now) => {
    now.counts = { at: now.now, canary: { total: 400, bad: now.now / 1000 } };
    const there = now.pods.some(({ name }) => name === victim);
    return there
      ? { verdict: 'Inconclusive', stable: 'Meets', cause: 'SinglePod', pod: victim }
      : { verdict: 'Pass', stable: 'Meets' };
  };
  const status = await record(world, 30);
  const { timeline = [] } = status;
  const told = timeline.filter(({ kind }) => kind === 'PodReplaced').map(({ message }) => message);
  expect(told).toEqual([expect.stringMatching(`pod ${victim} on node node-7`)]);
  // kills: a sentence that the API server refuses, and with it every record after
  expect(releaseStatus.parse(status)).toEqual(status);
});

test('who held for another one of its group names it, its gate and the counts of both arms', async () => {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  const arms = { canary: { total: 310, bad: 31 }, stable: { total: 1200, bad: 2 } };
  const at = Date.parse('2026-03-04T05:20:00Z');
  const member = { rollout: 'b', carries: true, mode: 'Attribute' as const };
  const bad = { ...member, breach: { at, cause: 'Worse', gate: 'b-edge', arms } };
  world.group = { name: 'paths', mode: 'Attribute', members: [bad], elsewhere: [] };
  const object = blank();
  const held = await record(world, 10, object);
  const culprit = { rollout: 'b', at: '2026-03-04T05:20:00.000Z', gate: 'b-edge', arms };
  expect(held.held).toMatchObject({ culprit });
  expect(held.held?.until).toBeUndefined();
  const message = 'Holding step 1 of 3 at 5%: waits for Rollout b, bad by its own arms: b-edge 31 of 310 (10%)';
  expect(held.timeline?.at(-1)).toMatchObject({ kind: 'Held', message: expect.stringContaining(message) });
  world.group = { name: 'paths', mode: 'Attribute', members: [member], elsewhere: [] };
  const after = await record(world, 80, object);
  // kills: a hold that is forgotten with its end
  expect(after).toMatchObject({ outcome: 'Promoted', held: { culprit, until: expect.any(String) } });
  expect(after.breach).toBeUndefined();
});
