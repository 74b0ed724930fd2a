import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readBody } from '#sources/answer.ts';
import { createBodyReader } from '#sources/body.ts';

const limits = { maxSeries: 1000 };

function readIn(pieces: readonly Buffer[], sliceBytes: number) {
  const reader = createBodyReader({ ...limits, sliceBytes });
  let slices = 0;
  for (const piece of pieces) slices += reader.push(piece) ? 1 : 0;
  return { body: reader.end(), slices };
}

const word = fc.string({
  unit: fc.constantFrom('a', '"', '\\', '}', '{', ',', '[', ']', ':', '},{"metric":', '"result":[', 'é', '\n'),
  maxLength: 5,
});
const labels = fc.dictionary(word, word, { maxKeys: 3 });
const sample = fc.record({ metric: labels, value: fc.tuple(fc.constant(1.5), fc.constantFrom('1', '+Inf', 'NaN')) });
const histogram = fc.record({ metric: labels, histogram: fc.constant([1, { count: '1', sum: '2', buckets: [] }]) });
const range = fc.record({
  metric: labels,
  values: fc.array(fc.tuple(fc.constant(2), fc.constant('3')), { maxLength: 3 }),
});
const data = fc.oneof(
  fc.array(fc.oneof(sample, histogram), { maxLength: 30 }).map((result) => ({ resultType: 'vector', result })),
  fc.array(range, { maxLength: 30 }).map((result) => ({ resultType: 'matrix', result })),
  fc.constant({ resultType: 'scalar', result: [1, '2'] }),
);
const text = fc
  .record({
    status: fc.constant('success'),
    data,
    warnings: fc.array(word, { maxLength: 2 }),
    infos: fc.array(word, { maxLength: 2 }),
  })
  .map((body) => JSON.stringify(body));
const cuts = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 20 });

/** The bytes in pieces of the given lengths, over and over. */
function piecesOf(whole: string, lengths: readonly number[]): Buffer[] {
  const bytes = Buffer.from(whole);
  const pieces: Buffer[] = [];
  for (let from = 0, index = 0; from < bytes.length; index += 1) {
    const length = lengths[index % lengths.length] ?? 1;
    pieces.push(bytes.subarray(from, from + length));
    from += length;
  }
  return pieces;
}

describe('laws', () => {
  test('in whatever pieces a body comes, it reads as it does whole', () => {
    fc.assert(
      fc.property(text, cuts, fc.integer({ min: 1, max: 400 }), (whole, lengths, sliceBytes) => {
        // kills: a cut inside a label that looks like JSON; a character cut in two; the series of the last slice lost
        expect(readIn(piecesOf(whole, lengths), sliceBytes).body).toEqual(readBody(whole, limits));
      }),
      { numRuns: 1000 },
    );
  });

  test('a broken body is an error, however it comes', () => {
    fc.assert(
      fc.property(text, cuts, fc.nat(), (whole, lengths, at) => {
        const broken = whole.slice(0, at % whole.length);
        expect(() => readIn(piecesOf(broken, lengths), 20)).toThrow('not an answer of the Prometheus HTTP API');
      }),
      { numRuns: 500 },
    );
  });
});

const one = JSON.stringify({ metric: { pod: 'a' }, value: [1, '1'] });
const answer = (series: readonly string[], tail = '') =>
  `{"status":"success","data":{"resultType":"vector","result":[${series.join(',')}]}${tail}}`;

test('a long body is read in slices', () => {
  const { slices, body } = readIn(piecesOf(answer(Array.from({ length: 500 }, () => one)), [64]), 256);
  expect(slices).toBeGreaterThan(50);
  expect(body).toMatchObject({ status: 'success', partial: [] });
});

test('what stands behind the series is read as well', () => {
  const whole = answer(
    Array.from({ length: 100 }, () => one),
    ',"warnings":["store is down"]',
  );
  // kills: a partial answer that looks complete because it was long
  expect(readIn(piecesOf(whole, [64]), 256).body).toMatchObject({ partial: ['store is down'] });
});

test('too many series end the reading before the body does', () => {
  const reader = createBodyReader({ maxSeries: 50, sliceBytes: 256 });
  const pieces = piecesOf(answer(Array.from({ length: 5000 }, () => one)), [64]);
  let taken = 0;
  expect(() => {
    for (const piece of pieces) {
      reader.push(piece);
      taken += 1;
    }
  }).toThrow('more than 50 series');
  expect(taken).toBeLessThan(pieces.length / 10);
});

test.each([
  { name: 'HTML', whole: `<html>${'"result":[{"metric":'.repeat(200)}`, text: 'HTML' },
  {
    name: 'a slice that is no JSON',
    whole: answer([one, '{"metric":oops},{"metric":{}}', one, one, one]),
    text: 'not JSON',
  },
  {
    name: 'a series that is no object',
    whole: answer([one, one, one, '7', one, one]),
    text: 'a series is not an object',
  },
])('$name', ({ whole, text: says }) => {
  expect(() => readIn(piecesOf(whole, [32]), 64)).toThrow(says);
});
