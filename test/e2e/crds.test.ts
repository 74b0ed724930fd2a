import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { readState } from '#schema/translate.ts';
import { withoutPods } from '#test/schema/bad-pods.ts';
import { connectLab, type Lab } from '../lab/connect.ts';
import { repoRoot } from '../lab/tools.ts';
import { waitFor } from '../lab/wait.ts';
import { badObjects } from '../schema/bad-objects.ts';
import { fullState } from '../schema/full-state.ts';
import { action, objective, plurals, release, rollout, type Sample, source, suite } from '../schema/objects.ts';

interface Answer {
  status: number;
  body: { message?: string; reason?: string; spec?: Record<string, unknown>; [member: string]: unknown };
}

const lab: Lab = connectLab(inject('lab'));
const namespace = `crds-${randomUUID().slice(0, 8)}`;

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

interface CallOptions {
  token?: string;
  dryRun?: boolean;
}

/** Creates an object as kubectl does, unknown fields refused. */
function create(object: Sample, { token, dryRun = true }: CallOptions = {}): Promise<Answer> {
  const query = `fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`;
  const call = { method: 'POST', path: `${pathOf(object.kind)}?${query}`, body: object } as const;
  return lab.api(token === undefined ? call : { ...call, token });
}

function pathOf(kind: string, rest = ''): string {
  const scope = kind === 'MetricSource' ? '' : `/namespaces/${namespace}`;
  return `/apis/headgate.dev/v1alpha1${scope}/${plurals[kind]}${rest}`;
}

function named(object: Sample, name: string): Sample {
  return { ...object, metadata: { ...object.metadata, name } };
}

function patch(kind: string, name: string, body: object): Promise<Answer> {
  return lab.api({ method: 'PATCH', path: pathOf(kind, `/${name}`), body });
}

beforeAll(async () => {
  await kubectl('apply', '--server-side', '-k', join(repoRoot, 'crds'));
  const crds = Object.values(plurals).map((plural) => `crd/${plural}.headgate.dev`);
  await kubectl('wait', '--for=condition=Established', '--timeout=60s', ...crds);
  await kubectl('create', 'namespace', namespace);
});

describe('objects', () => {
  test.each([rollout(), release(), action({ by: 'admin' }), objective(), source(), suite()])(
    'a good $kind is accepted',
    async (object) => {
      const { status, body } = await create(object);
      expect(body.message).toBeUndefined();
      expect(status).toBe(201);
    },
  );

  test.each(badObjects)('$name: refused in these words', async ({ object, refused, because }) => {
    const { status, body } = await create(object);
    const said = body.message?.replace(/^\w+\.headgate\.dev "\w+" is invalid: /, '');
    expect(said, because).toBe(refused);
    expect([400, 422]).toContain(status);
  });

  test.each<(number | string)[]>([[1], [99], ['0.001%'], ['99%'], ['0.5%', 1, '1.5%', 2, 20, '50%', '99.000%']])(
    'weights are accepted: %s',
    async (...weights) => {
      const { body } = await create(rollout({ steps: weights.map((weight) => ({ weight })) }));
      expect(body.message).toBeUndefined();
    },
  );

  test('a Rollout of ten lines gets every default', async () => {
    const { body } = await create(rollout({ gates: [{ slo: 'a' }], steps: [{ weight: 5 }] }));
    expect(body.spec).toMatchObject({
      progressDeadline: '10m',
      budget: { targetSpend: '0.1%', maxSpend: '1%' },
      gates: [{ slo: 'a' }],
      steps: [{ weight: 5, hold: '1m' }],
      onBreach: 'Retreat',
      services: [],
    });
    expect((await create(objective())).body.spec).toMatchObject({ window: { rolling: '28d' } });
    expect((await create(suite())).body.spec).toMatchObject({
      requests: [{ http: { method: 'GET', path: '/', timeout: '2s' }, expect: { status: [200] } }],
    });
  });
});

describe('changes', () => {
  test.each([
    {
      object: named(rollout(), 'fixed'),
      change: { service: 'other' },
      says: 'cannot be changed: make a new Rollout for another Service',
    },
    {
      object: named(rollout(), 'fixed'),
      change: { selector: { matchLabels: { app: null, web: 'shop' } } },
      says: 'cannot be changed: make a new Rollout for pods with other labels',
    },
    {
      object: named(rollout(), 'fixed'),
      change: { template: null, selector: null, workloadRef: { kind: 'Deployment', name: 'shop' } },
      says: 'workloadRef cannot be added: make the Deployment and let its pods get ready',
    },
    {
      object: named(withoutPods({ workloadRef: { kind: 'Deployment', name: 'shop' } }), 'adopting'),
      change: { workloadRef: null, template: rollout().spec['template'], selector: rollout().spec['selector'] },
      says: 'workloadRef cannot be removed: delete the Rollout, which gives the Deployment back',
    },
    {
      object: named(release(), 'fixed'),
      change: { attempt: 2 },
      says: 'cannot be changed: a Release records what was decided when it began',
    },
  ])('$object.kind $change is refused', async ({ object, change, says }) => {
    await create(object, { dryRun: false });
    const { status, body } = await patch(object.kind, object.metadata.name, { spec: change });
    expect(status).toBe(422);
    expect(body.message).toContain(says);
  });

  test('the scale subresource reads and writes replicas, with the selector of status', async () => {
    await create(named(rollout({ replicas: 3 }), 'scaled'), { dryRun: false });
    const status = { replicas: 2, selector: 'app=shop' };
    const written = await lab.api<{ message?: string }>({
      method: 'PATCH',
      path: pathOf('Rollout', '/scaled/status'),
      body: { status },
    });
    expect(written.body.message).toBeUndefined();
    const path = pathOf('Rollout', '/scaled/scale');
    const scale = await lab.api({ path });
    expect(scale.body).toMatchObject({ spec: { replicas: 3 }, status });
    await kubectl('scale', '-n', namespace, 'rollouts.headgate.dev/scaled', '--replicas=5');
    expect((await lab.api({ path })).body).toMatchObject({ spec: { replicas: 5 } });
  });
});

