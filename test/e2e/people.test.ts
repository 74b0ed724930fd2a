import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { waitFor } from '../lab/wait.ts';
import { met, tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import type { AppSpec } from './support/shop.ts';
import { type App, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { releaseOf } from './support/story.ts';

/** What people say to a release on the real API server, which knows who they are: approve, undo, expedite, and a queue. */

const lab = connectLab(inject('lab'));
let stage: Stage;
let oneAtATime: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'people');
  oneAtATime = await openStage(lab, 'queue');
  await stage.startOperator({ environment: patientLease });
  await oneAtATime.startOperator({ environment: { ...patientLease, HEADGATE_MAX_MOVING: '1' } });
});
afterAll(async () => {
  await oneAtATime.close();
  await stage.close();
});

const [v1, v2, v3] = ['lab/shop:v1-slowstop-3s', 'lab/shop:v2-slowstop-3s', 'lab/shop:v3-slowstop-3s'];
const none = { gateway: 0, service: 0 };

/** Without gates nothing but people is waited for. */
function quick(name: string, steps: NonNullable<AppSpec['steps']>, rollout: Record<string, unknown> = {}) {
  const given = { gates: [], settle: '1s', scaleDownDelay: '1s', ...rollout };
  return { name, image: v1, replicas: 1, objective: '90', probe: false, steps, rollout: given };
}

interface Status {
  stable?: { image?: string };
  canary?: { digests?: string[] };
}

const statusOf = ({ status }: RolloutObject) => status as Status | undefined;

/** At rest after so many releases, on that image. */
const rests = (releases: number, image: string) => (rollout: RolloutObject) =>
  rollout.status?.phase === 'Healthy' &&
  rollout.status.state?.releases === releases &&
  rollout.status.state.release === undefined &&
  statusOf(rollout)?.stable?.image === image;

interface Person {
  user: string;
  groups?: string[];
}

interface Answer {
  /** What the API server refused it with. */
  refused?: string;
  name?: string;
  said?: string;
}

/** An action under the name of somebody, as the API server authenticates them; then what the operator answers. */
async function say({ user, groups = [] }: Person, { spec: app }: App, spec: Record<string, unknown>): Promise<Answer> {
  const action = {
    ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'RolloutAction' },
    metadata: { generateName: `${user}-`, namespace: app.namespace },
    spec: { rollout: app.name, reason: 'a test', by: user, ...spec },
  };
  const as = [`--as=${user}`, ...[...groups, 'system:authenticated'].map((group) => `--as-group=${group}`)];
  const { code, stdout, stderr } = await lab.kubectl(
    ['create', '-f', '-', '-o', 'json', ...as],
    JSON.stringify(action),
  );
  if (code !== 0) return { refused: stderr };
  const { metadata } = JSON.parse(stdout) as { metadata: { name: string } };
  const path = `/apis/headgate.dev/v1alpha1/namespaces/${app.namespace}/rolloutactions/${metadata.name}`;
  const said = await waitFor(`an answer to ${metadata.name}`, async () => {
    const { body } = await lab.api<{ status?: { state?: string; message?: string } }>({ path });
    return body.status?.state === undefined ? undefined : `${body.status.state}: ${body.status.message ?? ''}`;
  });
  return { name: metadata.name, said };
}

const [ann, bob, cleo, dave] = ['ann', 'bob', 'cleo', 'dave'].map((user) => ({ user, groups: ['sre'] })) as [
  Person,
  Person,
  Person,
  Person,
];

async function grantPeople(): Promise<void> {
  const { namespace } = stage;
  const users = ['ann', 'bob', 'cleo'].map((user) => `--user=${user}`);
  await kubectl(lab, 'create', 'rolebinding', 'sre', '--clusterrole=headgate-operate', ...users, '-n', namespace);
  const acts = ['--verb=create', '--resource=rolloutactions.headgate.dev'];
  await kubectl(lab, 'create', 'role', 'acts', ...acts, '-n', namespace);
  await kubectl(lab, 'create', 'rolebinding', 'dave', '--role=acts', '--user=dave', '-n', namespace);
}

