import { expect, test } from 'vitest';
import type { Reach } from '#core/words.ts';
import { type ReachPlace, reachProblems } from '#operator/reach-check.ts';
import { grpcRoute } from '#routers/grpc-route.ts';
import { httpRoute } from '#routers/http-route.ts';
import { route } from '../routers/gateway-rules.ts';
import { services } from '../routers/rules.ts';

const beta: Reach = { headers: [{ name: 'x-beta', value: 'yes' }] };
const copies: Reach = { mirror: 10_000 };
const web = route([{ backendRefs: [{ name: 'checkout', port: 80 }], matches: [{ headers: [{ name: 'x-beta' }] }] }]);
const http: ReachPlace = { name: 'web', router: httpRoute, object: route([{ backendRefs: [{ name: 'checkout' }] }]) };
const taken: ReachPlace = { name: 'web', router: httpRoute, object: web };
const grpc: ReachPlace = { name: 'GRPCRoute/web', router: grpcRoute, object: undefined };

test.each<{ name: string; because: string; places: ReachPlace[]; reach: Reach; want: string[] }>([
  { name: 'an HTTPRoute', because: 'it can do both', places: [http], reach: copies, want: [] },
  {
    name: 'a route that is missing',
    because: 'that is another problem',
    places: [{ ...http, object: undefined }],
    reach: beta,
    want: [],
  },
  {
    name: 'no route',
    because: 'pods know nothing of headers',
    places: [],
    reach: beta,
    want: [
      'spec.steps[1].headers: without a route nothing can match headers: name one in spec.traffic, or take the step out',
    ],
  },
  {
    name: 'a GRPCRoute that shall copy',
    because: 'what a kind cannot do is declared',
    places: [http, grpc],
    reach: copies,
    want: [
      'spec.steps[1].mirror: GRPCRoute web cannot copy requests: take the step out, or name routes in spec.traffic that can',
    ],
  },
  {
    name: 'a rule that asks for the header itself',
    because: 'the lens knows its rules',
    places: [taken],
    reach: beta,
    want: ['spec.steps[1].headers: HTTPRoute web: rules[0] asks for header x-beta itself: take another header'],
  },
])('a step for $name: $because', ({ places, reach, want }) => {
  const steps = [
    { weight: 5000, holdMs: 0 },
    { weight: 0, holdMs: 0, reach },
  ];
  const found = reachProblems(steps, places, services, () => undefined);
  expect(found.map(({ field, message }) => `${field}: ${message}`)).toEqual(want);
});
