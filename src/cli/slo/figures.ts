/** Numbers and names of other tools in the words of ours. Decimals stay texts, so that no digit is made up or lost. */

const DECIMAL = /^(\d{1,9})(?:\.(\d{1,12}))?$/;

/** A percent without needless zeros: `99.90` → `99.9`. Undefined where it is no plain decimal. */
export function percentOfPercent(text: string): string | undefined {
  return shift(text, 0);
}

/** A share of 1 in percent, exactly: `0.9995` → `99.95`. Undefined where it is no plain decimal. */
export function percentOfShare(text: string): string | undefined {
  return shift(text, 2);
}

function shift(text: string, places: number): string | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const fraction = (match[2] ?? '').padEnd(places, '0');
  const whole = `${match[1]}${fraction.slice(0, places)}`.replace(/^0+(?=\d)/, '');
  const rest = fraction.slice(places).replace(/0+$/, '');
  return rest === '' ? whole : `${whole}.${rest}`;
}

/** Decimals that an objective may have. */
const PLACES = 6;

/** What an objective in percent leaves, as a share of 1, exactly: `99.9` → `0.001`. */
export function budgetOf(objective: string): string {
  const scale = 10 ** PLACES;
  const left = 100 * scale - Math.round(Number(objective) * scale);
  return shareText(left, PLACES + 2);
}

/** An objective in percent as a share of 1, exactly: `99.9` → `0.999`. */
export function shareOf(objective: string): string {
  return shareText(Math.round(Number(objective) * 10 ** PLACES), PLACES + 2);
}

function shareText(units: number, places: number): string {
  const digits = String(units).padStart(places + 1, '0');
  return shift(`${digits.slice(0, -places)}.${digits.slice(-places)}`, 0) ?? '0';
}

const SECOND = 1000;
const DAY = 86_400 * SECOND;

const prometheusUnits = [
  ['y', 365 * DAY],
  ['w', 7 * DAY],
  ['d', DAY],
  ['h', 3600 * SECOND],
  ['m', 60 * SECOND],
  ['s', SECOND],
  ['ms', 1],
] as const;

const PROMETHEUS = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** Milliseconds of a duration as Prometheus writes it: `4w`, `1d12h`. Undefined outside its grammar. */
export function prometheusMs(text: string): number | undefined {
  const match = text === '' ? null : PROMETHEUS.exec(text);
  if (match === null) return undefined;
  const total = prometheusUnits.reduce((sum, [, ms], index) => sum + Number(match[index + 1] ?? 0) * ms, 0);
  return Number.isSafeInteger(total) ? total : undefined;
}

/** A duration as Prometheus writes it, with days as the largest unit: `36 h` → `1d12h`. */
export function prometheusText(ms: number): string {
  let left = ms;
  const parts = prometheusUnits.slice(2).map(([unit, size]) => {
    const amount = Math.floor(left / size);
    left -= amount * size;
    return amount === 0 ? '' : `${amount}${unit}`;
  });
  return parts.join('') || '0s';
}

/** A window as our objectives write it: `28d`, or a Go duration such as `36h`. */
export function windowText(ms: number): string {
  if (ms % DAY === 0) return `${ms / DAY}d`;
  if (ms % (3600 * SECOND) === 0) return `${ms / (3600 * SECOND)}h`;
  return ms % (60 * SECOND) === 0 ? `${ms / (60 * SECOND)}m` : `${ms / SECOND}s`;
}

/** A threshold in whole milliseconds as our objectives write it: `300ms`, `1.5s`. Undefined where it has none. */
export function thresholdText(seconds: number): string | undefined {
  const ms = Number((seconds * SECOND).toFixed(6));
  if (!Number.isInteger(ms) || ms <= 0 || ms >= 1e9) return undefined;
  return ms < SECOND ? `${ms}ms` : `${ms / SECOND}s`;
}

/** The nearest name that Kubernetes allows: lower case letters, digits, `-` and `.`. */
export function objectName(text: string): string {
  const name = text.toLowerCase().replace(/[^a-z0-9.-]+/g, '-');
  return name.replace(/(^|\.)-+|-+(?=\.|$)/g, '$1').replace(/^\.+|\.+$|\.(?=\.)/g, '');
}

/** May it stand in metadata.labels as a value? */
export function isLabelValue(text: string): boolean {
  return text.length <= 63 && /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(text);
}

/** May it stand in metadata.labels or metadata.annotations as a key? */
export function isLabelKey(text: string): boolean {
  const [name = '', prefix, ...more] = text.split('/').reverse();
  if (more.length > 0 || name.length > 63 || !/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name)) return false;
  return prefix === undefined || (prefix.length <= 253 && objectName(prefix) === prefix && prefix !== '');
}
