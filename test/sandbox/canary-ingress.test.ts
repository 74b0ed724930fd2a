import { expect, test } from 'vitest';
import type { KubeObject } from '#ports/kube-api.ts';
import { ingressSplits } from '#sandbox/canary-ingress.ts';

/** What a data plane makes of canary annotations, as the documentation of ingress-nginx says. */

const CANARY = 'nginx.ingress.kubernetes.io/canary';

function ingress(name: string, { said = {}, at = 0, host = 'shop.example' }: Partial<Given> = {}): KubeObject {
  const paths = [{ path: '/', backend: { service: { name } } }];
  const creationTimestamp = new Date(at).toISOString();
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, namespace: 'shop', annotations: said, creationTimestamp },
    spec: { rules: [{ host, http: { paths } }] },
  };
}

interface Given {
  said: Record<string, string>;
  at: number;
  host: string;
}

const canary = (more: Record<string, string> = {}) => ({ [CANARY]: 'true', ...more });

test.each([
  { name: 'alone', because: 'nothing is split', others: [], want: { web: 100_000 } },
  {
    name: 'a weight',
    because: 'a share is of a hundred where nothing else is said',
    others: [ingress('next', { said: canary({ [`${CANARY}-weight`]: '20' }) })],
    want: { web: 80_000, next: 20_000 },
  },
  {
    name: 'a total',
    because: 'finer shares have one',
    others: [ingress('next', { said: canary({ [`${CANARY}-weight`]: '5', [`${CANARY}-weight-total`]: '100000' }) })],
    want: { web: 99_995, next: 5 },
  },
  {
    name: 'more than all',
    because: 'there is no more than that',
    others: [ingress('next', { said: canary({ [`${CANARY}-weight`]: '250' }) })],
    want: { web: 0, next: 100_000 },
  },
  {
    name: 'a word for a weight',
    because: 'what is no number counts as none',
    others: [ingress('next', { said: canary({ [`${CANARY}-weight`]: 'ten' }) })],
    want: { web: 100_000, next: 0 },
  },
  {
    name: 'another host',
    because: 'a canary stands beside an Ingress of its own host and path',
    others: [ingress('next', { said: canary({ [`${CANARY}-weight`]: '20' }), host: 'other.example' })],
    want: { web: 100_000 },
  },
  {
    name: 'no canary any more',
    because: 'of two Ingresses for one path the older one counts',
    others: [ingress('next', { said: { [`${CANARY}-weight`]: '20' }, at: 1000 })],
    want: { web: 100_000 },
  },
])('$name: $because', ({ others, want }) => {
  const splits = ingressSplits([...others, ingress('web')]);
  expect(Object.fromEntries(splits.get('shop/Ingress/web') ?? [])).toEqual(want);
});
