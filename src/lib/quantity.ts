/** Kubernetes quantities: `250m`, `1.5`, `512Mi`, `2e3`. */

const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,3})|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?$/;

const factors: Record<string, number> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
};

/** The amount in whole units, e.g. cores or bytes; undefined for what is no quantity. */
export function parseQuantity(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  const [, amount, exponent, suffix] = (typeof value === 'string' ? QUANTITY.exec(value) : null) ?? [];
  if (amount === undefined) return undefined;
  if (exponent !== undefined) return Number(`${amount}e${exponent}`);
  return Number(amount) * (suffix === undefined ? 1 : (factors[suffix] ?? 1));
}

const binary = ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki'] as const;

/** For people: `1500m`, `3`, `384Mi`. Bytes that are no whole KiB stay plain. */
export function formatQuantity(amount: number): string {
  if (!Number.isInteger(amount)) return `${Math.round(amount * 1000)}m`;
  const suffix = binary.find((unit) => amount !== 0 && amount % (factors[unit] ?? 1) === 0);
  return suffix === undefined ? String(amount) : `${amount / (factors[suffix] ?? 1)}${suffix}`;
}
