import { printCount, printShare } from '#core/figures.ts';
import type { Counts } from '#core/gate.ts';
import { countRange, rateRange, type SequenceOptions } from './sequences.ts';

/** Counts with the range of their rate, for the message of a breach: too much arithmetic for every tick of every gate. */

/** `15 of 800 (1.9%, between 1.1% and 3.1%)`. */
export function printBadRange(counts: Counts, options: SequenceOptions = {}): string {
  const { low, high } = rateRange(counts, options, printShare);
  const share = printShare(counts.bad / Math.max(1, counts.total));
  const range = `between ${printShare(low)} and ${printShare(high)}`;
  return `${printCount(counts.bad)} of ${printCount(counts.total)} (${share}, ${range})`;
}

/** `0.0213 (0.0171 to 0.0264)`: events per exposure. */
export function printCountRange(counts: Counts): string {
  const text = (rate: number) => String(Number(rate.toPrecision(3)));
  const { low, high } = countRange(counts, {}, text);
  return `${text(counts.bad / Math.max(1, counts.total))} (${text(low)} to ${text(high)})`;
}
