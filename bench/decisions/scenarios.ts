import type { Scenario } from './traffic.ts';

/** What every policy is put through. SLO 99.5 % of 30 days throughout. */

const points = (percent: number) => () => percent / 100;
const between = (from: number, to: number) => (minute: number) => minute >= from && minute < to;
const figure = (value: number) => String(Number(value.toPrecision(6)));

function good(rps: number, base: number): Scenario {
  return {
    name: `good-${rps}rps-p${base}`,
    title: `good, ${rps} rps, base ${base} %`,
    kind: 'good',
    rps,
    base: base / 100,
  };
}

function worse(excess: number, rps: number, base: number): Scenario {
  const name = `worse-${excess}-${rps}rps-p${base}`;
  const title = `+${figure(excess)} %, ${rps} rps, base ${base} %`;
  return { name, title, kind: 'bad', rps, base: base / 100, excess: points(excess) };
}

/** At 100 rps and a base of 0.1 %, unless it says otherwise. */
function special(name: string, title: string, more: Partial<Scenario>): Scenario {
  return { name, title, kind: 'good', rps: 100, base: 0.001, ...more };
}

/** A leak: half a point more a minute, up to five. */
function leak(onset: number): Partial<Scenario> {
  return { kind: 'bad', onset, excess: (minute) => Math.min(0.05, 0.005 * (minute - onset)) };
}

function outage(from: number): Partial<Scenario> {
  const during = between(from, from + 5);
  return { outage: (minute) => (during(minute) ? 0.05 : 0) };
}

/** A day in an hour: load and failures swing, not together. */
function diurnal(minute: number): { load: number; rate: number } {
  const angle = (2 * Math.PI * minute) / 60;
  return { load: 1 + 0.8 * Math.sin(angle), rate: 1 + 0.5 * Math.sin(angle + 2) };
}

const noise = { common: 0.5, arm: 0.2 };

export const scenarios: readonly Scenario[] = [
  ...[0.1, 0.4].flatMap((base) => [1, 10, 100, 1000].map((rps) => good(rps, base))),
  ...[0.1, 0.5, 1, 5].map((excess) => worse(excess, 100, 0.1)),
  ...[0.5, 1, 5].map((excess) => worse(excess, 10, 0.1)),
  ...[5, 20].map((excess) => worse(excess, 1, 0.1)),
  ...[0.1, 0.5, 1].map((excess) => worse(excess, 1000, 0.1)),
  ...[0.5, 1, 5].map((excess) => worse(excess, 100, 0.4)),
  special('late-20', 'late defect, from minute 20', leak(20)),
  special('late-2', 'late defect, from minute 2', leak(2)),
  special('outage-10', 'shared outage at minute 10, good', outage(10)),
  special('outage-2', 'shared outage at minute 2, good', outage(2)),
  special('gap-2', 'metric gap of 2 min at minute 2, good', { gap: between(2, 4) }),
  special('gap-6', 'metric gap of 6 min at minute 2, good', { gap: between(2, 8) }),
  special('noisy', 'noisy, good', { noise }),
  special('noisy-worse-1', 'noisy, +1 %', { noise, kind: 'bad', excess: points(1) }),
  special('noisy-1000rps-p0.2', 'noisy, good, 1000 rps, base 0.2 %', { noise, rps: 1000, base: 0.002 }),
  special('diurnal', 'diurnal, good', { swing: diurnal }),
  special('diurnal-worse-1', 'diurnal, +1 %', { swing: diurnal, kind: 'bad', excess: points(1) }),
  special('restarts', 'counter resets, good', { restarts: true }),
  special('restarts-worse-1', 'counter resets, +1 %', { restarts: true, kind: 'bad', excess: points(1) }),
  special('bad-pod', 'one bad pod of three, +3 % on it', { kind: 'pod', onePod: true, excess: points(1) }),
  special('retries', 'retries, good', { retries: true }),
  special('retries-worse-1', 'retries, +1 %', { retries: true, kind: 'bad', excess: points(1) }),
];
