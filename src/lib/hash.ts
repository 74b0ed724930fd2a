import { hash } from 'node:crypto';
import { canonicalJson } from './json.ts';

// No vowels and no look-alikes, as Kubernetes does it: a hash never spells a word and reads well aloud.
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A short, stable name for a JSON value: equal values give equal hashes whatever their key order. */
export function shortHash(value: unknown, length = 8): string {
  const digest = hash('sha256', canonicalJson(value), 'buffer');
  let text = '';
  for (let i = 0; i < length; i++) text += alphabet[(digest[i] ?? 0) % alphabet.length] ?? '';
  return text;
}
