import { gateway } from '../../lab/gateway.ts';

/** Objects of one application under test, named after it. */

export interface AppSpec {
  name: string;
  namespace: string;
  image: string;
  replicas: number;
  /** Where its pods listen. [8080] */
  port?: number;
  /** Percent, e.g. "99". */
  objective: string;
  /** Specs of further ServiceLevelObjectives, by name. */
  objectives?: Record<string, Record<string, unknown>>;
  /** Specs of further ProbeSuites, by name. */
  suites?: Record<string, Record<string, unknown>>;
  steps?: {
    weight?: number | string;
    headers?: { name: string; value: string }[];
    hold: string;
    pause?: { for?: string };
    approval?: { minimum: number; groups: string[]; notAuthor: boolean };
    mirror?: { percent: number };
  }[];
  rollout?: Record<string, unknown>;
  probe?: boolean;
  /** Of its Service. */
  serviceLabels?: Record<string, string>;
  /** What stands before the Service in place of the HTTPRoute. */
  routes?: (app: Pick<AppSpec, 'name' | 'namespace'>) => Record<string, unknown>[];
}

const portOf = ({ port = 8080 }: AppSpec) => port;

const pod = (app: AppSpec) => ({
  metadata: {
    labels: { app: app.name },
    annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': `${portOf(app)}` },
  },
  spec: {
    containers: [{ name: 'app', image: app.image, ports: [{ name: 'http', containerPort: portOf(app) }] }],
  },
});

/** Short holds and delays: the limits of the tests count ticks of one second. */
export function rolloutOf(app: AppSpec): Record<string, unknown> {
  return {
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: app.name, namespace: app.namespace },
    spec: {
      replicas: app.replicas,
      selector: { matchLabels: { app: app.name } },
      template: pod(app),
      service: app.name,
      traffic: [{ httpRoute: app.name }],
      gates: [{ slo: app.name }],
      ...(app.probe === false ? {} : { probes: [{ suite: app.name }] }),
      steps: app.steps ?? [
        { weight: 5, hold: '3s' },
        { weight: 20, hold: '3s' },
        { weight: 50, hold: '3s' },
      ],
      bake: { for: '0s' },
      settle: '2s',
      scaleDownDelay: '5s',
      progressDeadline: '60s',
      ...app.rollout,
    },
  };
}

export function objectsOf(app: AppSpec): Record<string, unknown>[] {
  const { name, namespace } = app;
  return [
    {
      apiVersion: 'headgate.dev/v1alpha1',
      kind: 'ServiceLevelObjective',
      metadata: { name, namespace },
      spec: {
        objective: app.objective,
        source: 'lab',
        sli: {
          events: {
            total: { metric: 'http_requests_total' },
            bad: { metric: 'http_requests_total', matchers: [{ label: 'code', op: '=~', value: '5..' }] },
          },
        },
      },
    },
    ...Object.entries(app.objectives ?? {}).map(([other, spec]) => ({
      apiVersion: 'headgate.dev/v1alpha1',
      kind: 'ServiceLevelObjective',
      metadata: { name: other, namespace },
      spec,
    })),
    {
      apiVersion: 'headgate.dev/v1alpha1',
      kind: 'ProbeSuite',
      metadata: { name, namespace },
      spec: { requests: [{ name: 'smoke', http: { path: '/healthz/smoke' } }], every: '5s' },
    },
    ...Object.entries(app.suites ?? {}).map(([other, spec]) => ({
      apiVersion: 'headgate.dev/v1alpha1',
      kind: 'ProbeSuite',
      metadata: { name: other, namespace },
      spec,
    })),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, labels: app.serviceLabels ?? {} },
      spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: portOf(app) }] },
    },
    ...(app.routes ?? httpRoutes)(app),
    rolloutOf(app),
  ];
}

function httpRoutes({ name, namespace }: Pick<AppSpec, 'name' | 'namespace'>): Record<string, unknown>[] {
  return [
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name, namespace },
      spec: {
        parentRefs: [{ name: gateway.name, namespace: gateway.namespace }],
        hostnames: [hostOf({ name, namespace })],
        rules: [{ backendRefs: [{ name, port: 80 }] }],
      },
    },
  ];
}

export function hostOf({ name, namespace }: Pick<AppSpec, 'name' | 'namespace'>): string {
  return `${name}.${namespace}.example`;
}
