/**
 * Parsers and printers for what users write: Go durations and percents.
 * Each parser returns undefined for text outside its grammar, so that the caller can name the field.
 */

/** Milliseconds since the Unix epoch. */
export type Millis = number;

/** A share of traffic in 1/100,000: 100,000 is everything. Always an integer. */
export type Weight = number;

/** The weight that is all traffic. */
export const WHOLE: Weight = 100_000;

/** The next multiple of `grid` that is not above. */
export function floorTo(weight: Weight, grid: Weight): Weight {
  return weight - (weight % grid);
}

/** The nearest multiple of `grid` that is neither nothing nor everything unless `weight` is: a step is never lost. */
export function roundTo(weight: Weight, grid: Weight): Weight {
  if (weight <= 0 || weight >= WHOLE) return weight;
  return Math.min(WHOLE - grid, Math.max(grid, Math.round(weight / grid) * grid));
}

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^(?:\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h)){1,4}$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;

/** The grammar of `parseDuration`, for CRD schemas (RE2). */
export const DURATION_PATTERN = '^([0-9]{1,9}([.][0-9]{1,3})?(ms|s|m|h)){1,4}$';

/** Go durations without sign: `1h30m`, `90s`, `1.5s`, `250ms`. Days are left out, as in Go. */
export function parseDuration(text: string): Millis | undefined {
  if (!DURATION.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * (unitMs[unit ?? ''] ?? 0);
  return Math.round(total);
}

/** Shortest Go duration: `90000` → `1m30s`, `500` → `500ms`. */
export function formatDuration(ms: Millis): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join('');
}

const PERCENT = /^(\d{1,3}(?:\.\d{1,3})?)%$/;

/** The grammar of a percent written as a string, for CRD schemas (RE2). */
export const PERCENT_PATTERN = '^[0-9]{1,3}([.][0-9]{1,3})?%$';

/** `5` or `"0.5%"` → 5,000 or 500 of 100,000. Undefined outside 0 to 100 or with more than three decimals. */
export function parsePercent(value: number | string): Weight | undefined {
  const text = typeof value === 'number' ? `${value}%` : value;
  const match = PERCENT.exec(text);
  if (match === null) return undefined;
  const weight = Math.round(Number(match[1]) * 1000);
  return weight <= WHOLE ? weight : undefined;
}

/** `500` → `0.5%`. */
export function formatPercent(weight: Weight): string {
  return `${Number((weight / 1000).toFixed(3))}%`;
}
