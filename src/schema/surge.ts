import type { Surge } from '#core/words.ts';
import { formatPercent, parsePercent } from '#lib/units.ts';

/** `5` or `"10%"` that its schema has accepted. */
export function surgeOf(given: number | string): Surge {
  return typeof given === 'number' ? { pods: given } : { share: parsePercent(given) ?? 0 };
}

export function surgeText(surge: Surge): number | string {
  return 'pods' in surge ? surge.pods : formatPercent(surge.share);
}
