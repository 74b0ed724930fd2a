import type { Scenario } from './traffic.ts';

/** What every policy is put through, at two objectives of 30 days. */

const points = (percent: number) => () => percent / 100;
const between = (from: number, to: number) => (minute: number) => minute >= from && minute < to;
const figure = (value: number) => String(Number(value.toPrecision(6)));

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

/** Scenarios of one objective. `base` in percent is that of everything that is not said to have another. */
function family(objective: number, base: number, suffix: string) {
  const plain = (name: string, title: string, more: Partial<Scenario>): Scenario => ({
    name: `${name}${suffix}`,
    title: suffix === '' ? title : `${title}, SLO ${figure(100 * objective)} %`,
    kind: 'good',
    rps: 100,
    base: base / 100,
    objective,
    ...more,
  });
  return {
    /** At 100 rps, unless it says otherwise. */
    special: plain,
    good: (rps: number, percent: number) =>
      plain(`good-${rps}rps-p${percent}`, `good, ${rps} rps, base ${percent} %`, { rps, base: percent / 100 }),
    worse: (excess: number, rps: number, percent: number) =>
      plain(`worse-${excess}-${rps}rps-p${percent}`, `+${figure(excess)} %, ${rps} rps, base ${percent} %`, {
        ...{ kind: 'bad', rps, base: percent / 100, excess: points(excess) },
      }),
  };
}

/** What may happen to a release besides being good or bad from the start. */
function troubles({ special }: ReturnType<typeof family>): Scenario[] {
  return [
    special('late-20', 'late defect, from minute 20', leak(20)),
    special('late-2', 'late defect, from minute 2', leak(2)),
    special('outage-10', 'shared outage at minute 10, good', outage(10)),
    special('outage-2', 'shared outage at minute 2, good', outage(2)),
    special('gap-2', 'metric gap of 2 min at minute 2, good', { gap: between(2, 4) }),
    special('gap-6', 'metric gap of 6 min at minute 2, good', { gap: between(2, 8) }),
    special('noisy', 'noisy, good', { noise }),
    special('noisy-worse-1', 'noisy, +1 %', { noise, kind: 'bad', excess: points(1) }),
    special('noisy-1000rps', 'noisy, good, 1000 rps, twice the base', { noise, rps: 1000 }),
    special('diurnal', 'diurnal, good', { swing: diurnal }),
    special('diurnal-worse-1', 'diurnal, +1 %', { swing: diurnal, kind: 'bad', excess: points(1) }),
    special('restarts', 'counter resets, good', { restarts: true }),
    special('restarts-worse-1', 'counter resets, +1 %', { restarts: true, kind: 'bad', excess: points(1) }),
    special('bad-pod', 'one bad pod of three, +3 % on it', { kind: 'pod', onePod: true, excess: points(1) }),
    special('retries', 'retries, good', { retries: true }),
    special('retries-worse-1', 'retries, +1 %', { retries: true, kind: 'bad', excess: points(1) }),
  ].map((scenario) => (scenario.rps === 1000 ? { ...scenario, base: 2 * scenario.base } : scenario));
}

const at995 = family(0.995, 0.1, '');
const at999 = family(0.999, 0.02, '-999');

/** 99 % of stable's requests within 250 ms, lognormal; judged by the default buckets, bad over half a second. */
const latency: Scenario[] = [100, 10].flatMap((rps) => {
  const slow = (name: string, title: string, factor: number, part: number, kind: Scenario['kind'] = 'bad') =>
    at995.special(`latency-${name}-${rps}rps`, `${title}, ${rps} rps`, { kind, rps, latency: { factor, part } });
  return [
    slow('good', 'latency, good', 1, 0, 'good'),
    slow('1.2', 'latency × 1.2', 1.2, 1),
    slow('1.5', 'latency × 1.5', 1.5, 1),
    slow('2', 'latency × 2', 2, 1),
    slow('tail', 'latency × 3 of 3 % of requests', 3, 0.03),
  ];
});

/** Five orders in a hundred requests. */
const business: Scenario[] = [100, 10].flatMap((rps) => {
  const dips = (dip: number, kind: Scenario['kind'] = 'bad') =>
    at995.special(
      `business-${figure(100 * dip)}-${rps}rps`,
      `${dip === 0 ? 'orders, good' : `orders −${figure(100 * dip)} %`}${dip === 0.2 ? ', which is tolerated' : ''}, ${rps} rps`,
      { kind, rps, business: { rate: 0.05, dip, lag: 0 } },
    );
  return [dips(0, 'good'), dips(0.2), dips(0.3), dips(0.5)];
});

const delayed = at995.special('business-lag', 'orders that come two minutes late, good, 100 rps', {
  business: { rate: 0.05, dip: 0, lag: 8 },
});

/** Eight releases share the edge of one path; the first is two points worse. */
const together: Scenario[] = [2, 8].map((count) =>
  at995.special(`together-${count}`, `${count} releases at once, +2 % by one of them`, {
    ...{ kind: 'bad', together: count, excess: points(2) },
  }),
);

export const scenarios: readonly Scenario[] = [
  ...[0.1, 0.4].flatMap((base) => [1, 10, 100, 1000].map((rps) => at995.good(rps, base))),
  ...[0.1, 0.5, 1, 5].map((excess) => at995.worse(excess, 100, 0.1)),
  ...[0.5, 1, 5].map((excess) => at995.worse(excess, 10, 0.1)),
  ...[0.5, 1, 5, 20].map((excess) => at995.worse(excess, 1, 0.1)),
  ...[0.1, 0.5, 1].map((excess) => at995.worse(excess, 1000, 0.1)),
  ...[0.5, 1, 5].map((excess) => at995.worse(excess, 100, 0.4)),
  ...troubles(at995),
  ...latency,
  ...business,
  delayed,
  ...together,
  ...[0.02, 0.1, 0.4].flatMap((base) => [1, 10, 100, 1000].map((rps) => at999.good(rps, base))),
  ...[0.1, 0.5, 1, 5].map((excess) => at999.worse(excess, 100, 0.02)),
  ...[0.1, 0.5, 1, 5].map((excess) => at999.worse(excess, 100, 0.1)),
  ...[0.1, 0.5, 1, 5].map((excess) => at999.worse(excess, 10, 0.02)),
  ...[0.1, 0.5, 1].map((excess) => at999.worse(excess, 1000, 0.02)),
  ...[5, 20].map((excess) => at999.worse(excess, 1, 0.02)),
  ...troubles(at999),
];

/** The one of that name. */
export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`no scenario is called ${name}`);
  return found;
}
