import type { BuiltinSli } from '#core/builtin.ts';
import type { ProbeSli, Sli, Slo } from '#core/gate.ts';
import type { ProbeRequest, ProbeSuite } from '#core/probe.ts';
import { instant, present, record, text } from '#core/raw.ts';
import type { SeenAction } from '#core/seen.ts';
import { assert } from '#lib/assert.ts';
import type { Millis } from '#lib/units.ts';
import { parsePercent, WHOLE } from '#lib/units.ts';
import { type MetricSourceSpec, metricSourceSpec } from './metric-source.ts';
import { failed, type Parsed, readPart } from './parse.ts';
import { type ProbeSuiteSpec, probeSuiteSpec } from './probe-suite.ts';
import { millis } from './rollout.ts';
import { rolloutActionSpec } from './rollout-action.ts';
import { type SloSpec, sloSpec } from './slo.ts';
import { parseWindow } from './vocabulary.ts';

/** Reads the objects that a Rollout names, in the words of the core. */

function nameOf(object: unknown): string {
  return text(record(object, 'metadata')['name']) ?? '';
}

/** An objective as it is declared: a built-in SLI means something only together with a Rollout, and one of probes with its suite. */
export interface SloWish extends Omit<Slo, 'sli' | 'arms'> {
  sli: Exclude<Sli, ProbeSli> | BuiltinSli | ProbeWish;
}

/** Which requests of its suite count, and how often they are sent, stands in the suite. */
export interface ProbeWish extends Omit<ProbeSli, 'checks' | 'everyMs'> {
  /** Undefined: all. */
  checks?: string[];
}

export function readSlo(object: unknown): Parsed<SloWish> {
  const read = readPart(object, 'spec', sloSpec);
  if (!read.ok) return read;
  const { objective, window, sli, source } = read.value;
  const windowMs = parseWindow(window.rolling);
  if (windowMs === undefined) return failed('spec.window.rolling', 'must be a length of time such as 28d');
  const value: SloWish = present<SloWish>({
    name: nameOf(object),
    sli: sliOf(sli),
    objective: objective === undefined ? 0 : ratioOfPercent(objective),
    windowMs,
    source,
  });
  return { ok: true, value };
}

/** Excess of wrong answers over stable that is tolerated, where nothing is said. */
const PROBE_TOLERATE = '5%';

function sliOf({ builtin, events, latency, business, pairs, probe }: SloSpec['sli']): SloWish['sli'] {
  if (builtin !== undefined) {
    const { threshold, ...rest } = builtin;
    return { ...rest, ...(threshold === undefined ? {} : { thresholdMs: millis(threshold) }) };
  }
  if (latency !== undefined) {
    const { histogram, threshold, form } = latency;
    return { kind: 'latency', histogram, threshold: millis(threshold) / 1000, form };
  }
  if (business !== undefined) {
    const { tolerate, lag, ...rest } = business;
    return { kind: 'business', ...rest, tolerate: (parsePercent(tolerate) ?? 0) / WHOLE, lagMs: millis(lag) };
  }
  if (pairs !== undefined) {
    // A pair exposes both arms alike: what is better for one is worse for the other.
    const { better, worse, tolerate } = pairs;
    const counters = { exposure: better, events: worse, paired: true } as const;
    return {
      kind: 'business',
      ...counters,
      worse: 'Higher',
      tolerate: (parsePercent(tolerate) ?? 0) / WHOLE,
      lagMs: 0,
    };
  }
  if (probe !== undefined) {
    const { passRate, paired, tolerate = PROBE_TOLERATE, ...rest } = probe;
    return present<ProbeWish>({
      kind: 'probe',
      ...rest,
      tolerate: (parsePercent(tolerate) ?? 0) / WHOLE,
      passRate: passRate === undefined ? undefined : (parsePercent(passRate) ?? 0) / WHOLE,
      paired: paired === true ? true : undefined,
    });
  }
  assert(events !== undefined, 'the schema asks for exactly one SLI');
  return { kind: 'events', ...events };
}

