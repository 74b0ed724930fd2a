import fc from 'fast-check';
import { expect, test } from 'vitest';
import { albIngress } from '#routers/alb-ingress.ts';
import type { RouteObject } from '#routers/define.ts';
import { applyPatch } from '#sandbox/patches.ts';
import { type RouterSubject, routerLaws } from './laws.ts';
import { type Dialect, goldenCases, type Rule, ruleSubject, services } from './rules.ts';

const PREFIX = 'alb.ingress.kubernetes.io/actions.';

/** The actions as rules of an object that is easy to look at: the laws are checked on Ingresses made of them. */
const dialect: Dialect = {
  router: albIngress,
  content: fc.record(
    { type: fc.constant('forward'), stickiness: fc.boolean(), order: fc.constantFrom(1, 2) },
    { requiredKeys: ['type'] },
  ),
  field: 'targetGroups',
  spec: (rules: Rule[]) => ({ rules }),
  rulesOf: (object) => (object['spec'] as { rules: Rule[] }).rules,
  ref: (name) => ({ serviceName: name, servicePort: '80' }),
  nameOf: ({ serviceName }) => serviceName,
  extras: fc.record({ servicePort: fc.constantFrom('80', 80, 'http') }, { requiredKeys: [] }),
  namesakes: [{ targetGroupARN: 'arn:checkout' }],
};

function fold(easy: RouteObject): RouteObject {
  const rules = dialect.rulesOf(easy);
  const texts = rules.map(({ targetGroups, stickiness, ...rest }, index) => {
    const config = stickiness === undefined ? {} : { targetGroupStickinessConfig: { enabled: stickiness } };
    const said = { ...rest, forwardConfig: { ...config, targetGroups } };
    // People write it in as many ways as there are.
    return [`${PREFIX}a${index}`, JSON.stringify(said, null, index % 2)] as const;
  });
  const paths = rules.map((_, index) => ({
    ...{ path: `/${index}`, pathType: 'Prefix' },
    backend: { service: { name: `a${index}`, port: { name: 'use-annotation' } } },
  }));
  const annotations = { ...easy.metadata.annotations, ...Object.fromEntries(texts) };
  return { metadata: { ...easy.metadata, annotations }, spec: { rules: [{ http: { paths } }] } };
}

function unfold({ metadata }: RouteObject): RouteObject {
  const found = Object.entries(metadata.annotations ?? {}).filter(([name]) => name.startsWith(PREFIX));
  const rules = found
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, text]): Rule => {
      const { forwardConfig, ...rest } = JSON.parse(text);
      const { targetGroups, targetGroupStickinessConfig: config } = forwardConfig;
      return {
        ...rest,
        ...(config === undefined ? {} : { stickiness: config.enabled }),
        ...(targetGroups === undefined ? {} : { targetGroups }),
      };
    });
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([name]) => !name.startsWith(PREFIX));
  return { metadata: { ...metadata, annotations: Object.fromEntries(annotations) }, spec: { rules } };
}

const easy = ruleSubject(dialect);
const fits = (route: RouteObject) => albIngress.capture(route, services).length <= 1024;
const subject: RouterSubject = {
  ...easy,
  routes: easy.routes.map(fold).filter(fits),
  conflicts: easy.conflicts.map(fold).filter(fits),
  splits: (route) => easy.splits(unfold(route)),
  foreign: ({ spec, ...route }) => ({ spec, actions: easy.foreign(unfold(route as RouteObject)) }),
  splitsIn: (annotation) => annotation.startsWith(PREFIX),
  disagree(route) {
    const torn = easy.disagree(unfold(route));
    return torn === undefined ? undefined : fold(torn);
  },
};
routerLaws(subject);
goldenCases(albIngress);

const forward = (targetGroups: unknown, more: object = {}) =>
  JSON.stringify({ type: 'forward', forwardConfig: { targetGroups, ...more } });
const mine = { serviceName: 'checkout', servicePort: 80 };
const backend = (name: string, port: object) => ({ path: '/', backend: { service: { name, port } } });
const byAction = backend('shop', { name: 'use-annotation' });

function ingress(text: string | undefined, paths: object[] = [byAction]): RouteObject {
  const annotations = text === undefined ? {} : { [`${PREFIX}shop`]: text };
  return { metadata: { name: 'web', namespace: 'shop', annotations }, spec: { rules: [{ http: { paths } }] } };
}

