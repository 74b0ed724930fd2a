import type * as z from 'zod';
import { choice, duration, flag, grammar, group, int, label, name, ruled } from './vocabulary.ts';

const key = () => grammar({ max: 253, pattern: /^[-._a-zA-Z0-9]+$/, says: 'must be the key of a Secret' });

const secret = {
  namespace: label().describe('Namespace of the Secret.'),
  name: name().describe(
    'Name of the Secret. The operator needs the right to get it by name, and the Secret names this host in its annotation headgate.dev/hosts.',
  ),
};

const auth = ruled(
  group({
    bearer: group({ ...secret, key: key().default('token').describe('Key of the token.') })
      .exactOptional()
      .describe('A bearer token.'),
    basic: group({
      ...secret,
      usernameKey: key().default('username').describe('Key of the user name.'),
      passwordKey: key().default('password').describe('Key of the password.'),
    })
      .exactOptional()
      .describe('A user name and a password.'),
  }),
  {
    cel: 'has(self.bearer) != has(self.basic)',
    message: 'give exactly one of bearer and basic',
    holds: ({ bearer, basic }) => (bearer === undefined) !== (basic === undefined),
  },
);

const ca = group({
  kind: choice(['ConfigMap', 'Secret']).default('ConfigMap').describe('What holds the certificates.'),
  namespace: label().describe('Its namespace.'),
  name: name().describe('Its name. The operator needs the right to get it by name.'),
  key: key().default('ca.crt').describe('Key of the certificates, in PEM.'),
});

const limits = group({
  maxConcurrent: int({ min: 1, max: 64 }).default(4).describe('Queries at the same time.'),
  maxBytes: int({ min: 1024, max: 268_435_456 }).default(20_000_000).describe('Bytes of an answer, decompressed.'),
  maxSeries: int({ min: 1, max: 1_000_000 }).default(50_000).describe('Series of an answer.'),
});

const URL_PATTERN = /^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/;

const prometheus = ruled(
  group({
    url: grammar({
      max: 2048,
      pattern: URL_PATTERN,
      says: 'must be an address such as http://prometheus:9090, without user, query or fragment: credentials go into auth',
    }).describe('Where the API begins, before /api/v1: http or https, without user, query or fragment.'),
    flavour: choice(['Prometheus', 'Thanos', 'Mimir', 'VictoriaMetrics'])
      .default('Prometheus')
      .describe('What answers there. Each is asked for complete and uncached answers in its own way.'),
    tenant: grammar({
      max: 1024,
      pattern: /^[A-Za-z0-9!_.*'()|-]+$/,
      says: "must be tenants with | between them, of letters, digits and !-_.*'()",
    })
      .exactOptional()
      .describe('Whose series Mimir shows: sent as X-Scope-OrgID.'),
    auth: auth.exactOptional().describe('What is sent to this host, and to no other.'),
    ca: ca.exactOptional().describe('Certificates that sign the one of the server. Left out: those that Node trusts.'),
  }),
  {
    cel: "!has(self.tenant) || self.flavour == 'Mimir'",
    message: 'is for flavour Mimir alone',
    field: '.tenant',
    holds: ({ tenant, flavour }) => tenant === undefined || flavour === 'Mimir',
  },
);

/** MetricSource.spec. */
export const metricSourceSpec = group({
  prometheus: prometheus.describe('A server that speaks the HTTP API of Prometheus.'),
  scrapeInterval: duration().default('15s').describe('How often the targets of the gates are scraped.'),
  timeout: duration().default('10s').describe('Longest wait for an answer.'),
  default: flag()
    .default(false)
    .describe('True for the source of every ServiceLevelObjective that names none. One source may be the default.'),
  limits: limits.prefault({}).describe('What the operator may ask of the server at most.'),
});

export type MetricSourceSpec = z.output<typeof metricSourceSpec>;
