import { expect, test } from 'vitest';
import type { GroupMember } from '#core/sights.ts';
import { memberOf, observeGroup, waitingWith } from '#operator/groups.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Store } from '#runtime/cache.ts';

const NOW = 1_700_000_000_000;
const MINUTE = 60_000;

function rollout(
  name: string,
  state: Record<string, unknown> = {},
  { namespace = 'shop', group = 'paths' } = {},
): KubeObject {
  return {
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name, namespace },
    spec: group === '' ? {} : { group },
    status: { state },
  };
}

const begun = (fields: Record<string, unknown> = {}) => ({
  name: 'b-1',
  startedAt: NOW - MINUTE,
  weight: 0,
  ...fields,
});
const moving = (fields: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({
  phase: 'Progressing',
  since: NOW - MINUTE,
  release: begun(fields),
  ...more,
});

interface Row {
  name: string;
  because: string;
  state: Record<string, unknown>;
  want: Omit<GroupMember, 'rollout'>;
}

test.each<Row>([
  { name: 'new', because: 'it has no state', state: {}, want: { carries: false } },
  { name: 'at rest', because: 'it wants nothing', state: { phase: 'Healthy' }, want: { carries: false } },
  {
    name: 'queued at rest',
    because: 'it waits from then on',
    state: { phase: 'Progressing', since: NOW, queuedAt: NOW - 5 },
    want: { carries: false, wantsSince: NOW - 5 },
  },
  {
    name: 'preparing',
    because: 'its place is that of its beginning',
    state: moving({ stage: 'Preparing' }),
    want: { carries: false, wantsSince: NOW - MINUTE },
  },
  {
    name: 'preparing for an hour',
    because: 'it is stuck on something, and nobody is to wait for it',
    state: moving({ stage: 'Probing' }, { since: NOW - 60 * MINUTE }),
    want: { carries: false },
  },
  {
    name: 'queued in an hour of probing',
    because: 'it is stuck on others, and keeps its place',
    state: moving({ stage: 'Probing' }, { since: NOW - 60 * MINUTE, queuedAt: NOW - 61 * MINUTE }),
    want: { carries: false, wantsSince: NOW - 61 * MINUTE },
  },
  { name: 'holding', because: 'users meet its canary', state: moving({ weight: 5000 }), want: { carries: true } },
  {
    name: 'paused with traffic',
    because: 'users meet its canary all the same',
    state: { ...moving({ weight: 5000 }), phase: 'Paused' },
    want: { carries: true },
  },
  {
    name: 'paused at weight 0',
    because: 'a person may take a week',
    state: { ...moving(), phase: 'Paused', reason: 'NoData' },
    want: { carries: false },
  },
  {
    name: 'promoting without a route',
    because: 'in-cluster clients are users too',
    state: moving({ joined: 1 }),
    want: { carries: true },
  },
  {
    name: 'retreated',
    because: 'its traffic is back',
    state: { ...moving({ ending: { kind: 'Retreat' } }), phase: 'Paused' },
    want: { carries: false },
  },
  // kills: a turn that is given on by the record alone
  {
    name: 'retreated, and no gateway has taken its weight yet',
    because: 'users meet its canary until one has',
    state: { ...moving({ raisedAt: NOW - MINUTE, ending: { kind: 'Retreat', at: NOW - 5000 } }), phase: 'Paused' },
    want: { carries: true },
  },
  {
    name: 'retreated and obeyed',
    because: 'every gateway has said so',
    state: {
      ...moving({ raisedAt: NOW - MINUTE, ending: { kind: 'Retreat', at: NOW - 5000, remediedAt: NOW - 1000 } }),
      phase: 'Paused',
    },
    want: { carries: false },
  },
  {
    name: 'retreated an hour ago from a gateway that is gone',
    because: 'nobody waits for ever',
    state: {
      ...moving({ raisedAt: NOW - 70 * MINUTE, ending: { kind: 'Abort', at: NOW - 60 * MINUTE } }),
      phase: 'Degraded',
    },
    want: { carries: false },
  },
  {
    name: 'superseded before its first raise',
    because: 'no user has met it',
    state: moving({ ending: { kind: 'Superseded', at: NOW - 5000 } }),
    want: { carries: false },
  },
  {
    name: 'committed and back on its own route',
    because: 'the new revision is stable',
    state: moving({ committed: true, joined: 4 }),
    want: { carries: false },
  },
])('$name: $because', ({ state, want, because }) => {
  expect(memberOf(rollout('b', state), NOW), because).toEqual({ rollout: 'b', ...want });
});

function storeOf(objects: KubeObject[]): { rollouts: Store } {
  const byIndex: Store['byIndex'] = (_, key) =>
    objects.filter(({ spec }) => (spec as { group?: string } | undefined)?.group === key);
  return { rollouts: { byIndex } as Store };
}

test('a group is that of one namespace; whoever moves elsewhere is only named', () => {
  const own = rollout('a');
  const others = [
    rollout('z', moving({ weight: 5000 })),
    rollout('b'),
    rollout('far', moving({ weight: 5000 }), { namespace: 'ops' }),
    rollout('farther', moving(), { namespace: 'ops' }),
    rollout('alone', moving({ weight: 5000 }), { group: 'others' }),
  ];
  expect(observeGroup(storeOf([own, ...others]), own, NOW)).toEqual({
    name: 'paths',
    members: [
      { rollout: 'b', carries: false },
      { rollout: 'z', carries: true },
    ],
    elsewhere: ['ops/far'],
  });
  expect(observeGroup(storeOf([]), rollout('a', {}, { group: '' }), NOW)).toBeUndefined();
});

// kills: a queue in which nobody hears that the one before has ended
test('who stops moving wakes those that wait', () => {
  const own = rollout('a', moving({ weight: 5000 }));
  const waiting = rollout('b', { phase: 'Progressing', queuedAt: NOW });
  const woken = waitingWith(storeOf([own, waiting, rollout('c', { phase: 'Healthy' })]), own);
  expect(woken.map(({ metadata }) => metadata.name)).toEqual(['b']);
});

const counts = { canary: { total: 310, bad: 31 }, stable: { total: 1200, bad: 2 } };
const failed = { at: NOW - 9, cause: 'Worse', gate: 'edge', arms: counts, exposure: {} };
const told = { at: NOW - 9, cause: 'Worse', gate: 'edge', arms: counts };

test.each([
  { name: 'open', because: 'users meet it still', state: moving({ weight: 5000, breach: failed }), want: told },
  {
    name: 'remedied',
    because: 'it may be felt for a while',
    state: moving({ breach: failed, ending: { kind: 'Retreat', remediedAt: NOW - 1 } }),
    want: { ...told, remediedAt: NOW - 1 },
  },
  {
    name: 'by probes',
    because: 'they count nothing',
    state: moving({ breach: { at: NOW - 9, cause: 'ProbesFailed' } }),
    want: { at: NOW - 9, cause: 'ProbesFailed' },
  },
  {
    name: 'of a committed release',
    because: 'the new revision is stable',
    state: moving({ committed: true, breach: failed }),
    want: undefined,
  },
])('a breach $name is told to the group: $because', ({ state, want, because }) => {
  expect(memberOf(rollout('b', state), NOW).breach, because).toEqual(want);
});

// kills: a mode that others do not see; one that moves and does not hear of the other's breach
test('those that move at once say so, and wake each other', () => {
  const at = (name: string, state: Record<string, unknown> = {}) => {
    const one = rollout(name, state);
    return { ...one, spec: { group: 'paths', groupMode: 'Attribute' } };
  };
  const own = at('a');
  const other = at('b', moving({ weight: 5000 }));
  expect(observeGroup(storeOf([own, other, rollout('c')]), own, NOW)).toMatchObject({
    mode: 'Attribute',
    members: [
      { rollout: 'b', carries: true, mode: 'Attribute' },
      { rollout: 'c', carries: false },
    ],
  });
  expect(waitingWith(storeOf([own, other]), own).map(({ metadata }) => metadata.name)).toEqual(['b']);
});
