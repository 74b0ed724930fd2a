import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Behaviour, healthy, parseImage, parseParts } from '../../lab/pods/behaviour.ts';

interface Row {
  image: string;
  want: Partial<Behaviour>;
  because: string;
}

test.each<Row>([
  { image: 'lab/shop:v1', want: {}, because: 'a version alone is a healthy pod' },
  { image: 'lab/shop', want: {}, because: 'no tag is "latest", as everywhere' },
  { image: 'host:5000/lab/shop:v1', want: {}, because: 'the port of a repository is no tag' },
  { image: 'lab/shop:1.25', want: {}, because: 'a version may have dots' },
  { image: 'lab/shop:v2-errors-5', want: { errorPercent: 5 }, because: 'percent of requests' },
  { image: 'lab/shop:v2-errors-0.1', want: { errorPercent: 0.1 }, because: 'tags allow dots' },
  { image: 'lab/shop:v2-latency-200', want: { latencyMs: 200 }, because: 'milliseconds' },
  { image: 'lab/shop:v2-latencyx-1.5', want: { latencyFactor: 1.5 }, because: 'a factor on whatever it is' },
  { image: 'lab/shop:v2-hang', want: { hang: true }, because: 'a flag' },
  { image: 'lab/shop:v2-freeze', want: { freeze: true }, because: 'a flag' },
  { image: 'lab/shop:v2-crash', want: { crash: true }, because: 'crash is not crashafter' },
  { image: 'lab/shop:v2-crashafter-10s', want: { crashAfterMs: 10_000 }, because: 'a Go duration' },
  { image: 'lab/shop:v2-neverready', want: { neverReady: true }, because: 'a flag' },
  { image: 'lab/shop:v2-slowstart-5s', want: { slowStartMs: 5000 }, because: 'a Go duration' },
  { image: 'lab/shop:v2-slowstop-3s', want: { slowStopMs: 3000 }, because: 'a Go duration' },
  { image: 'lab/shop:v2-leak-1m30s', want: { leakAfterMs: 90_000 }, because: 'durations may have several units' },
  { image: 'lab/shop:v2-smokefail', want: { smokeFail: true }, because: 'a flag' },
  { image: 'lab/shop:v2-dark', want: { dark: true }, because: 'a flag' },
  {
    image: 'lab/shop:v2-errors-1-slowstop-3s-dark',
    want: { errorPercent: 1, slowStopMs: 3000, dark: true },
    because: 'parts combine in any number',
  },
])('$image: $because', ({ image, want, because }) => {
  expect(parseImage(image), because).toEqual({ behaviour: { ...healthy, ...want } });
});

test.each([
  { image: 'lab/shop:v2-errrors-5', names: 'unknown part "errrors"', because: 'a typo must not be a healthy pod' },
  { image: 'lab/shop:v2-5', names: 'unknown part "5"', because: 'a value without its part' },
  { image: 'lab/shop:v2-errors', names: 'part "errors"', because: 'its value is missing' },
  { image: 'lab/shop:v2-errors-101', names: '"101"', because: 'more than all requests' },
  { image: 'lab/shop:v2-errors-x', names: '"x"', because: 'not a number' },
  { image: 'lab/shop:v2-slowstop-3', names: '"3"', because: 'a duration has a unit' },
  { image: 'lab/shop:v2-hang-hang', names: 'stands twice', because: 'one of them was meant otherwise' },
  { image: 'lab/shop:v2-', names: 'unknown part ""', because: 'nothing is no part' },
  { image: 'lab/shop@sha256:00', names: 'digest', because: 'no behaviour can be read from it' },
])('$image is refused: $because', ({ image, names, because }) => {
  expect(parseImage(image).error, because).toContain(names);
});

test('a fault is the same parts without a version', () => {
  expect(parseParts('errors-50-hang')).toEqual({ behaviour: { ...healthy, errorPercent: 50, hang: true } });
  expect(parseParts('ok')).toEqual({ behaviour: healthy });
  expect(parseParts('okay').error).toContain('unknown part "okay"');
});

test('law: any text has either a behaviour or an error that quotes it', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const { behaviour, error } = parseImage(text);
      return (behaviour === undefined) === (error?.includes(text) === true);
    }),
  );
});