test.each<{ name: string; because: string; object: RouteObject; want: RegExp | undefined }>([
  { name: 'an action', because: 'it is what we split', object: ingress(forward([mine])), want: undefined },
  {
    name: 'a path to the Service itself',
    because: 'its users would never meet the canary',
    object: ingress(forward([mine]), [byAction, backend('checkout', { number: 80 })]),
    want: /a path of Ingress web names Service checkout itself, .*use-annotation/,
  },
  {
    name: 'no annotation',
    because: 'the controller answers 503',
    object: ingress(undefined),
    want: /no rule of Ingress web sends traffic to Service checkout; add a target group to checkout/,
  },
  {
    name: 'an action that no path names',
    because: 'nobody gets there',
    object: ingress(forward([mine]), []),
    want: /no rule of Ingress web/,
  },
  { name: 'no JSON', because: 'the controller refuses it too', object: ingress('{'), want: /no rule of Ingress web/ },
  ...[forward(null), forward('x'), forward([null, 3]), forward([{ ...mine, weight: '5' }])].map((text) => ({
    name: text,
    because: 'what cannot be read is not guessed at',
    object: ingress(text),
    want: /^forwardConfig.targetGroups of action shop is no list of well-formed entries/,
  })),
  ...['null', '[]', '3', '{"forwardConfig":[]}'].map((text) => ({
    name: text,
    because: 'it names nobody',
    object: ingress(text),
    want: /no rule of Ingress web/,
  })),
  {
    name: 'another target group',
    because: 'a split that a person made is theirs',
    object: ingress(forward([mine, { targetGroupARN: 'arn:old', weight: 1 }])),
    want: /^action shop already splits checkout with arn:old/,
  },
  {
    name: 'five target groups',
    because: 'an ALB takes no sixth',
    object: ingress(forward([mine, ...['a', 'b', 'c', 'd'].map((serviceName) => ({ serviceName, weight: 0 }))])),
    want: /has five target groups/,
  },
  {
    name: 'a text of a thousand spaces',
    because: 'it could not be given back as it was',
    object: ingress(forward([mine]).replace('{', `{${' '.repeat(1000)}`)),
    want: /too long to be remembered/,
  },
])('$name: $because', ({ object, want }) => {
  const { conflict } = albIngress.read(object, services);
  if (want === undefined) expect(conflict).toBeUndefined();
  else expect(conflict).toMatch(want);
});

const write = (object: RouteObject, weight: number, memo: string) =>
  applyPatch(
    object,
    albIngress
      .write(object, services, {
        ...{ weight, memo, resourceVersion: '' },
        fence: { release: 'checkout-7', n: 1, weight },
      })
      .filter(({ path }) => path !== '/metadata/resourceVersion'),
  );

// kills: JSON that comes back in other spaces, or with its members in another order
test('at rest the text is the one that was written, and an edit of something else stays', () => {
  const text =
    '{ "type": "forward",\n "forwardConfig": {"targetGroups": [{"weight": 100, "serviceName": "checkout"}]} }\n';
  const before = ingress(text);
  const memo = albIngress.capture(before, services);
  const split = write(before, 50_000, memo);
  const said = (object: RouteObject) => object.metadata.annotations?.[`${PREFIX}shop`] ?? '';
  expect(JSON.parse(said(split)).forwardConfig.targetGroups).toEqual([
    { serviceName: 'checkout', weight: 400 },
    { serviceName: 'checkout-canary', weight: 400 },
  ]);
  expect(said(write(split, 0, memo))).toBe(text);
  const edited = structuredClone(split);
  edited.metadata.annotations = {
    ...edited.metadata.annotations,
    [`${PREFIX}shop`]: said(split).replace(
      '"forwardConfig":{',
      '"forwardConfig":{"targetGroupStickinessConfig":{"enabled":true},',
    ),
  };
  const rest = JSON.parse(said(write(edited, 0, memo)));
  expect(rest.forwardConfig.targetGroupStickinessConfig).toEqual({ enabled: true });
  expect(rest.forwardConfig.targetGroups).toEqual([{ serviceName: 'checkout', weight: 100 }]);
});

test('sessions of target groups are sticky, and who wrote the action is named', () => {
  const sticky = { targetGroupStickinessConfig: { enabled: true, durationSeconds: 200 } };
  expect(albIngress.read(ingress(forward([mine], sticky)), services).sticky).toBe(true);
  expect(albIngress.read(ingress(forward([mine])), services).sticky).toBeUndefined();
  const object = ingress(forward([mine]));
  const fieldsV1 = { 'f:metadata': { 'f:annotations': { [`f:${PREFIX}shop`]: {} } } };
  object.metadata.managedFields = [{ manager: 'argocd', time: '2026-01-01T00:00:00Z', fieldsV1 }] as never;
  expect(albIngress.manager(object)).toBe('argocd');
});
