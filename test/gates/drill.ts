import type { GateContext, GateReading } from '#core/gate.ts';
import { type ErrorGate, startErrorGate } from '#gates/error-state.ts';
import { foldErrorTick, judgeErrors } from '#gates/errors.ts';
import { context, Service } from './service.ts';

export interface Load {
  /** Requests and failures of one tick, spread over the pods of the arm that answer. */
  canary?: [total: number, bad: number];
  stable?: [total: number, bad: number];
}

/** The error gate on a small service: one canary pod, two stable ones, a tick every 15 s, scrapes a third of it before. */
export class Drill {
  readonly service = new Service();
  context: GateContext;
  gate: ErrorGate = startErrorGate();
  now = 0;
  /** Pods whose scrapes fail, and whether Prometheus scrapes at all. */
  readonly frozen = new Set<string>();
  prometheus = true;

  constructor(more: Partial<GateContext> = {}, base: GateContext = context) {
    this.context = { ...base, ...more };
    this.service.add('c-1', 'canary', -60_000, { total: 40, bad: 0 });
    this.service.add('s-1', 'stable', -900_000, { total: 100_000, bad: 70 });
    this.service.add('s-2', 'stable', -900_000, { total: 100_000, bad: 70 });
    this.tick({});
    Object.assign(this.service.truth, { canary: { total: 0, bad: 0 }, stable: { total: 0, bad: 0 } });
  }

  /** One tick of load, then what the gate says when its queries have been answered. */
  tick({ canary = [0, 0], stable = [0, 0] }: Load): GateReading {
    this.now += this.context.tickMs;
    this.spread('c-', canary);
    this.spread('s-', stable);
    if (this.prometheus) {
      const names = [...this.service.pods.keys()];
      this.service.scrape(
        this.now - this.context.tickMs / 3,
        names.filter((name) => !this.frozen.has(name) && this.service.pod(name).targets > 0),
      );
      for (const name of this.frozen) this.service.fail(name);
    }
    this.gate = foldErrorTick(this.gate, this.service.tick(this.now), this.service.infos(), this.context);
    return this.judge();
  }

  judge(): GateReading {
    return judgeErrors(this.gate, this.context, this.now + this.context.tickMs);
  }

  /** The verdicts of `count` ticks under the same load. */
  ticks(count: number, load: Load): GateReading[] {
    return Array.from({ length: count }, () => this.tick(load));
  }

  private spread(prefix: string, [total, bad]: [number, number]): void {
    const names = [...this.service.pods.keys()].filter((name) => name.startsWith(prefix));
    for (const [index, name] of names.entries()) {
      const part = (all: number) => Math.floor((all + index) / names.length);
      this.service.serve(name, part(total), part(bad));
    }
  }
}

/** `Fail/Worse`, `Pass`: a reading in short. */
export function short({ verdict, cause }: GateReading): string {
  return cause === undefined ? verdict : `${verdict}/${cause}`;
}