/** `"99.9"` → 0.999, and not 0.9990000000000001 as a division gives. */
export function ratioOfPercent(percent: string): number {
  return Number(`${percent}e-2`);
}

/** A MetricSource as the operator opens it. Secrets are still names. */
export interface SourceWish {
  name: string;
  url: string;
  flavour: MetricSourceSpec['prometheus']['flavour'];
  tenant?: string;
  auth?: SecretAuth;
  /** Where the certificates stand that sign the server's. */
  ca?: { kind: 'ConfigMap' | 'Secret'; namespace: string; name: string; key: string };
  scrapeIntervalMs: Millis;
  isDefault: boolean;
  limits: { timeoutMs: Millis; maxBytes: number; maxSeries: number; maxConcurrent: number };
}

interface SecretRef {
  namespace: string;
  name: string;
}

export type SecretAuth =
  | { kind: 'bearer'; secret: SecretRef; key: string }
  | { kind: 'basic'; secret: SecretRef; usernameKey: string; passwordKey: string };

export function readMetricSource(object: unknown): Parsed<SourceWish> {
  const read = readPart(object, 'spec', metricSourceSpec);
  if (!read.ok) return read;
  const { prometheus, scrapeInterval, timeout, default: isDefault, limits } = read.value;
  const value = present<SourceWish>({
    name: nameOf(object),
    url: prometheus.url,
    flavour: prometheus.flavour,
    tenant: prometheus.tenant,
    auth: prometheus.auth === undefined ? undefined : authOf(prometheus.auth),
    ca: prometheus.ca,
    scrapeIntervalMs: millis(scrapeInterval),
    isDefault,
    limits: { timeoutMs: millis(timeout), ...limits },
  });
  return { ok: true, value };
}

function authOf({ bearer, basic }: NonNullable<MetricSourceSpec['prometheus']['auth']>): SecretAuth | undefined {
  if (bearer !== undefined) {
    const { key, ...secret } = bearer;
    return { kind: 'bearer', secret, key };
  }
  if (basic === undefined) return undefined;
  const { usernameKey, passwordKey, ...secret } = basic;
  return { kind: 'basic', secret, usernameKey, passwordKey };
}

export function readProbeSuite(object: unknown): Parsed<ProbeSuite> {
  const read = readPart(object, 'spec', probeSuiteSpec);
  if (!read.ok) return read;
  const { requests, every, retries } = read.value;
  return {
    ok: true,
    value: { name: nameOf(object), requests: requests.map(requestOf), everyMs: millis(every), retries },
  };
}

function requestOf({ name, http, expect }: ProbeSuiteSpec['requests'][number]): ProbeRequest {
  return present<ProbeRequest>({
    name,
    method: http.method,
    path: http.path,
    port: http.port,
    headers: Object.fromEntries(http.headers.map((header) => [header.name, header.value])),
    body: http.body,
    timeoutMs: millis(http.timeout),
    expectStatus: expect.status,
    bodyContains: expect.bodyContains,
  });
}

/** Reads a RolloutAction. People count steps from 1, the core from 0. */
export function readAction(object: unknown): Parsed<SeenAction & { rollout: string }> {
  const read = readPart(object, 'spec', rolloutActionSpec);
  if (!read.ok) return read;
  const { rollout, verb, releaseUid, step, by, groups, digests, toRevision, reason } = read.value;
  const { uid, creationTimestamp } = record(object, 'metadata');
  const createdAt = instant(creationTimestamp);
  if (text(uid) === undefined || createdAt === undefined) return failed('metadata', 'has no uid or creationTimestamp');
  const value = present<SeenAction & { rollout: string }>({
    rollout,
    uid: text(uid) ?? '',
    name: nameOf(object),
    verb,
    releaseUid,
    step: step === undefined ? undefined : step - 1,
    by,
    groups,
    digests,
    toRevision,
    reason,
    createdAt,
    acknowledged: text(record(object, 'status')['state']) !== undefined,
  });
  return { ok: true, value };
}
