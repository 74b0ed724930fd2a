import { release, rollout } from '../schema/objects.ts';
import { builtIn } from './more-cases.ts';
import type { Ask, Case, Memory, Step } from './play.ts';

/** What every API server must do, as requests. The answers are in golden/answers.json, recorded from a real one. */

const MAPS = '/api/v1/namespaces/{ns}/configmaps';
const RELEASES = '/apis/headgate.dev/v1alpha1/namespaces/{ns}/releases';
const ROLLOUTS = '/apis/headgate.dev/v1alpha1/namespaces/{ns}/rollouts';
const ROUTES = '/apis/gateway.networking.k8s.io/v1/namespaces/{ns}/httproutes';
const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const APPLY = 'application/apply-patch+yaml';

type Changes = Record<string, unknown>;

const map = (name: string, changes: Changes = {}, metadata: Changes = {}): Changes => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data: { a: '1' },
  ...changes,
});
const post = (path: string, body: unknown, more: Partial<Ask> = {}): Step => ({
  ask: { method: 'POST', path, body, userAgent: 'tester/1', ...more },
});
const get = (path: string, query: Record<string, string> = {}): Step => ({ ask: { method: 'GET', path, query } });
const put = (path: string, body: (memory: Memory) => unknown, more: Partial<Ask> = {}): Step => ({
  ask: (memory) => ({ method: 'PUT', path, body: body(memory), userAgent: 'tester/1', ...more }),
});
const patch = (path: string, contentType: string, body: unknown, query: Record<string, string> = {}): Step => ({
  ask: { method: 'PATCH', path, contentType, body, query, userAgent: 'tester/1' },
});
const merge = (path: string, body: unknown, query: Record<string, string> = {}) => patch(path, MERGE, body, query);
const apply = (path: string, body: unknown, manager: string, query: Record<string, string> = {}): Step =>
  patch(path, APPLY, body, { fieldManager: manager, ...query });
const remove = (path: string, body?: unknown): Step => ({
  ask: { method: 'DELETE', path, ...(body === undefined ? {} : { body }) },
});
const kept = (step: Step, keep: string): Step => ({ ...step, keep });
const showing = (step: Step, ...show: string[]): Step => ({ ...step, show });
const changed = (memory: Memory, name: string, changes: Changes): unknown => ({ ...memory[name], ...changes });
const STRICT = { fieldValidation: 'Strict' };

