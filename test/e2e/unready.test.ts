import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { waitFor } from '../lab/wait.ts';
import { met, tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { identities, podsOf } from './support/pods.ts';
import { openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { isEnding, releaseOf } from './support/story.ts';

/** A canary that cannot serve: no user may find out. */

// More loads at once starve two cores, and clients would time out for that alone.
vi.setConfig({ maxConcurrency: 2 });

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'unready');
  await stage.startOperator({ environment: patientLease });
});
afterAll(() => stage.close());

interface Row {
  name: string;
  canary: string;
  because: string;
  phase: string;
  reason: string;
  /** Reason of the Release. */
  cause: string;
  /** Part of the sentence that people read. */
  says: RegExp;
  /** Pods of the canary that stay: the one in quarantine. */
  kept: number;
}

const rows: Row[] = [
  {
    name: 'crash',
    canary: 'lab/shop:v2-crash',
    because: 'a pod that exits before it is ready is never available',
    phase: 'Degraded',
    reason: 'DeadlineExceeded',
    cause: 'DeadlineExceeded',
    says: /progressDeadline 15s passed: Preparing: 0 of 1 canary pods are available \(crash-\S+: (CrashLoopBackOff|NotReady)\)/,
    kept: 0,
  },
  {
    name: 'never',
    canary: 'lab/shop:v2-neverready',
    because: 'a pod that answers 503 to its readiness probe is never available',
    phase: 'Degraded',
    reason: 'DeadlineExceeded',
    cause: 'DeadlineExceeded',
    says: /progressDeadline 15s passed: Preparing: 0 of 1 canary pods are available \(never-\S+: NotReady\)/,
    kept: 0,
  },
  {
    name: 'pull',
    canary: 'lab/shop:v2-nosuchpart',
    because: 'an image that cannot be pulled never starts',
    phase: 'Degraded',
    reason: 'DeadlineExceeded',
    cause: 'DeadlineExceeded',
    says: /progressDeadline 15s passed: Preparing: 0 of 1 canary pods are available \(pull-\S+: ErrImagePull\)/,
    kept: 0,
  },
  {
    name: 'smoke',
    canary: 'lab/shop:v2-smokefail',
    because: 'a probe that fails on the canary alone is a breach before the first raise',
    phase: 'Paused',
    reason: 'GateBreached',
    cause: 'ProbeFailed',
    says: /smoke/,
    kept: 1,
  },
];

describe.concurrent('a canary that cannot serve meets no user', () => {
  test.each(rows)('$name: $because', async ({ name, canary, because, phase, reason, cause, says, kept }) => {
    const image = 'lab/shop:v1';
    const app = await stage.open({
      ...{ name, image, replicas: 2, objective: '99' },
      rollout: { progressDeadline: '15s', scaleDownDelay: '2s' },
    });
    const before = identities(await podsOf(lab, app));
    const load = await app.load(100);
    await app.apply({ image: canary });
    const ended = await app.until('the end of the release', isEnding, 60);
    const { revision = '' } = ended.status?.state?.release ?? {};
    await waitFor('the canary pods to go', async () =>
      (await podsOf(lab, app, revision)).length === 0 ? true : undefined,
    );
    const report = await load.stop();
    const release = await releaseOf(app);

    // kills: a raise that waits for no probe; pods without a canary label of their own.
    expect(met(report, canary), because).toEqual({ total: 0, bad: 0 });
    expect(met(report, image).total).toBe(report.offered.gateway + report.offered.service);
    expect(report.failed).toEqual({ gateway: 0, service: 0 });
    expect(ended.status).toMatchObject({ phase, reason });
    expect(ended.status?.message).toMatch(says);
    expect(release.status).toMatchObject({ reason: cause });
    expect(identities(await podsOf(lab, app)).filter((pod) => before.includes(pod))).toEqual(before);
    expect((await podsOf(lab, app)).length).toBe(before.length + kept);
    expect(await app.weight()).toBe(0);
    tell(`unready ${name}`, report, { canary: met(report, canary).total, ended: endOf(ended) });
  });
});

function endOf({ status }: RolloutObject): string {
  return `${status?.reason}: ${status?.message}`;
}