// kills: a member of the state, or of a Release's status, that the schema lacks
test('the memory of a Rollout comes back from the API server member for member', async () => {
  await create(named(rollout(), 'memory'), { dryRun: false });
  const written = await patch('Rollout', 'memory/status', { status: { state: fullState } });
  expect(written.body.message).toBeUndefined();
  const { body } = await lab.api<{ status: { state: unknown } }>({ path: pathOf('Rollout', '/memory') });
  expect(body.status.state).toEqual(fullState);
  expect(readState(body)).toEqual(fullState);
});

// One list of what the policy must say no to; each row kills the policy without one of its validations.
describe('actions', () => {
  const { alice, bob } = lab.personTokens;

  beforeAll(async () => {
    await kubectl(
      'apply',
      '-f',
      join(repoRoot, 'deploy/people-roles.yaml'),
      '-f',
      join(repoRoot, 'deploy/admission-policy.yaml'),
    );
    // Alice may do everything, Bob may make actions and only pause.
    await kubectl('create', 'rolebinding', 'alice', '-n', namespace, '--clusterrole=headgate-operate', '--user=alice');
    await applyPauser();
    await kubectl(
      'create',
      'role',
      'actor',
      '-n',
      namespace,
      '--verb=create',
      '--resource=rolloutactions.headgate.dev',
    );
    for (const role of ['pauser', 'actor']) {
      await kubectl('create', 'rolebinding', `bob-${role}`, '-n', namespace, `--role=${role}`, '--user=bob');
    }
    // The API server loads a policy about a second after it was made.
    await waitFor('the admission policy to refuse a forged action', async () => {
      const { status } = await create(action({ by: 'mallory' }), { token: alice });
      return status === 403 ? true : undefined;
    });
  });

  /** kubectl create role takes the standard verbs alone. */
  async function applyPauser(): Promise<void> {
    const rules = [{ apiGroups: ['headgate.dev'], resources: ['rollouts'], verbs: ['pause'] }];
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'pauser', namespace },
      rules,
    };
    const { code, stderr } = await lab.kubectl(['apply', '-f', '-'], JSON.stringify(role));
    expect(code, stderr).toBe(0);
  }

  test.each([
    {
      name: 'in the name of another',
      token: alice,
      changes: { by: 'bob' },
      says: 'spec.by must be your own user name, alice, and not bob',
    },
    {
      name: 'without the right to the verb',
      token: bob,
      changes: { by: 'bob', verb: 'promote' },
      says: `bob has no right to promote on rollouts.headgate.dev shop in namespace ${namespace}: bind the ClusterRole headgate-operate`,
    },
    {
      name: 'with a group that is not theirs',
      token: alice,
      changes: { verb: 'approve', releaseUid: 'uid-1', step: 1, groups: ['system:authenticated', 'sre'] },
      says: 'spec.groups must name groups that you are in',
    },
    {
      name: 'by the administrator in the name of another',
      token: lab.adminToken,
      changes: { by: 'alice' },
      says: 'and not alice',
    },
  ])('$name is refused', async ({ token, changes, says }) => {
    const { status, body } = await create(action(changes), { token });
    expect(body.message).toContain(says);
    expect(status).toBe(403);
  });

  test.each([
    { token: alice, by: 'alice', verb: 'promote' },
    { token: alice, by: 'alice', verb: 'skip-step' },
    { token: bob, by: 'bob', verb: 'pause' },
    { token: alice, by: 'alice', verb: 'approve', releaseUid: 'uid-1', step: 1, groups: ['system:authenticated'] },
  ])('$by may $verb', async ({ token, ...changes }) => {
    const { status, body } = await create(action(changes), { token });
    expect(body.message).toBeUndefined();
    expect(status).toBe(201);
  });

  test('an action cannot be turned into another once it was admitted', async () => {
    await create(named(action({ by: 'alice', verb: 'pause' }), 'mine'), { token: alice, dryRun: false });
    const { status, body } = await patch('RolloutAction', 'mine', { spec: { verb: 'abort' } });
    expect(status).toBe(422);
    expect(body.message).toContain('cannot be changed: make a new RolloutAction');
  });
});

test('the deployment and the examples are accepted as they stand', async () => {
  // Their namespaces must exist for a dry run; nothing else is made, because other tests share this cluster.
  await kubectl(
    'apply',
    '-f',
    join(repoRoot, 'deploy/namespace.yaml'),
    '-f',
    join(repoRoot, 'examples/shop/namespace.yaml'),
  );
  const dry = ['apply', '--dry-run=server', '--validate=strict', '-k'];
  expect(await kubectl(...dry, join(repoRoot, 'deploy'))).toMatch(
    /^deployment.apps\/headgate \w+ \(server dry run\)$/m,
  );
  expect(await kubectl(...dry, join(repoRoot, 'examples/shop'))).toMatch(/^rollout.headgate.dev\/checkout \w+ /m);
  // kills: an example that nobody has applied since a field changed.
  for (const example of readdirSync(join(repoRoot, 'examples'))) {
    const said = await kubectl(...dry, join(repoRoot, 'examples', example));
    expect(said, example).toContain('headgate.dev/');
  }
});