describe.concurrent('people', () => {
  test('approve what was shown to them: the author, other groups, other releases and other images do not count', async () => {
    await grantPeople();
    const approval = { minimum: 2, groups: ['sre'], notAuthor: true };
    const steps = [{ weight: 50, hold: '1s', approval }];
    const app = await stage.open(quick('approved', steps));
    await kubectl(lab, 'annotate', 'rollout', 'approved', 'headgate.dev/change-author=ann', '-n', stage.namespace);
    const load = await app.load(20);
    await app.apply({ image: v2 });
    const asks = ({ status }: RolloutObject) => status?.phase === 'Paused' && status.reason === 'Approval';
    const paused = await app.until('to wait for people', asks);
    const { uid: releaseUid } = (await app.get<{ metadata: { uid: string } }>('releases.headgate.dev', 'approved-1'))
      .metadata;
    const shown = { verb: 'approve', releaseUid, step: 1, groups: ['sre'], digests: statusOf(paused)?.canary?.digests };
    const wrong = {
      unentitled: await say(dave, app, shown),
      pretended: await say({ user: 'bob' }, app, shown),
      blind: await say(bob, app, { verb: 'approve' }),
      stranger: await say({ user: 'bob' }, app, { ...shown, groups: undefined }),
      author: await say(ann, app, shown),
      elsewhere: await say(cleo, app, { ...shown, releaseUid: 'another' }),
      ahead: await say(cleo, app, { ...shown, step: 2 }),
      unseen: await say(cleo, app, { ...shown, digests: undefined }),
    };
    const still = await app.rollout();
    const first = await say(bob, app, shown);
    const halfway = await app.rollout();
    const again = await say(bob, app, shown);
    // What was said once is neither said again nor changed.
    const edit = ['patch', 'rolloutaction', first.name ?? '', '-n', stage.namespace, '--type=merge', '-p'];
    const edited = await lab.kubectl([...edit, '{"spec":{"verb":"abort"}}']);
    const second = await say(cleo, app, shown);
    await app.until('promoted', rests(1, v2));
    const late = await say(ann, app, shown);
    const report = await load.stop();

    expect(paused.status?.message).toMatch(/0 of 2 approved; missing: 2 of sre, not ann, whose change it is/);
    expect(wrong.unentitled.refused).toMatch(/dave has no right to approve on rollouts.headgate.dev approved/);
    expect(wrong.pretended.refused).toMatch(/spec.groups must name groups that you are in/);
    expect(wrong.blind.refused).toMatch(/approve is for what was shown: name releaseUid and step/);
    expect(wrong.stranger.said).toMatch(/^Refused: bob is in none of the groups sre/);
    expect(wrong.author.said).toMatch(/^Refused: the change is of ann: somebody else must approve it/);
    expect(wrong.elsewhere.said).toMatch(/^Refused: it names another release than the one under way/);
    expect(wrong.ahead.said).toMatch(/^Refused: it was meant for step 2, the release stands on step 1/);
    expect(wrong.unseen.said).toMatch(/^Refused: the canary runs images that were not shown to you/);
    expect(still.status?.message).toMatch(/0 of 2 approved/);
    expect(first.said).toBe('Applied: approve by bob');
    // kills: one word that counts for two; a release that goes on with half of them.
    expect(asks(halfway)).toBe(true);
    expect(halfway.status?.message).toMatch(/1 of 2 approved \(bob\); missing: 1 of sre/);
    expect(again.said).toMatch(/^Refused: bob has approved already/);
    expect(edited.stderr).toMatch(/cannot be changed: make a new RolloutAction/);
    expect(second.said).toBe('Applied: approve by cleo');
    expect(late.said).toMatch(/^Refused: no release is under way/);
    expect(report.failed, lost(report)).toEqual(none);
    tell('approval', report, { says: halfway.status?.message });
  });

  test('undo what is stable, though the template stays: the next template ends the pin', async () => {
    const app = await stage.open(quick('undone', [{ weight: 50, hold: '1s' }]));
    const load = await app.load(20);
    await app.apply({ image: v2 });
    await app.until('promoted', rests(1, v2));
    const undone = await app.act('undo', 'orders are lost');
    const isPinned = ({ status }: RolloutObject) => status?.message?.startsWith('pinned to') === true;
    const pinned = await app.until('to be back', (rollout) => rests(2, v1)(rollout) && isPinned(rollout));
    const twice = await app.act('undo', 'again');
    const { spec } = await app.rollout();
    await app.apply({ image: v3 });
    const after = await app.until('the next revision', rests(3, v3));
    const report = await load.stop();
    const outcomes = await Promise.all([1, 2, 3].map(async (n) => (await releaseOf(app, n)).status.outcome));

    expect(undone).toMatch(/^Applied: undo by admin/);
    expect(pinned.status?.message).toMatch(/pinned to \w+ by admin until the template changes/);
    // kills: an undo that edits what Git owns.
    expect(JSON.stringify(spec)).toContain(v2);
    expect(twice).toMatch(/^Refused: /);
    expect(after.status?.state?.pinned).toBeUndefined();
    expect(outcomes).toEqual(['Promoted', 'Promoted', 'Promoted']);
    expect(report.failed, lost(report)).toEqual(none);
    tell('undo', report, { twice, says: pinned.status?.message });
  });

  test('expedite what mends an outage, which would have kept it out', async () => {
    const sick = 'lab/shop:v1-slowstop-3s-errors-50';
    const steps = [{ weight: 50, hold: '1s' }];
    const app = await stage.open({
      ...quick('mended', steps, { gates: [{ slo: 'mended' }], budget: { preflightRemaining: 0 } }),
      image: sick,
    });
    const load = await app.load(40);
    await app.apply({ image: v2 });
    const waits = await app.until(
      'to wait for a good stable',
      ({ status }) =>
        /^Waiting before the first raise/.test(status?.message ?? '') && status?.state?.release?.stage === 'Probing',
    );
    const said = await app.act('expedite', 'mends the database');
    await app.until('promoted', rests(1, v2), 240);
    const report = await load.stop();

    expect(said).toBe('Applied: expedite by admin');
    expect(waits.status?.state?.release?.weight).toBe(0);
    expect(met(report, v2).bad).toBe(0);
    expect(met(report, v2, 'service').total).toBeGreaterThan(0);
    expect(met(report, 'unknown').total, lost(report)).toBe(0);
    tell('expedite', report, { waits: waits.status?.message });
  });

  test('wait in a queue that shows its order, where one release moves at a time', async () => {
    const steps = [{ weight: 50, hold: '1s', pause: {} }];
    const [first, second, third] = await Promise.all(
      ['first', 'second', 'third'].map((name) => oneAtATime.open(quick(name, steps))),
    );
    if (first === undefined || second === undefined || third === undefined) throw new Error('three were opened');
    const load = await second.load(20);
    const atStep = ({ status }: RolloutObject) => status?.reason === 'Step';
    const inLine = (place: RegExp) => (rollout: RolloutObject) => place.test(rollout.status?.message ?? '');
    await first.apply({ image: v2 });
    await first.until('its step', atStep);
    await second.apply({ image: v2 });
    const next = await second.until('its place', inLine(/first of 1 in the queue/));
    await third.apply({ image: v2 });
    const last = await third.until('its place', inLine(/second of 2 in the queue/));
    await first.act('promote');
    await second.until('its turn', atStep);
    const moved = await third.until('to move up', inLine(/first of 1 in the queue/));
    await second.act('promote');
    await third.until('its turn', atStep);
    await third.act('promote');
    await Promise.all([first, second, third].map((app) => app.until('promoted', rests(1, v2))));
    const report = await load.stop();

    const { namespace } = oneAtATime;
    const allows = 'and the cluster allows 1 at once';
    expect(next.status?.message).toContain(`1 moves (${namespace}/first) ${allows}`);
    expect(last.status?.message).toContain(`after ${namespace}/second; 1 moves (${namespace}/first) ${allows}`);
    // kills: a queue that lets the next two go at once.
    expect(moved.status?.message).toContain(`1 moves (${namespace}/second) ${allows}`);
    const queued = last.status?.conditions?.find(({ type }) => type === 'Queued');
    expect(queued).toMatchObject({ status: 'True', reason: 'OthersMove' });
    expect(report.failed, lost(report)).toEqual(none);
    tell('queue', report, { says: last.status?.message });
  });
});