const objects: Case[] = [
  {
    name: 'create, read, replace, delete',
    because: 'the life of an object',
    steps: [
      kept(post(MAPS, map('x', {}, { labels: { app: 'shop' } })), 'x'),
      get(`${MAPS}/x`),
      put(`${MAPS}/x`, (memory) => changed(memory, 'x', { data: { a: '2' } })),
      remove(`${MAPS}/x`),
      get(`${MAPS}/x`),
    ],
  },
  {
    name: 'names',
    because: 'refusals name what is wrong',
    steps: [
      post(MAPS, map('twice')),
      post(MAPS, map('twice')),
      post(MAPS, map('Bad_Name')),
      post(MAPS, { ...map('x'), metadata: {} }),
      post(MAPS, map('x', {}, { namespace: 'elsewhere' })),
      put(`${MAPS}/twice`, () => map('other')),
      put(`${MAPS}/nobody`, () => map('nobody')),
      get('/api/v1/namespaces/{ns}/nothings/x'),
      get('/apis/headgate.dev/v1alpha1/namespaces/{ns}/rollouts/nobody'),
      post('/api/v1/namespaces/there-is-none/configmaps', map('x')),
      post(MAPS, map('bad', { data: { 'b!': 'x' } })),
      post(MAPS, map('labelled', {}, { labels: { app: 'no spaces' } })),
    ],
  },
  {
    name: 'a generated name begins as asked',
    because: 'pods of a ReplicaSet are named so',
    steps: [showing(post(MAPS, { ...map('x'), metadata: { generateName: 'x-' } }), 'metadata.generateName')],
  },
  {
    name: 'optimistic concurrency',
    because: 'a stale writer must hear of it',
    steps: [
      kept(post(MAPS, map('x')), 'x'),
      merge(`${MAPS}/x`, { data: { a: '2' } }),
      put(`${MAPS}/x`, (memory) => changed(memory, 'x', { data: { a: '3' } })),
      put(`${MAPS}/x`, () => map('x', { data: { a: '4' } })),
      merge(`${MAPS}/x`, { metadata: { resourceVersion: '1' }, data: { a: '5' } }),
      merge(`${MAPS}/x`, { metadata: { uid: '00000000-0000-4000-8000-000000000000' }, data: { a: '5' } }),
      merge(`${MAPS}/x`, { data: { a: '4' } }),
    ],
  },
  {
    name: 'a custom resource is never replaced without its version',
    because: 'unlike a ConfigMap',
    steps: [
      kept(post(RELEASES, release()), 'r'),
      put(`${RELEASES}/sample`, () => release()),
      put(`${RELEASES}/sample`, (memory) => changed(memory, 'r', {})),
    ],
  },
  {
    name: 'JSON patch',
    because: 'fences are kept by its tests',
    steps: [
      post(MAPS, map('x', { data: { a: '1', b: '2' } })),
      patch(`${MAPS}/x`, JSON_PATCH, [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'replace', path: '/data/a', value: '2' },
        { op: 'add', path: '/data/c', value: '3' },
        { op: 'remove', path: '/data/b' },
      ]),
      patch(`${MAPS}/x`, JSON_PATCH, [{ op: 'test', path: '/data/a', value: '9' }]),
      patch(`${MAPS}/x`, JSON_PATCH, [{ op: 'test', path: '/data/z', value: '9' }]),
      patch(`${MAPS}/x`, JSON_PATCH, [{ op: 'remove', path: '/data/z' }]),
      patch(`${MAPS}/x`, JSON_PATCH, [{ op: 'replace', path: '/metadata/resourceVersion', value: '1' }]),
      showing(
        patch(`${MAPS}/x`, JSON_PATCH, [{ op: 'add', path: '/bogus', value: 1 }], STRICT),
        'reason',
        'details.kind',
      ),
      patch(`${MAPS}/none`, JSON_PATCH, [{ op: 'add', path: '/data/c', value: '3' }]),
    ],
  },
  {
    name: 'merge patch',
    because: 'null takes away, lists are replaced',
    steps: [
      post(MAPS, map('x', { data: { a: '1', b: '2' } }, { finalizers: ['example.com/a'], labels: { one: '1' } })),
      merge(`${MAPS}/x`, {
        data: { a: null, c: '3' },
        metadata: { labels: { two: '2' }, finalizers: ['example.com/b'] },
      }),
      merge(`${MAPS}/x`, { metadata: { finalizers: null } }),
      merge(`${MAPS}/none`, { data: { a: '1' } }),
      merge(`${MAPS}/x`, { metadata: { name: 'y' } }),
    ],
  },
  {
    name: 'dry runs',
    because: 'templates are tried so',
    steps: [
      showing(post(MAPS, map('dry'), { query: { dryRun: 'All' } }), 'data'),
      get(`${MAPS}/dry`),
      post(MAPS, map('x')),
      post(MAPS, map('x'), { query: { dryRun: 'All' } }),
      merge(`${MAPS}/x`, { data: { a: '2' } }, { dryRun: 'All' }),
      showing(get(`${MAPS}/x`), 'data'),
    ],
  },
];

