import { expect, test } from 'vitest';
import { routers } from '#src/catalog.ts';
import { services } from './rules.ts';

/** What is no list is left alone, and told of by name: schemas of old CRDs keep anything. */

interface Row {
  kind: string;
  spec: object;
  want: string;
}

test.each<Row>([
  { kind: 'httpRoute', spec: { rules: 'x' }, want: 'spec.rules' },
  { kind: 'httpRoute', spec: { rules: [{}, null] }, want: 'rules[1]' },
  { kind: 'httpRoute', spec: { rules: [{}, { backendRefs: {} }] }, want: 'rules[1].backendRefs' },
  { kind: 'httpRoute', spec: { rules: [{ backendRefs: [null] }] }, want: 'rules[0].backendRefs' },
  { kind: 'httpRoute', spec: { rules: [{ backendRefs: [{ weight: '5' }] }] }, want: 'rules[0].backendRefs' },
  { kind: 'httpRoute', spec: { rules: [{ filters: [{ requestMirror: 3 }] }] }, want: 'rules[0].filters' },
  { kind: 'grpcRoute', spec: { rules: [{ matches: [{ headers: null }] }] }, want: 'rules[0].matches' },
  { kind: 'virtualService', spec: { http: null }, want: 'spec.http' },
  { kind: 'virtualService', spec: { http: [{ route: 1 }] }, want: 'http[0].route' },
  { kind: 'traefikService', spec: { weighted: { services: null } }, want: 'weighted.services' },
  { kind: 'httpProxy', spec: { routes: [{ services: [[]] }] }, want: 'routes[0].services' },
  { kind: 'apisixRoute', spec: { http: [{ name: 7, backends: false }] }, want: 'http[0].backends' },
])('$kind: $want', ({ kind, spec, want }) => {
  const router = routers.find((known) => known.router.kind === kind)?.router;
  const { conflict } = router?.read({ metadata: { name: 'web', namespace: 'shop' }, spec }, services) ?? {};
  expect(conflict).toBe(`${want} is no list of well-formed entries: correct it, or take the route out of spec.traffic`);
});
