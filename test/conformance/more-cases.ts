import type { Ask, Case, Step } from './play.ts';

/** What the built-in kinds do beyond what every kind does. */

const SETS = '/apis/apps/v1/namespaces/{ns}/replicasets';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/{ns}/leases';
const EVENTS = '/apis/events.k8s.io/v1/namespaces/{ns}/events';
const PODS = '/api/v1/namespaces/{ns}/pods';
const BINDINGS = '/api/v1/namespaces/{ns}/bindings';
const SERVICES = '/api/v1/namespaces/{ns}/services';
const MAPS = '/api/v1/namespaces/{ns}/configmaps';
const MERGE = 'application/merge-patch+json';

type Changes = Record<string, unknown>;

const post = (path: string, body: unknown, more: Partial<Ask> = {}): Step => ({
  ask: { method: 'POST', path, body, userAgent: 'tester/1', ...more },
});
const merge = (path: string, body: unknown): Step => ({
  ask: { method: 'PATCH', path, contentType: MERGE, body, userAgent: 'tester/1' },
});
const get = (path: string, query: Record<string, string> = {}): Step => ({ ask: { method: 'GET', path, query } });
const remove = (path: string): Step => ({ ask: { method: 'DELETE', path } });
const showing = (step: Step, ...show: string[]): Step => ({ ...step, show });
const WRONG = ['reason', 'message', 'details'];

const set = (spec: Changes = {}, labels: Changes = { app: 'x' }): Changes => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: 'x' },
  spec: {
    // No pods: whatever runs them is not asked here.
    replicas: 0,
    selector: { matchLabels: { app: 'x' } },
    template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'shop:v1' }] } },
    ...spec,
  },
});

/** On a node that nobody has, so that nobody runs it. */
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'x' },
  spec: { nodeName: 'nowhere', containers: [{ name: 'app', image: 'shop:v1' }] },
};
const bindingTo = (name: string): Changes => ({
  ...{ apiVersion: 'v1', kind: 'Binding', metadata: { name } },
  target: { apiVersion: 'v1', kind: 'Node', name: 'elsewhere' },
});

const SEEN = ['spec', 'metadata.generation', 'metadata.managedFields', ...WRONG];
const MICRO = '2026-01-02T03:04:05.000006Z';

