import { expect, test } from 'vitest';
import { ACTIONS_KEPT_MS, actionsToPrune, RELEASES_KEPT, releasesToPrune } from '#operator/prune.ts';
import type { KubeObject } from '#ports/kube-api.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');

function release(number: number, outcome?: string): KubeObject {
  const creationTimestamp = new Date(NOW - (100 - number) * 60_000).toISOString();
  return {
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'Release',
    metadata: { name: `shop-${number}`, creationTimestamp },
    status: outcome === undefined ? {} : { outcome },
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test.each([
  {
    name: 'few',
    releases: numbers(RELEASES_KEPT).map((n) => release(n, 'Promoted')),
    gone: [],
    because: 'ten are the history',
  },
  {
    name: 'twelve',
    releases: numbers(12).map((n) => release(n, 'Promoted')),
    gone: ['shop-1', 'shop-2'],
    because: 'the oldest go',
  },
  {
    name: 'the oldest is under way',
    releases: [release(1), ...numbers(11).map((n) => release(n + 1, 'Promoted'))],
    gone: ['shop-2', 'shop-3'],
    because: 'a release that stands is never deleted',
  },
])('releases, $name: $because', ({ releases, gone }) => {
  expect(releasesToPrune(releases).map(({ metadata }) => metadata.name)).toEqual(gone);
});

test('only actions that were answered long ago go', () => {
  const action = (name: string, at?: number): KubeObject => ({
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'RolloutAction',
    metadata: { name },
    status: at === undefined ? {} : { at: new Date(at).toISOString() },
  });
  const actions = [action('old', NOW - ACTIONS_KEPT_MS - 1), action('new', NOW - 1000), action('unanswered')];
  expect(actionsToPrune(actions, NOW).map(({ metadata }) => metadata.name)).toEqual(['old']);
});
