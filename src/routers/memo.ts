/**
 * What a split rule cannot tell about itself: the weight that the user gave the one backend, or that there was
 * none. One entry per rule of ours, `<rule key>=<weight or ->`, in the route's order, behind a version word.
 */
export type Memo = ReadonlyMap<string, OriginalWeight>;

/** `absent`: the user's text had no weight. */
export type OriginalWeight = number | 'absent';

/** 16 rules is Gateway API's own limit; this many entries always fit into 1 KiB. */
export const MAX_MEMO_RULES = 40;

const MEMO = /^v1(?: [a-z0-9]{8}(?:\.\d{1,2})?=(?:-|\d{1,10}))*$/;

export function formatMemo(memo: Memo): string {
  const entries = [...memo].slice(0, MAX_MEMO_RULES);
  return ['v1', ...entries.map(([key, weight]) => `${key}=${weight === 'absent' ? '-' : weight}`)].join(' ');
}

/** Undefined for text that `formatMemo` does not write, the empty text included: then nothing is remembered. */
export function parseMemo(text: string | undefined): Memo | undefined {
  if (text === undefined || !MEMO.test(text)) return undefined;
  const entries = text.split(' ').slice(1);
  return new Map(
    entries.map((entry) => {
      const [key = '', weight = '-'] = entry.split('=');
      return [key, weight === '-' ? 'absent' : Number(weight)];
    }),
  );
}