export const builtIn: Case[] = [
  {
    name: 'a ReplicaSet',
    because: 'its defaults come back in every comparison',
    steps: [
      showing(post(SETS, set()), ...SEEN),
      showing(
        merge(`${SETS}/x`, { spec: { template: { metadata: { labels: { arm: 'canary' } } } } }),
        'metadata.generation',
      ),
      showing(merge(`${SETS}/x`, { metadata: { labels: { a: 'b' } } }), 'metadata.generation'),
      showing(
        merge(`${SETS}/x`, { spec: { selector: { matchLabels: { arm: 'canary' } } } }),
        'reason',
        'details.causes',
      ),
      { ...get(`${SETS}/x/scale`), loose: true },
      showing(merge(`${SETS}/x/scale`, { spec: { replicas: -1 } }), 'reason'),
    ],
  },
  {
    name: 'a ReplicaSet that is wrong',
    because: 'templates are tried by a dry run of it',
    steps: [
      showing(post(SETS, set({}, { app: 'y' })), ...WRONG),
      showing(
        post(SETS, set({ template: { metadata: { labels: { app: 'x' } }, spec: { containers: [] } } })),
        'reason',
      ),
      showing(post(SETS, { ...set(), bogus: 1 }, { query: { fieldValidation: 'Strict' } }), 'reason', 'message'),
    ],
  },
  {
    name: 'a binding',
    because: 'it is how a scheduler says where a pod runs, and it is said once',
    steps: [
      showing(post(PODS, pod), 'spec.nodeName'),
      showing(post(BINDINGS, bindingTo('x')), ...WRONG),
      showing(post(BINDINGS, bindingTo('y')), ...WRONG),
    ],
  },
  {
    name: 'a Lease',
    because: 'who leads is decided by its versions',
    steps: [
      {
        ...showing(
          post(LEASES, {
            apiVersion: 'coordination.k8s.io/v1',
            kind: 'Lease',
            metadata: { name: 'x' },
            spec: { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: MICRO, leaseTransitions: 0 },
          }),
          'spec',
        ),
        keep: 'lease',
      },
      {
        ask: ({ lease }) => ({
          method: 'PUT',
          path: `${LEASES}/x`,
          body: { ...lease, spec: { holderIdentity: 'b', leaseTransitions: 1 } },
        }),
        show: ['spec'],
      },
      {
        ask: ({ lease }) => ({ method: 'PUT', path: `${LEASES}/x`, body: { ...lease, spec: { holderIdentity: 'c' } } }),
        show: WRONG,
      },
    ],
  },
  {
    name: 'an Event and its series',
    because: 'the recorder counts by patching it',
    steps: [
      showing(
        post(EVENTS, {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name: 'x' },
          eventTime: MICRO,
          reportingController: 'headgate.dev/operator',
          reportingInstance: 'i',
          action: 'Test',
          reason: 'Tested',
          regarding: { kind: 'ConfigMap', namespace: '{ns}', name: 'x' },
          note: 'hello',
          type: 'Normal',
        }),
        'note',
        'reason',
        'eventTime',
        'regarding',
      ),
      showing(merge(`${EVENTS}/x`, { series: { count: 2, lastObservedTime: MICRO } }), 'series', 'note'),
    ],
  },
  {
    name: 'a Service',
    because: 'the canary mirrors it',
    steps: [
      showing(
        post(SERVICES, {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'x' },
          spec: { selector: { app: 'x' }, ports: [{ name: 'http', port: 80 }] },
        }),
        ...['spec.type', 'spec.ports', 'spec.selector', 'spec.sessionAffinity', 'spec.internalTrafficPolicy'],
        ...['spec.ipFamilyPolicy', 'metadata.generation', 'status'],
      ),
      showing(
        merge(`${SERVICES}/x`, { spec: { selector: { 'headgate.dev/stable': 'true' } } }),
        'spec.selector',
        'spec.ports',
      ),
      showing(merge(`${SERVICES}/x`, { spec: { selector: { 'headgate.dev/stable': null } } }), 'spec.selector'),
    ],
  },
  {
    name: 'a namespace that ends',
    because: 'its finalizers are let go at once',
    steps: [
      showing(post('/api/v1/namespaces', { metadata: { name: '{ns}-b' } }), 'spec', 'status'),
      showing(
        post('/api/v1/namespaces/{ns}-b/configmaps', {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'holds', finalizers: ['example.com/a'] },
        }),
        'metadata.finalizers',
      ),
      showing(remove('/api/v1/namespaces/{ns}-b'), 'status.phase'),
      post('/api/v1/namespaces/{ns}-b/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late' } }),
      showing(merge('/api/v1/namespaces/{ns}-b/configmaps/holds', { metadata: { finalizers: null } }), 'metadata.name'),
      { ...get('/api/v1/namespaces/{ns}-b'), until: 404 },
    ],
  },
  {
    name: 'a past that is forgotten',
    because: 'caches begin anew',
    steps: [
      showing(get(MAPS, { limit: '2', continue: 'bm9uc2Vuc2U' }), 'reason'),
      {
        ...showing(get(`${MAPS}/none`), 'reason'),
        watching: { ask: { method: 'GET', path: MAPS, query: { watch: 'true', resourceVersion: '1' } }, count: 1 },
      },
    ],
  },
  {
    name: 'reviews of oneself',
    because: 'the CLI learns its name so',
    steps: [
      showing(
        post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'SelfSubjectReview',
        }),
        'kind',
      ),
      showing(
        post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
        }),
        'kind',
        'status.allowed',
      ),
    ],
  },
];