const customs: Case[] = [
  {
    name: 'generation and status',
    because: 'observedGeneration is compared with it',
    steps: [
      kept(post(RELEASES, { ...release(), status: { outcome: 'Promoted' } }), 'r'),
      merge(`${RELEASES}/sample/status`, { status: { outcome: 'Promoted' } }),
      merge(`${RELEASES}/sample/status`, { spec: { attempt: 2 }, metadata: { labels: { a: 'b' } } }),
      merge(`${RELEASES}/sample`, { metadata: { labels: { a: 'b' } }, status: { outcome: 'Aborted' } }),
      merge(`${RELEASES}/sample`, { spec: { attempt: 2 } }),
      showing(merge(`${RELEASES}/sample/status`, { status: { bogus: 1 } }, STRICT), 'reason', 'details.kind'),
      merge(`${RELEASES}/sample/status`, { status: { bogus: 1 } }),
    ],
  },
  {
    name: 'defaults, pruning, strictness',
    because: 'schemas are the same everywhere',
    steps: [
      showing(
        post(ROLLOUTS, { ...rollout({ bogus: 1 }), more: 2 }, { query: { dryRun: 'All' } }),
        ...['spec.bogus', 'more', 'spec.replicas', 'spec.progressDeadline', 'spec.onBreach', 'spec.services'],
      ),
      post(ROLLOUTS, rollout({ bogus: 1 }), { query: { ...STRICT, dryRun: 'All' } }),
      post(ROLLOUTS, rollout({ service: 7 }), { query: { dryRun: 'All' } }),
      post(ROLLOUTS, rollout({ replicas: -1 }), { query: { dryRun: 'All' } }),
      post(ROLLOUTS, rollout({ service: undefined }), { query: { dryRun: 'All' } }),
      post(ROLLOUTS, rollout({ service: 'x'.repeat(64) }), { query: { dryRun: 'All' } }),
      showing(post(ROLLOUTS, rollout({ settle: null }), { query: { dryRun: 'All' } }), 'spec.settle', 'message'),
    ],
  },
  {
    name: 'scale',
    because: 'autoscalers write through it',
    steps: [
      showing(post(ROLLOUTS, rollout({ replicas: 3 })), 'metadata.generation'),
      get(`${ROLLOUTS}/sample/scale`),
      merge(`${ROLLOUTS}/sample/scale`, { spec: { replicas: 5 } }),
      showing(get(`${ROLLOUTS}/sample`), 'spec.replicas', 'metadata.generation'),
      merge(`${ROLLOUTS}/sample/scale`, { spec: { replicas: -1 } }),
      get(`${RELEASES}/none/scale`),
    ],
  },
  {
    name: 'a route',
    because: 'its defaults are what a fence stands beside',
    steps: [
      post(ROUTES, {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: 'x' },
        spec: { rules: [{ backendRefs: [{ name: 'shop', port: 80 }] }] },
      }),
      merge(`${ROUTES}/x`, { metadata: { annotations: { 'headgate.dev/fence': 'a/1/0' } } }),
    ],
  },
];

const applies: Case[] = [
  {
    name: 'server-side apply: ownership',
    because: 'what is not said any more goes, what others own stays',
    steps: [
      apply(`${MAPS}/x`, map('x', { data: { a: '1', b: '2' } }), 'ann'),
      apply(`${MAPS}/x`, map('x', { data: { a: '1', b: '2' } }), 'ann'),
      merge(`${MAPS}/x`, { data: { c: '3' } }),
      apply(`${MAPS}/x`, map('x', { data: { a: '1' } }), 'ann'),
      apply(`${MAPS}/x`, map('x', { data: { c: '3' } }), 'bob'),
      apply(`${MAPS}/x`, map('x', { data: { c: '4' } }), 'bob'),
      apply(`${MAPS}/x`, map('x', { data: { a: '7', c: '4' } }), 'bob'),
      apply(`${MAPS}/x`, map('x', { data: { a: '7', c: '4' } }), 'bob', { force: 'true' }),
      apply(`${MAPS}/x`, map('x', { data: {} }), 'ann'),
      patch(`${MAPS}/x`, APPLY, map('x')),
      apply(`${MAPS}/x`, map('x', {}, { resourceVersion: '1' }), 'ann'),
    ],
  },
  {
    name: 'server-side apply: lists by key',
    because: 'the canary Service is applied so',
    steps: [
      ...(['ann', 'bob'] as const).map((manager, index) =>
        showing(
          apply(
            '/api/v1/namespaces/{ns}/services/x',
            {
              apiVersion: 'v1',
              kind: 'Service',
              metadata: { name: 'x' },
              spec: { selector: { app: 'x' }, ports: [{ name: `p${index}`, port: 80 + index, targetPort: 8080 }] },
            },
            manager,
          ),
          'spec.ports',
          'spec.selector',
          'metadata.managedFields',
          'message',
        ),
      ),
      showing(
        apply(
          '/api/v1/namespaces/{ns}/services/x',
          { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec: { selector: { app: 'y' } } },
          'bob',
        ),
        'message',
      ),
      showing(
        apply(
          '/api/v1/namespaces/{ns}/services/x',
          { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec: { selector: { app: 'x' } } },
          'bob',
        ),
        'spec.ports',
        'metadata.managedFields',
      ),
    ],
  },
];

