import { expect, test } from 'vitest';
import type { Sli } from '#core/gate.ts';
import { budgetsOf, carriedBy, mostCarried } from '#operator/budgets.ts';
import { contextsOf } from '#operator/contexts.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { gate, releasing } from '../core/world.ts';

const NOW = Date.parse('2026-03-02T03:00:00Z');
const DAY = 86_400_000;

interface Past {
  daysAgo: number;
  spend: string;
  excess?: number;
  gate?: string;
}

function release({ daysAgo, spend, excess = 100, gate: name = 'availability' }: Past, index: number): KubeObject {
  return {
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'Release',
    metadata: { name: `shop-${index}` },
    status: {
      endedAt: new Date(NOW - daysAgo * DAY).toISOString(),
      exposure: { canaryRequests: 1000, canaryBad: excess, excess },
      gates: [{ gate: name, spend }],
    },
  };
}

const at = { windowMs: 28 * DAY, most: 0.01, now: NOW };

test.each<{ name: string; because: string; past: Past[]; want: ReturnType<typeof carriedBy> }>([
  { name: 'no release', because: 'nothing was burnt', past: [], want: { carried: 0 } },
  {
    name: 'two of them',
    because: 'spend adds up',
    past: [
      { daysAgo: 3, spend: '0.2%' },
      { daysAgo: 9, spend: '0.3%' },
    ],
    want: { carried: 0.005 },
  },
  {
    name: 'one before the window',
    because: 'its failures count no more',
    past: [
      { daysAgo: 29, spend: '0.9%' },
      { daysAgo: 9, spend: '0.3%' },
    ],
    want: { carried: 0.003 },
  },
  {
    name: 'too much together',
    because: 'it ends when the oldest that is needed has left',
    past: [
      { daysAgo: 2, spend: '0.9%' },
      { daysAgo: 9, spend: '0.3%' },
      { daysAgo: 20, spend: '0.1%' },
    ],
    want: { carried: 0.013, carriedUntil: NOW + 19 * DAY },
  },
  {
    name: 'a handful of failures',
    because: 'at little traffic one request would be the whole budget',
    past: [{ daysAgo: 2, spend: '20%', excess: 4 }],
    want: { carried: 0 },
  },
  {
    name: 'another gate',
    because: 'it has a budget of its own',
    past: [{ daysAgo: 2, spend: '2%', gate: 'latency' }],
    want: { carried: 0 },
  },
])('carried by $name: $because', ({ past, want, because }) => {
  const { carried, ...rest } = carriedBy(past.map(release), 'availability', at);
  expect(carried, because).toBeCloseTo(want.carried, 12);
  expect(rest).toEqual(want.carriedUntil === undefined ? {} : { carriedUntil: want.carriedUntil });
});

test('what was carried counts against maxSpend of the next release, which may still lose what one fault costs', () => {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  const { release: running } = world.state;
  if (running === undefined) throw new Error('no release');
  const maxSpend = (carried: number) =>
    contextsOf(running, world.plan, {
      budget: { targetSpend: 0.001, maxSpend: 0.01, carried },
      tickMs: 1000,
      scrapeMs: 1000,
      settleMs: 2000,
    })[0]?.maxSpend;
  expect(maxSpend(0)).toBe(0.01);
  expect(maxSpend(0.004)).toBeCloseTo(0.006, 12);
  // kills: a release that fails at its first error
  expect(maxSpend(0.0099)).toBe(0.001);
  const past = [release({ daysAgo: 2, spend: '0.4%' }, 1)];
  expect(mostCarried(past, world.plan, NOW)).toBe(0.004);
});

test('each gate that can hold has its budget, advisories and what people buy have none', () => {
  const business: Sli = {
    kind: 'business',
    exposure: { metric: 'a', matchers: [] },
    worse: 'Lower',
    tolerate: 0.2,
    lagMs: 0,
  };
  const plan = {
    ...releasing().plan,
    gates: [
      gate,
      { ...gate, name: 'hint', role: 'Advisory' as const },
      { ...gate, name: 'orders', slo: { ...gate.slo, sli: business } },
      { ...gate, name: 'latency' },
    ],
  };
  const wish = {
    budget: { targetSpend: 0.001, maxSpend: 0.01 },
    preflight: { least: 0.1, onUnknown: 'Proceed' as const },
  };
  const figures = [{ slo: 'availability', left: 0.4 }];
  expect(budgetsOf(wish, plan, { releases: [], figures, now: NOW })).toEqual({
    budgets: [
      { slo: 'availability', left: 0.4, carried: 0 },
      { slo: 'latency', carried: 0 },
    ],
    least: 0.1,
    most: 0.01,
    onUnknown: 'Proceed',
  });
});
