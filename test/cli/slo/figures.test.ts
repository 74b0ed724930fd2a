import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  budgetOf,
  isLabelKey,
  isLabelValue,
  objectName,
  percentOfPercent,
  percentOfShare,
  prometheusMs,
  prometheusText,
  shareOf,
  thresholdText,
  windowText,
} from '#cli/slo/figures.ts';
import { parseDuration } from '#lib/units.ts';
import { parseWindow } from '#schema/vocabulary.ts';

test.each([
  { name: 'percent without zeros', got: percentOfPercent('99.90'), want: '99.9' },
  { name: 'whole percent', got: percentOfPercent('99.0'), want: '99' },
  { name: 'no sign', got: percentOfPercent('-99'), want: undefined },
  { name: 'no exponent', got: percentOfPercent('9.9e1'), want: undefined },
  { name: 'share', got: percentOfShare('0.9995'), want: '99.95' },
  { name: 'share of all', got: percentOfShare('1'), want: '100' },
  { name: 'half', got: percentOfShare('0.5'), want: '50' },
  { name: 'a share with more digits than a double', got: percentOfShare('0.999999999999'), want: '99.9999999999' },
  { name: 'budget', got: budgetOf('99.9'), want: '0.001' },
  { name: 'budget of six places', got: budgetOf('99.999999'), want: '0.00000001' },
  { name: 'share of percent', got: shareOf('99.9'), want: '0.999' },
  { name: 'four weeks', got: windowText(prometheusMs('4w') ?? 0), want: '28d' },
  { name: 'a day and a half', got: windowText(prometheusMs('1d12h') ?? 0), want: '36h' },
  { name: 'an hour and a half', got: windowText(prometheusMs('1h30m') ?? 0), want: '90m' },
  { name: 'no duration', got: prometheusMs('4 w'), want: undefined },
  { name: 'nothing', got: prometheusMs(''), want: undefined },
  { name: 'Prometheus writes', got: prometheusText(36 * 3_600_000), want: '1d12h' },
  { name: 'milliseconds', got: thresholdText(0.3), want: '300ms' },
  { name: 'seconds', got: thresholdText(1.5), want: '1.5s' },
  { name: 'half a millisecond has no place', got: thresholdText(0.0005), want: undefined },
  { name: 'no threshold', got: thresholdText(Number.POSITIVE_INFINITY), want: undefined },
  { name: 'a name', got: objectName('My_Service/Errors.'), want: 'my-service-errors' },
  { name: 'a name of nothing', got: objectName('___'), want: '' },
  { name: 'a label value', got: isLabelValue('a/b'), want: false },
  { name: 'a label key', got: isLabelKey('app.kubernetes.io/name'), want: true },
  { name: 'a label key of three parts', got: isLabelKey('a/b/c'), want: false },
])('$name', ({ got, want }) => expect(got).toBe(want));

describe('numbers survive', () => {
  const percent = fc.integer({ min: 50_000_000, max: 99_999_999 }).map((units) => `${units / 1e6}`);

  // kills: 1 - 0.999, which is 0.0010000000000000009
  test('objective and budget are one, to the last of six places', () => {
    fc.assert(
      fc.property(percent, (objective) => {
        const digits = (text: string) => Math.round(Number(text) * 1e8);
        expect(digits(shareOf(objective)) + digits(budgetOf(objective))).toBe(100_000_000);
        expect(percentOfShare(shareOf(objective))).toBe(percentOfPercent(objective));
        expect(budgetOf(objective).length).toBeLessThanOrEqual(10);
      }),
    );
  });

  test('a window means the same to Prometheus and to us', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3600, max: 400 * 86_400 }), (seconds) => {
        expect(prometheusMs(prometheusText(seconds * 1000))).toBe(seconds * 1000);
        expect(parseWindow(windowText(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });

  // kills: seconds rounded to whole ones
  test('a threshold is the bound of the bucket, to the millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600_000 }), (ms) => {
        expect(parseDuration(thresholdText(ms / 1000) ?? '')).toBe(ms);
      }),
    );
  });

  test('every name that comes out is one that Kubernetes takes', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(objectName(text)).toMatch(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$/);
      }),
    );
  });
});
