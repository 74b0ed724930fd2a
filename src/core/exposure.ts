import type { Exposure } from './breach.ts';
import type { GateReading } from './gate.ts';
import type { Plan } from './model.ts';

/** Requests are what users met; slow ones and missing orders are counted in units of their own. */
const byKind = { events: 0, latency: 1, business: 2, query: 3, probe: 4 } as const;

/** What the canary's users met since the attempt began, by the gate that counts requests and saw most of them. */
export function exposureOf(readings: readonly GateReading[], plan: Plan | undefined): Exposure | undefined {
  const kindOf = ({ gate }: GateReading) => plan?.gates.find(({ name }) => name === gate)?.slo.sli.kind;
  const rank = (reading: GateReading) => byKind[kindOf(reading) ?? 'events'];
  // Probes are no users, whoever else counts.
  const met = readings.filter((reading) => kindOf(reading) !== 'probe');
  const [best] = met.sort((a, b) => rank(a) - rank(b) || b.evidence.canary.total - a.evidence.canary.total);
  if (best === undefined) return undefined;
  const { canary: all, stable, copied } = best.evidence;
  const canary = copied === undefined ? all : { total: all.total - copied.total, bad: all.bad - copied.bad };
  const expected = stable.total === 0 ? 0 : (stable.bad / stable.total) * canary.total;
  return {
    requests: Math.round(canary.total),
    bad: Math.round(canary.bad),
    excess: Math.max(0, Math.round(canary.bad - expected)),
  };
}
