import { OperatorError } from '#lib/errors.ts';
import type {
  HistogramSample,
  InstantResult,
  Labels,
  MatrixResult,
  NativeBucket,
  NativeHistogram,
  Sample,
  Series,
} from '#ports/metric-source.ts';

/** Body of an answer of the Prometheus HTTP API, as far as it was understood. */
export type Body =
  | { status: 'success'; result: InstantResult; warnings: string[]; partial: string[] }
  | { status: 'error'; errorType: string; error: string };

/**
 * Reads the JSON of `/api/v1/query` and `/api/v1/query_range`, and trusts nothing in it: what is not as the API
 * documents it is a SOURCE_ANSWER that says where, never a NaN that a gate would compare with a limit.
 */
export function readBody(text: string, limits: { maxSeries: number }): Body {
  const body = record(parseJson(text), 'the body');
  if (body['status'] === 'error') {
    return { status: 'error', errorType: String(body['errorType'] ?? 'unknown'), error: String(body['error'] ?? '') };
  }
  if (body['status'] !== 'success') throw nonsense('the body has no `status: success`');
  const warnings = strings(body['warnings'], 'warnings');
  // VictoriaMetrics' way to say that a store did not answer.
  const partial = body['isPartial'] === true ? ['isPartial'] : [];
  return {
    status: 'success',
    result: readResult(record(body['data'], 'data'), limits),
    warnings: [...warnings.filter(harmless), ...strings(body['infos'], 'infos')],
    partial: [...partial, ...warnings.filter((warning) => !harmless(warning))],
  };
}

/** Reads a part of the list of series: JSON objects with commas between them. */
export function readSeries(kind: 'vector' | 'matrix', text: string): InstantResult {
  const entries = list(parseJson(`[${text}]`), 'a part of data.result');
  return kind === 'vector' ? readVector(entries) : readMatrix(entries);
}

// Prometheus before 2.53 reported its infos among the warnings. Any other warning may mean a missing store.
function harmless(warning: string): boolean {
  return warning.startsWith('PromQL info:');
}

function readResult(data: Record<string, unknown>, { maxSeries }: { maxSeries: number }): InstantResult {
  const result = data['result'];
  switch (data['resultType']) {
    case 'vector':
      return readVector(list(result, 'data.result', maxSeries));
    case 'matrix':
      return readMatrix(list(result, 'data.result', maxSeries));
    case 'scalar': {
      const [at, value] = pair(result, 'data.result');
      return { kind: 'scalar', at: readTime(at), value: readValue(value) };
    }
    case 'string': {
      const [at, value] = pair(result, 'data.result');
      if (typeof value !== 'string') throw nonsense('data.result is not a string');
      return { kind: 'string', at: readTime(at), value };
    }
    default:
      throw nonsense('data.resultType is none of vector, matrix, scalar, string');
  }
}

function readVector(entries: unknown[]): InstantResult {
  const samples: Sample[] = [];
  const histograms: HistogramSample[] = [];
  for (const entry of entries) {
    const series = record(entry, 'a series');
    const labels = readLabels(series['metric']);
    if (series['histogram'] !== undefined) {
      histograms.push({ labels, ...readHistogram(series['histogram']) });
    } else {
      const [at, value] = pair(series['value'], 'the value of a series');
      samples.push({ labels, value: readValue(value), at: readTime(at) });
    }
  }
  return { kind: 'vector', samples, histograms };
}

function readMatrix(entries: unknown[]): MatrixResult {
  const series = entries.map((entry): Series => {
    const one = record(entry, 'a series');
    return {
      labels: readLabels(one['metric']),
      points: list(one['values'] ?? [], 'the values of a series').map((point) => {
        const [at, value] = pair(point, 'the value of a series');
        return { at: readTime(at), value: readValue(value) };
      }),
      histograms: list(one['histograms'] ?? [], 'the histograms of a series').map(readHistogram),
    };
  });
  return { kind: 'matrix', series };
}

function readHistogram(value: unknown): NativeHistogram & { at: number } {
  const [at, histogram] = pair(value, 'a native histogram');
  const { count, sum, buckets } = record(histogram, 'a native histogram');
  const filled = list(buckets ?? [], 'the buckets of a native histogram').map(readBucket);
  return { at: readTime(at), count: readValue(count), sum: readValue(sum), buckets: filled };
}

/** `[which bounds belong to it, left, right, count]`: who owns a bound matters to nobody who only asks at bounds. */
function readBucket(value: unknown): NativeBucket {
  const [, left, right, count, ...more] = list(value, 'a bucket of a native histogram');
  if (more.length > 0) throw nonsense('a bucket of a native histogram has more than four parts');
  return { left: readValue(left), right: readValue(right), count: readValue(count) };
}

function readLabels(value: unknown): Labels {
  const labels = record(value, 'the labels of a series');
  for (const name in labels) if (typeof labels[name] !== 'string') throw nonsense(`label ${name} is not a string`);
  return labels as Labels;
}

function readTime(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw nonsense('a time is not a number of seconds');
  return Math.round(value * 1000);
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INFINITY = /^([+-]?)Inf$/;

function readValue(value: unknown): number {
  if (typeof value === 'string') {
    if (NUMBER.test(value)) return Number(value);
    if (value === 'NaN') return Number.NaN;
    const infinity = INFINITY.exec(value);
    if (infinity !== null) return infinity[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  throw nonsense('a value is not a number in a string');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the body, which may be anybody's page: it says nothing that helps.
    const start = text.trimStart().slice(0, 1);
    throw nonsense(start === '<' ? 'the body is HTML, not JSON: does the url lead to a login page?' : 'not JSON');
  }
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw nonsense(`${what} is not an object`);
  return value as Record<string, unknown>;
}

function list(value: unknown, what: string, max = Number.POSITIVE_INFINITY): unknown[] {
  if (!Array.isArray(value)) throw nonsense(`${what} is not a list`);
  if (value.length > max) {
    throw new OperatorError('SOURCE_TOO_LARGE', `the answer has ${value.length} series; the limit is ${max}`);
  }
  return value;
}

function pair(value: unknown, what: string): [unknown, unknown] {
  if (!Array.isArray(value) || value.length !== 2) throw nonsense(`${what} is not a pair of time and value`);
  return [value[0], value[1]];
}

function strings(value: unknown, what: string): string[] {
  return list(value ?? [], what).map(String);
}

function nonsense(what: string): OperatorError {
  return new OperatorError('SOURCE_ANSWER', `not an answer of the Prometheus HTTP API: ${what}`);
}
