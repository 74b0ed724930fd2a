import type { Millis, Weight } from '#lib/units.ts';
import { formatDuration, formatPercent } from '#lib/units.ts';

/** Figures as the terminal, the page and messages print them: the same number is the same text everywhere. */

/** `90000` → `1m30s`. */
export function printDuration(ms: Millis): string {
  return formatDuration(ms);
}

/** `20000` → `20%`. */
export function printWeight(weight: Weight): string {
  return formatPercent(weight);
}

/** `1234567` → `1,234,567`. */
export function printCount(count: number): string {
  const whole = Math.round(count);
  const text = whole.toString();
  return Math.abs(whole) < 1000 ? text : text.replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A share of one with two significant digits: `0.00123` → `0.12%`, `0.5` → `50%`; nothing is `0%`. */
export function printShare(share: number): string {
  const percent = share * 100;
  if (percent === 0) return '0%';
  if (percent < 0.01) return '<0.01%';
  return `${Number(percent.toPrecision(percent >= 10 ? 3 : 2))}%`;
}

/** `12 of 3,456 (0.35%)`. */
export function printBad({ bad, total }: { bad: number; total: number }): string {
  const rate = total > 0 ? ` (${printShare(bad / total)})` : '';
  return `${printCount(bad)} of ${printCount(total)}${rate}`;
}

const units: readonly [Millis, string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1000, 's'],
];

/** Age as kubectl prints it: the two largest units while small, one when it no longer matters. */
export function printAge(ageMs: Millis): string {
  const index = units.findIndex(([unit]) => ageMs >= unit);
  const largest = units[index];
  if (largest === undefined) return '0s';
  const count = Math.floor(ageMs / largest[0]);
  const smaller = units[index + 1];
  if (smaller === undefined || count >= 10) return `${count}${largest[1]}`;
  const rest = Math.floor((ageMs % largest[0]) / smaller[0]);
  return rest === 0 ? `${count}${largest[1]}` : `${count}${largest[1]}${rest}${smaller[1]}`;
}

/** An image without its registry and with its digest cut: `registry/team/web@sha256:0123…` → `web@0123456`. */
export function shortImage(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1);
  return name.replace(/@sha256:([0-9a-f]{7})[0-9a-f]*$/, '@$1');
}
