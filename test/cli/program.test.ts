import { describe, expect, test } from 'vitest';
import { exit } from '#cli/exit.ts';
import { run } from '#cli/program.ts';
import { record } from '#core/raw.ts';
import { OperatorError } from '#lib/errors.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { VERSION } from '#src/version.ts';
import manifest from '../../package.json' with { type: 'json' };
import { fleet } from '../core/fleet.ts';
import { type FakeCluster, fakeApi, fakeWorld } from './fake.ts';

async function type(line: string, change: Partial<FakeCluster> = {}, terminal: { columns?: number } = {}) {
  const { rollouts, releases } = fleet() as { rollouts: KubeObject[]; releases: KubeObject[] };
  const { api, created } = fakeApi({ rollouts, releases, ...change });
  const { world, output } = fakeWorld(api, terminal);
  const words = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
  return { code: await run(words, world), created, ...output };
}

describe('what is printed', () => {
  test.each([
    { name: 'list', line: 'get' },
    { name: 'list-everywhere-wide', line: 'get -A -o wide' },
    { name: 'detail', line: 'get checkout' },
    { name: 'detail-breach', line: 'get search' },
    { name: 'history', line: 'history checkout' },
    { name: 'history-wide', line: 'history checkout -o wide' },
    { name: 'narrow', line: 'get', columns: 80 },
    { name: 'help', line: '--help' },
    { name: 'help-get', line: 'get --help' },
  ])('$name', async ({ name, line, columns }) => {
    const { out, code } = await type(line, {}, columns === undefined ? {} : { columns });
    expect(code).toBe(exit.ok);
    await expect(out).toMatchFileSnapshot(`golden/${name}.txt`);
  });

  test('JSON and YAML are the view that the page shows', async () => {
    const json = JSON.parse((await type('get checkout -o json')).out) as { weight: number; sentence: string };
    expect(json).toMatchObject({ weight: 20_000, sentence: expect.stringContaining('Holding at 20%') });
    expect((await type('get checkout -o yaml')).out).toContain('weight: 20000');
  });
});

describe('actions', () => {
  test('promote says who, which release and which step', async () => {
    const { code, created, out } = await type('promote checkout -m "looks fine"', {
      answer: { state: 'Applied', message: 'step 2 may be left' },
    });
    expect(code).toBe(exit.ok);
    expect(out).toBe('promote checkout: step 2 may be left\n');
    expect(created[0]?.['spec']).toEqual({
      rollout: 'checkout',
      verb: 'promote',
      reason: 'looks fine',
      by: 'ada',
      releaseUid: 'uid-checkout-4',
      step: 2,
    });
  });

  // kills: an approval of nothing in particular; groups that nobody asked for, told to everybody
  test('approve says what was shown, and which of the groups asked for are ours', async () => {
    const cluster = structuredClone(fleet()) as { rollouts: KubeObject[]; releases: KubeObject[] };
    const running = cluster.releases.find(({ metadata }) => metadata.name === 'checkout-4');
    const spec = record(running, 'spec');
    const asked = { minimum: 1, groups: ['sre', 'owners'], notAuthor: true };
    Object.assign(record(spec, 'plan'), { promotion: asked });
    const checkout = cluster.rollouts.find(({ metadata }) => metadata.name === 'checkout');
    Object.assign(record(checkout, 'status', 'canary'), { digests: ['app=sha256:aa'] });
    const { created } = await type('approve checkout', {
      ...cluster,
      groups: ['system:authenticated', 'sre'],
      answer: { state: 'Applied' },
    });
    expect(created[0]?.['spec']).toMatchObject({
      verb: 'approve',
      by: 'ada',
      releaseUid: 'uid-checkout-4',
      step: 2,
      groups: ['sre'],
      digests: ['app=sha256:aa'],
    });
  });

  test.each([
    { line: 'undo checkout', to: undefined },
    { line: 'undo checkout --to-revision 5d8f7c9b64', to: '5d8f7c9b64' },
  ])('$line goes back to $to', async ({ line, to }) => {
    const { created, out } = await type(line, { answer: { state: 'Applied', message: 'undo by ada' } });
    expect(out).toBe('undo checkout: undo by ada\n');
    expect(created[0]?.['spec']).toEqual({
      ...{ rollout: 'checkout', verb: 'undo', reason: '', by: 'ada', releaseUid: 'uid-checkout-4' },
      ...(to === undefined ? {} : { toRevision: to }),
    });
  });

  test('what is pinned is shown', async () => {
    const cluster = structuredClone(fleet()) as { rollouts: KubeObject[]; releases: KubeObject[] };
    const checkout = cluster.rollouts.find(({ metadata }) => metadata.name === 'checkout');
    Object.assign(record(checkout, 'status', 'state'), { pinned: { revision: 'v1', over: 'v2', by: 'ann' } });
    const { out } = await type('get checkout', { ...cluster });
    expect(out).toContain('Undone   pinned to v1 by ann until the template changes');
  });

  test('only verbs that leave a step name one', async () => {
    // kills: sending the step with every verb, which the API server refuses
    const { created } = await type('pause checkout', { answer: { state: 'Applied' } });
    expect(created[0]?.['spec']).not.toHaveProperty('step');
  });

  const forbidden = new OperatorError('KUBE_FORBIDDEN', 'create rolloutactions shop/x: ada may not promote checkout');
  test.each([
    {
      name: 'a refusal is a failure with the reason',
      line: 'promote checkout',
      change: { answer: { state: 'Refused', message: 'step 1 was left already' } },
      code: exit.failed,
      says: 'promote checkout was refused: step 1 was left already',
    },
    {
      name: 'silence is told apart from success',
      line: 'abort checkout',
      change: {},
      code: exit.waiting,
      says: 'the operator has not answered yet',
    },
    {
      name: 'a missing right is named',
      line: 'promote checkout',
      change: { refuse: { call: 'create rolloutactions', error: forbidden } },
      code: exit.failed,
      says: 'the verb "promote" on rollouts.headgate.dev/checkout in shop',
    },
    {
      name: 'a slip of the pen shows the names there are',
      line: 'pause chekout',
      change: {},
      code: exit.failed,
      says: 'there is no Rollout chekout in namespace shop; there are: basket, catalog, checkout, search',
    },
    {
      name: 'an unknown command is wrong usage',
      line: 'hurry checkout',
      change: {},
      code: exit.usage,
      says: "unknown command 'hurry'",
    },
    {
      name: 'a bad port is wrong usage',
      line: 'dashboard --port web',
      change: {},
      code: exit.usage,
      says: 'Give a port from 0 to 65535',
    },
    {
      name: 'a missing right to look is explained',
      line: 'get',
      change: {
        refuse: { call: 'list rollouts', error: new OperatorError('KUBE_FORBIDDEN', 'list rollouts shop: no') },
      },
      code: exit.failed,
      says: 'whoever grants rights',
    },
  ])('$name', async ({ line, change, code, says }) => {
    const result = await type(line, change);
    expect(result.err).toContain(says);
    expect(result.code).toBe(code);
  });
});

test.each([
  { name: 'catalog', code: exit.ok },
  { name: 'checkout', code: exit.waiting },
  { name: 'basket', code: exit.waiting },
  { name: 'search', code: exit.failed },
])('status of $name exits $code', async ({ name, code }) => {
  expect((await type(`status ${name}`)).code).toBe(code);
});

test('status --wait ends by its timeout', async () => {
  expect((await type('status checkout --wait --timeout 30')).code).toBe(exit.waiting);
});

test('the version is that of the package', () => expect(VERSION).toBe(manifest.version));
