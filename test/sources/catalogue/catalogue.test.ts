import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUILTIN_KINDS, type BuiltinSli, GATEWAYS } from '#core/builtin.ts';
import type { Matcher, Selector } from '#core/gate.ts';
import type { Target } from '#sources/catalogue/define.ts';
import { catalogue, resolveBuiltin } from '#sources/catalogue/list.ts';
import { wholeMatcher } from '#sources/whole-match.ts';
import { counted, podTexts, recorded, replicaSets, target } from './recorded.ts';

type Labels = Record<string, string>;
interface Series {
  metric: string;
  labels: Labels;
  value: number;
}

function seriesOf(text: string, more: Labels = {}): Series[] {
  return text.split('\n').flatMap((line) => {
    const [, metric = '', inner = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (value === undefined) return [];
    const labels = Object.fromEntries([...inner.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text]) => [label, text]));
    return [{ metric, labels: { ...more, ...labels }, value: Number(value) }];
  });
}

/** RE2 and JavaScript agree on all that the catalogue writes. */
const whole = (pattern: string, text: string) => new RegExp(`^(?:${pattern})$`).test(text);

function holds({ label, op, value }: Matcher, labels: Labels): boolean {
  const given = labels[label] ?? '';
  const same = op === '=' || op === '!=' ? given === value : whole(value, given);
  return op === '=' || op === '=~' ? same : !same;
}

function sum(series: Series[], { metric, matchers }: Selector): number {
  const ours = series.filter((one) => one.metric === metric && matchers.every((matcher) => holds(matcher, one.labels)));
  return ours.reduce((total, { value }) => total + value, 0);
}

describe('what a recorded text says per arm', () => {
  test.each(counted)('$gateway $kind: $because', ({ gateway, kind, thresholdMs, stable, canary }) => {
    const resolved = resolveBuiltin({ kind, gateway, ...(thresholdMs === undefined ? {} : { thresholdMs }) }, target);
    if (!resolved.ok) throw new Error(resolved.problem);
    const { sli, arms } = resolved;
    const series =
      gateway === 'app'
        ? Object.entries(podTexts()).flatMap(([pod, text]) => seriesOf(text, { pod }))
        : seriesOf(recorded(gateway));
    const arm = (which: 'stable' | 'canary'): Matcher =>
      arms.by === 'Pod'
        ? { label: 'pod', op: '=~', value: `${replicaSets[which]}-[a-z0-9]+` }
        : { label: arms.label, op: '=~', value: arms[which] };
    const countOf = (which: 'stable' | 'canary', { metric, matchers }: Selector) =>
      sum(series, { metric, matchers: [...matchers, arm(which)] });
    const count = (which: 'stable' | 'canary') => {
      if (sli.kind === 'latency') {
        const { metric, matchers } = sli.histogram;
        const total = countOf(which, { metric: `${metric}_count`, matchers });
        const le: Matcher = { label: 'le', op: '=~', value: `${sli.threshold}(?:\\.0)?` };
        return [total, total - countOf(which, { metric: `${metric}_bucket`, matchers: [...matchers, le] })];
      }
      if (sli.kind !== 'events') throw new Error('a built-in SLI counts events');
      const total = countOf(which, sli.total);
      return [total, sli.bad === undefined ? total - countOf(which, sli.good ?? sli.total) : countOf(which, sli.bad)];
    };
    expect({ stable: count('stable'), canary: count('canary') }).toEqual({ stable, canary });
  });

  test('every gateway and kind is there, counted or declared', () => {
    for (const gateway of GATEWAYS) {
      for (const kind of BUILTIN_KINDS) {
        const entry = catalogue[gateway].kinds[kind];
        const shown = counted.some((row) => row.gateway === gateway && row.kind === kind);
        expect('cannot' in entry, `${gateway} ${kind}`).toBe(!shown);
        if ('cannot' in entry) expect(entry.cannot, 'the way out').toContain('use `gateway: app`');
      }
    }
  });
});