const deletions: Case[] = [
  {
    name: 'preconditions of a deletion',
    because: 'another object of the same name is not ours',
    steps: [
      post(MAPS, map('x')),
      remove(`${MAPS}/x`, { preconditions: { uid: '00000000-0000-4000-8000-000000000000' } }),
      remove(`${MAPS}/none`),
      remove(`${MAPS}/x`),
    ],
  },
  {
    name: 'finalizers',
    because: 'a Rollout gives its traffic back before it goes',
    steps: [
      post(RELEASES, { ...release(), metadata: { name: 'f', finalizers: ['example.com/a'] } }),
      remove(`${RELEASES}/f`),
      remove(`${RELEASES}/f`),
      merge(`${RELEASES}/f`, { metadata: { finalizers: ['example.com/a', 'example.com/b'] } }),
      merge(`${RELEASES}/f/status`, { status: { outcome: 'Promoted' } }),
      showing(merge(`${RELEASES}/f`, { metadata: { finalizers: [] } }), 'metadata.finalizers', 'metadata.name'),
      get(`${RELEASES}/f`),
    ],
  },
  {
    name: 'owners',
    because: 'a Rollout takes its ReplicaSets along',
    steps: [
      kept(post(MAPS, map('owner')), 'owner'),
      {
        ask: ({ owner }) => ({
          method: 'POST',
          path: MAPS,
          body: map('owned', {}, { ownerReferences: [ownerRef(owner)] }),
          userAgent: 'tester/1',
        }),
        show: ['data'],
      },
      remove(`${MAPS}/owner`),
      { ...get(`${MAPS}/owned`), until: 404 },
    ],
  },
  {
    name: 'orphans',
    because: '--cascade=orphan leaves what is owned',
    steps: [
      kept(post(MAPS, map('owner')), 'owner'),
      {
        ask: ({ owner }) => ({
          method: 'POST',
          path: MAPS,
          body: map('owned', {}, { ownerReferences: [ownerRef(owner)] }),
        }),
        show: ['data'],
      },
      showing(remove(`${MAPS}/owner`, { propagationPolicy: 'Orphan' }), 'code'),
      { ...get(`${MAPS}/owner`), until: 404 },
      showing(get(`${MAPS}/owned`), 'metadata.ownerReferences', 'data'),
    ],
  },
  {
    name: 'foreground deletion',
    because: 'the owner waits for what it owns',
    steps: [
      kept(post(MAPS, map('owner')), 'owner'),
      {
        ask: ({ owner }) => ({
          method: 'POST',
          path: MAPS,
          body: map('owned', {}, { ownerReferences: [{ ...ownerRef(owner), blockOwnerDeletion: true }] }),
        }),
        show: ['data'],
      },
      showing(remove(`${MAPS}/owner`, { propagationPolicy: 'Foreground' }), 'metadata.finalizers'),
      { ...get(`${MAPS}/owner`), until: 404 },
      get(`${MAPS}/owned`),
    ],
  },
];

function ownerRef(owner: Changes | undefined): Changes {
  const { name, uid } = (owner?.['metadata'] ?? {}) as { name?: string; uid?: string };
  return { apiVersion: 'v1', kind: 'ConfigMap', name, uid };
}

