import type { BusinessSli, GateContext, GateReading } from '#core/gate.ts';
import { foldBusinessTick, judgeBusiness } from '#gates/business.ts';
import { type BusinessGate, startBusiness } from '#gates/business-state.ts';
import { context, gate, Service } from './service.ts';

const exposure = { metric: 'sessions_total', matchers: [] };

export const orders: BusinessSli = {
  kind: 'business',
  exposure,
  events: { metric: 'orders_total', matchers: [] },
  worse: 'Lower',
  tolerate: 0.2,
  lagMs: 0,
};

export const revenue: BusinessSli = {
  kind: 'business',
  exposure,
  value: { metric: 'revenue_total', matchers: [] },
  worse: 'Lower',
  tolerate: 0.2,
  lagMs: 0,
};

export function contextFor(sli: BusinessSli, more: Partial<GateContext> = {}): GateContext {
  const slo = { ...gate.slo, name: 'orders', sli, objective: 0 };
  return { ...context, gate: { ...gate, name: 'orders', slo }, ...more };
}

/** The business gate on one canary pod and two of stable, a tick every 15 s. */
export class BusinessDrill {
  readonly service = new Service();
  context: GateContext;
  gate: BusinessGate = startBusiness();
  now = 0;

  constructor(sli: BusinessSli, more: Partial<GateContext> = {}) {
    this.context = contextFor(sli, more);
    this.service.add('c-1', 'canary', -60_000, { total: 40, bad: 0 });
    for (const name of ['s-1', 's-2']) this.service.add(name, 'stable', -900_000, { total: 5000, bad: 1000 });
    this.tick([0, 0], [0, 0]);
  }

  /** Exposures of one tick, and what came of them. */
  tick(canary: [exposures: number, events: number], stable: [exposures: number, events: number]): GateReading {
    this.now += this.context.tickMs;
    this.service.serve('c-1', ...canary);
    const half = (value: number) => Math.floor(value / 2);
    this.service.serve('s-1', half(stable[0]), half(stable[1]));
    this.service.serve('s-2', stable[0] - half(stable[0]), stable[1] - half(stable[1]));
    this.service.scrape(this.now - 5000);
    this.gate = foldBusinessTick(this.gate, this.service.tick(this.now), this.service.infos(), this.context);
    return this.judge();
  }

  judge(): GateReading {
    return judgeBusiness(this.gate, this.context, this.now + this.context.tickMs);
  }
}
