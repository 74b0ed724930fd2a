import { OperatorError } from '#lib/errors.ts';
import type { InstantResult } from '#ports/metric-source.ts';
import { type Body, readBody, readSeries } from './answer.ts';

/**
 * Reads a body while it comes, in slices: one `JSON.parse` of 20 MB holds up every reconcile for a fifth of a second
 * and more, and a worker thread would not help, because its result has to be cloned, which takes as long again.
 */
export interface BodyReader {
  /** Takes the next piece. True when a slice was decoded: a good moment to let others run. */
  push(chunk: Buffer): boolean;
  /** Once all pieces were taken. */
  end(): Body;
}

/** Bytes of a slice: about two milliseconds of decoding. */
const SLICE_BYTES = 262_144;
/** Where the list of series must have begun, else the body is read as a whole. */
const HEAD_BYTES = 4096;

// In JSON neither can be part of a string, where a quotation mark stands behind a backslash.
const LIST = '"result":[';
const BETWEEN = '},{"metric":';

export function createBodyReader(limits: { maxSeries: number; sliceBytes?: number }): BodyReader {
  const { sliceBytes = SLICE_BYTES } = limits;
  let pending: Buffer[] = [];
  let length = 0;
  let enough = sliceBytes;
  let head: Head | undefined | 'none';
  const parts: InstantResult[] = [];
  let series = 0;

  function slice(): boolean {
    const bytes = Buffer.concat(pending);
    pending = [bytes];
    head ??= headOf(bytes);
    const from = head === 'none' || parts.length > 0 ? 0 : head.length;
    const cut = bytes.lastIndexOf(BETWEEN);
    if (head === 'none' || cut < from) {
      // Nothing to cut: looked at again when there is twice as much, not with every piece.
      enough = length * 2;
      return false;
    }
    const part = readSeries(head.kind, bytes.toString('utf8', from, cut + 1));
    parts.push(part);
    series += seriesIn(part);
    if (series > limits.maxSeries) throw tooMany(limits);
    pending = [bytes.subarray(cut + 2)];
    length = bytes.length - cut - 2;
    enough = sliceBytes;
    return true;
  }

  return {
    push(chunk) {
      pending.push(chunk);
      length += chunk.length;
      return length >= enough && slice();
    },
    end() {
      const rest = Buffer.concat(pending).toString('utf8');
      if (parts.length === 0 || head === undefined || head === 'none') return readBody(rest, limits);
      // The head and the last series are a whole answer by themselves.
      const body = readBody(head.text + rest, limits);
      if (body.status === 'error') return body;
      const result = joined([...parts, body.result]);
      if (seriesIn(result) > limits.maxSeries) throw tooMany(limits);
      return { ...body, result };
    },
  };
}

interface Head {
  kind: 'vector' | 'matrix';
  /** Everything before the first series. */
  text: string;
  length: number;
}

function headOf(bytes: Buffer): Head | 'none' {
  const start = bytes.subarray(0, HEAD_BYTES).indexOf(LIST);
  const text = start === -1 ? '' : bytes.toString('utf8', 0, start + LIST.length);
  const kind = /"resultType":"(vector|matrix)",/.exec(text)?.[1];
  if (kind !== 'vector' && kind !== 'matrix') return 'none';
  return { kind, text, length: start + LIST.length };
}

function joined(parts: readonly InstantResult[]): InstantResult {
  const vectors = parts.flatMap((part) => (part.kind === 'vector' ? [part] : []));
  if (vectors.length === parts.length) {
    return {
      kind: 'vector',
      samples: vectors.flatMap(({ samples }) => samples),
      histograms: vectors.flatMap(({ histograms }) => histograms),
    };
  }
  const matrices = parts.flatMap((part) => (part.kind === 'matrix' ? [part] : []));
  if (matrices.length === parts.length) return { kind: 'matrix', series: matrices.flatMap(({ series }) => series) };
  throw new OperatorError('SOURCE_ANSWER', 'not an answer of the Prometheus HTTP API: it has two lists of results');
}

/** Series of an answer; a scalar and a string are one. */
export function seriesIn(result: InstantResult): number {
  if (result.kind === 'vector') return result.samples.length + result.histograms.length;
  return result.kind === 'matrix' ? result.series.length : 1;
}

function tooMany({ maxSeries }: { maxSeries: number }): OperatorError {
  return new OperatorError('SOURCE_TOO_LARGE', `the answer has more than ${maxSeries} series`);
}