const NAMES = ['a', 'b', 'c', 'd', 'e'];
const five: Step[] = NAMES.map((name) =>
  showing(post(MAPS, map(name, {}, { labels: { odd: String('ace'.includes(name)), five: 'x' } })), 'data'),
);
const mine = { labelSelector: 'five' };

const lists: Case[] = [
  {
    name: 'selectors',
    because: 'informers ask by them',
    steps: [
      ...five,
      ...['odd=true', 'odd!=true,five', 'odd in (true,maybe)', 'odd notin (true),five', '!odd,five', 'five=y'].map(
        (labelSelector) => names(get(MAPS, { labelSelector })),
      ),
      names(get(MAPS, { ...mine, fieldSelector: 'metadata.name=b' })),
      names(get(MAPS, { ...mine, fieldSelector: 'metadata.name!=b' })),
      showing(get(MAPS, { labelSelector: '=x=' }), 'reason'),
      showing(get(RELEASES, { fieldSelector: 'spec.rollout=a' }), 'reason'),
    ],
  },
  {
    name: 'pages',
    because: 'a list of thousands comes in parts, as it was at its first',
    steps: [
      ...five,
      kept(names(get(MAPS, { ...mine, limit: '2' })), 'one'),
      showing(post(MAPS, map('bb', {}, { labels: { five: 'x' } })), 'data'),
      { ...names(get(MAPS)), keep: 'two', ask: ({ one }) => page(one) },
      { ...names(get(MAPS)), keep: 'three', ask: ({ two }) => page(two) },
    ],
  },
  {
    name: 'a watch',
    because: 'caches live on it',
    steps: [
      kept(names(get(MAPS, mine)), 'empty'),
      {
        ...showing(post(MAPS, map('w', {}, { labels: { five: 'x' } })), 'data'),
        watching: { ask: ({ empty }) => follow(empty, mine), count: 1 },
      },
      {
        ...showing(merge(`${MAPS}/w`, { data: { a: '2' } }), 'data'),
        watching: { ask: ({ empty }) => follow(empty, mine), count: 2 },
      },
      {
        ...showing(merge(`${MAPS}/w`, { metadata: { labels: { five: null } } }), 'data'),
        watching: { ask: ({ empty }) => follow(empty, mine), count: 3 },
      },
      {
        ...showing(merge(`${MAPS}/w`, { metadata: { labels: { five: 'again' } } }), 'data'),
        watching: { ask: ({ empty }) => follow(empty, mine), count: 4 },
      },
      {
        ...showing(remove(`${MAPS}/w`), 'status'),
        watching: { ask: ({ empty }) => follow(empty, mine), count: 5 },
      },
    ],
  },
  {
    name: 'a streaming list',
    because: 'reflectors begin with it',
    steps: [
      ...five,
      {
        ...showing(merge(`${MAPS}/c`, { data: { a: '2' } }), 'data'),
        watching: {
          ask: {
            method: 'GET',
            path: MAPS,
            query: {
              ...mine,
              watch: 'true',
              sendInitialEvents: 'true',
              resourceVersionMatch: 'NotOlderThan',
              allowWatchBookmarks: 'true',
            },
          },
          count: 7,
        },
      },
      showing(get(MAPS, { watch: 'true', sendInitialEvents: 'true' }), 'reason', 'message'),
    ],
  },
];

function names(step: Step): Step {
  return showing(step, 'items', 'metadata.continue', 'metadata.remainingItemCount');
}

function page(list: Changes | undefined): Ask {
  const { continue: next = '' } = (list?.['metadata'] ?? {}) as { continue?: string };
  return { method: 'GET', path: MAPS, query: { ...mine, limit: '2', continue: next } };
}

function follow(list: Changes | undefined, query: Record<string, string>): Ask {
  const { resourceVersion = '' } = (list?.['metadata'] ?? {}) as { resourceVersion?: string };
  return { method: 'GET', path: MAPS, query: { ...query, watch: 'true', resourceVersion } };
}

export const cases: readonly Case[] = [...objects, ...customs, ...applies, ...deletions, ...lists, ...builtIn];