describe('names', () => {
  // Short alphabets make names that begin, end and continue alike.
  const name = fc.stringMatching(/^[a-b](?:[a-bg-]{0,5}[a-bw])?$/);
  const place = fc.record({ namespace: name, route: name, service: name, gateway: name });
  const entryPoint = fc.constantFrom('web', 'web-secure', 'a-gw-b');

  function targetOf({ namespace, route, service, gateway }: Place, others: Place[] = []): Target {
    return {
      namespace,
      service,
      canaryService: `${service}-canary`,
      port: 80,
      routes: [{ name: route, parents: [{ namespace: 'infra', name: gateway }], rules: [{ index: 0, backend: 0 }] }],
      others: others.map((other) => ({ namespace: other.namespace, name: other.route })),
    };
  }

  type Place = { namespace: string; route: string; service: string; gateway: string };

  /** As Traefik makes it: what is before the hash is normalized, the Service is not. */
  function traefikName({ namespace, route, service, gateway }: Place, ep: string, canary = false): string {
    const key = `httproute-${namespace}-${route}-gw-infra-${gateway}-ep-${ep}-0`.replace(/-+/g, '-');
    return `${key}-0123456789abcdef0123-svc-${namespace}-${service}${canary ? '-canary' : ''}-0@kubernetesgateway`;
  }

  test('law: Traefik, a service is of the arm that it is of, and of nobody else', () => {
    fc.assert(
      fc.property(place, place, entryPoint, (own, other, ep) => {
        const ours = targetOf(
          own,
          [other].filter(({ namespace }) => namespace !== own.namespace),
        );
        const resolved = resolveBuiltin({ kind: 'http-availability', gateway: 'traefik' }, ours);
        if (!resolved.ok) {
          expect(resolved.problem).toContain('one name: rename one');
          return;
        }
        if (resolved.arms.by === 'Pod') throw new Error('split by label');
        const { stable, canary } = resolved.arms;
        const known = ep.split('-').length <= 3;
        expect(whole(stable, traefikName(own, ep))).toBe(known);
        expect(whole(canary, traefikName(own, ep, true))).toBe(known);
        expect(whole(stable, traefikName(own, ep, true))).toBe(false);
        expect(whole(canary, traefikName(own, ep))).toBe(false);
        // kills: a pattern that begins with `.*`; the route, the gateway or the namespace left out of it
        const theirs = sameNames(own, other) ? false : whole(stable, traefikName(other, ep));
        expect(theirs, JSON.stringify({ own, other })).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  function sameNames(own: Place, other: Place): boolean {
    return (['namespace', 'route', 'service', 'gateway'] as const).every((part) => own[part] === other[part]);
  }

  test('Traefik: a route that looks like a gateway and an entry point is not ours', () => {
    const { arms } = resolveBuiltin({ kind: 'http-availability', gateway: 'traefik' }, target) as {
      arms: { canary: string };
    };
    const other =
      'httproute-shop-checkout-gw-lab-system-lab-ep-x-gw-lab-system-lab-ep-web-0-e491666261070fdf4748-svc-shop-checkout-canary-0@kubernetesgateway';
    // kills: an entry point of any number of parts
    expect(whole(arms.canary, other)).toBe(false);
  });

  test.each([
    ['service/shop/checkout/80/http', 'stable', 'what Envoy Gateway 1.9.1 calls it'],
    ['service/shop/checkout-canary/80/http', 'canary', 'what Envoy Gateway 1.9.1 calls it'],
    ['service/shop/checkout/80/http2', 'stable', 'appProtocol kubernetes.io/h2c'],
    ['service/shop/checkout-canary/80/grpc', 'canary', 'appProtocol grpc'],
    ['httproute/shop/checkout/rule/0', 'nobody', 'all backends of a rule in one: either arm'],
    ['service/shop/checkout/8080/http', 'nobody', 'another port'],
    ['service/shop/checkout-v2/80/http', 'nobody', 'another Service'],
    ['service/store/checkout/80/http', 'nobody', 'another namespace'],
    ['backend/shop/checkout/80/http', 'nobody', 'no Service'],
    ['httproute/shop/checkout/rule/0-mirror-1', 'canary', 'copies'],
    ['httproute/shop/checkout/rule/0-mirror-0', 'nobody', "the user's own copies, to whomever"],
    ['httproute/shop/checkout/rule/2/backend/0', 'canary', 'matched users'],
  ])('Envoy Gateway: cluster %s is of %s: %s', (cluster, arm) => {
    const rules = [{ index: 0, backend: 0, copied: 1, matched: 2 }];
    const routes = target.routes.map((one) => ({ ...one, rules }));
    const resolved = resolveBuiltin({ kind: 'http-availability', gateway: 'envoy-gateway' }, { ...target, routes });
    if (!resolved.ok || resolved.arms.by === 'Pod') throw new Error('split by label');
    const { stable, canary } = resolved.arms;
    // kills: a name without the protocol; any text behind the port
    expect({ stable: whole(stable, cluster), canary: whole(canary, cluster) }).toEqual({
      stable: arm === 'stable',
      canary: arm === 'canary',
    });
    // A pattern that is not simple would cost each release queries of its own.
    expect(wholeMatcher(stable)?.matches(cluster)).toBe(arm === 'stable');
  });

  test.each(GATEWAYS.filter((gateway) => gateway !== 'app'))('%s: namespace and Service are pinned', (gateway) => {
    const resolved = resolveBuiltin({ kind: 'http-availability', gateway }, target);
    if (!resolved.ok || resolved.arms.by === 'Pod' || resolved.sli.kind !== 'events') throw new Error('split by label');
    const { sli, arms } = resolved;
    const pinned = JSON.stringify([arms.stable, sli.total.matchers]);
    for (const all of [sli.total, sli.bad ?? sli.good ?? sli.total]) {
      expect(JSON.stringify([arms.canary, all.matchers]), 'the namespace').toContain('shop');
      expect(JSON.stringify([arms.canary, all.matchers]), 'the Service').toContain('checkout');
    }
    expect(pinned).toContain('shop');
  });
});

interface Refused {
  name: string;
  because: string;
  wish: BuiltinSli;
  target?: Target;
  want: string;
}

const [route] = target.routes;

test.each<Refused>([
  {
    name: 'a gateway that cannot',
    because: 'an empty answer would hold the release for ever',
    wish: { kind: 'grpc-availability', gateway: 'nginx' },
    want: 'use `gateway: app`',
  },
  {
    name: 'a threshold between two built-in bounds',
    because: 'no bucket tells',
    wish: { kind: 'http-latency', gateway: 'linkerd', thresholdMs: 300 },
    want: 'linkerd has only 25ms, 50ms, 100ms, 250ms, 500ms, 1000ms, 10000ms',
  },
  {
    name: 'no threshold',
    because: 'the schema asks for one, and so does the catalogue',
    wish: { kind: 'http-latency', gateway: 'traefik' },
    want: 'needs a threshold',
  },
  {
    name: 'no route',
    because: "there is no name to make the gateway's from",
    wish: { kind: 'http-availability', gateway: 'traefik' },
    target: { ...target, routes: [] },
    want: 'no route of spec.traffic leads to the Service',
  },
  {
    name: 'a route without a parent',
    because: 'a person may write that, and nothing may crash',
    wish: { kind: 'http-availability', gateway: 'traefik' },
    target: { ...target, routes: [{ name: 'checkout', parents: [], rules: [{ index: 0, backend: 0 }] }] },
    want: 'no route of spec.traffic leads to the Service',
  },
  {
    name: 'more routes than a record holds',
    because: 'the Release could not be written',
    wish: { kind: 'http-availability', gateway: 'envoy-gateway' },
    target: {
      ...target,
      routes: Array.from({ length: 40 }, (_, index) => ({ parents: [], rules: [], ...route, name: `route-${index}` })),
    },
    want: 'too many ways',
  },
  {
    name: "another namespace's route of the same name at Traefik",
    because: 'its requests would count as ours',
    wish: { kind: 'http-availability', gateway: 'traefik' },
    target: {
      ...target,
      routes: [{ parents: [], rules: [], ...route, name: 'eu-checkout' }],
      others: [{ namespace: 'shop-eu', name: 'checkout' }],
    },
    want: 'HTTPRoute checkout of namespace shop-eu one name: rename one',
  },
])('$name is refused: $because', (row) => {
  const resolved = resolveBuiltin(row.wish, row.target ?? target);
  expect(resolved).toEqual({ ok: false, problem: expect.stringContaining(row.want) });
});

test.each(GATEWAYS)('%s: what one route needs is plain enough to be asked for together with others', (gateway) => {
  const resolved = resolveBuiltin({ kind: 'http-availability', gateway }, { ...target, routes: [route ?? never()] });
  if (!resolved.ok) throw new Error(resolved.problem);
  const { arms } = resolved;
  if (arms.by === 'Pod') return;
  // kills: a group or a lookahead in a pattern, which would make every release a query of its own
  for (const arm of ['stable', 'canary'] as const) {
    const matcher = wholeMatcher(arms[arm]);
    expect(matcher, arms[arm]).toBeDefined();
    const values = new Set(seriesOf(recorded(gateway)).map(({ labels }) => labels[arms.label] ?? ''));
    for (const value of values) expect(matcher?.matches(value), value).toBe(whole(arms[arm], value));
  }
});

function never(): never {
  throw new Error('the target has a route');
}
