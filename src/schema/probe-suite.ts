import type * as z from 'zod';
import { choice, duration, grammar, group, int, label, list, ruled, text } from './vocabulary.ts';

const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const header = group({
  name: grammar({ max: 128, pattern: HEADER, says: 'must be the name of a header' }).describe('Name of the header.'),
  value: grammar({ max: 1024, pattern: /^[^\r\n]*$/, says: 'must be one line' }).describe('Value of the header.'),
});

const http = ruled(
  group({
    method: choice(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
      .default('GET')
      .describe('Method of the request.'),
    path: grammar({ max: 2048, pattern: /^\/[^\s#]*$/, says: 'must begin with / and hold no space and no #' })
      .default('/')
      .describe('Path and query.'),
    port: int({ min: 1, max: 65_535 })
      .exactOptional()
      .describe("Port of the pod. Left out: the target of the Service's first port."),
    headers: list(header, { max: 16 })
      .default([])
      .describe('Headers of the request. X-Headgate-Probe is always added.'),
    body: text({ max: 8192 }).exactOptional().describe('Body of the request.'),
    timeout: duration().default('2s').describe('Longest wait for the whole answer.'),
  }),
  {
    cel: "!has(self.body) || !(self.method in ['GET', 'HEAD'])",
    message: 'GET and HEAD have no body: remove body or use another method',
    holds: ({ body, method }) => body === undefined || !['GET', 'HEAD'].includes(method),
  },
);

const expectation = group({
  status: list(int({ min: 100, max: 599 }), { max: 16, min: 1, unique: 'set' })
    .default([200])
    .describe('Status codes that are right.'),
  bodyContains: text({ max: 1024, min: 1 })
    .exactOptional()
    .describe('Text that the first 64 KiB of the body must contain.'),
});

const request = group({
  name: label().describe('Name of the request, for messages.'),
  http: http.prefault({}).describe('An HTTP request.'),
  expect: expectation.prefault({}).describe('What makes the answer right.'),
});

/** ProbeSuite.spec. */
export const probeSuiteSpec = group({
  requests: list(request, { max: 16, min: 1, unique: ['name'] }).describe('Requests, sent in this order.'),
  every: duration().default('15s').describe('How often the suite runs while a release is under way.'),
  retries: int({ min: 0, max: 5 })
    .default(1)
    .describe('How often a request that failed is sent again before it counts.'),
});

export type ProbeSuiteSpec = z.output<typeof probeSuiteSpec>;
