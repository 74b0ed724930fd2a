import type { GateContext, GateReading, LatencySli } from '#core/gate.ts';
import { foldLatencyTick, judgeLatency } from '#gates/latency.ts';
import { type LatencyGate, startLatencyGate } from '#gates/latency-state.ts';
import type { Arm, PodInfo, TickSamples } from '#gates/samples.ts';
import { context, gate } from './service.ts';

/** Bounds of a classic histogram where nobody chose any, in seconds. */
export const defaults = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export const sli: LatencySli = {
  kind: 'latency',
  histogram: { metric: 'http_request_duration_seconds', matchers: [] },
  threshold: 0.25,
  form: 'Classic',
};

/** 99 % under 250 ms, at weight 10 %, arrived at 0. */
export const latencyContext: GateContext = {
  ...context,
  gate: {
    ...gate,
    name: 'speed',
    slo: { ...gate.slo, name: 'speed', objective: 0.99, sli },
    tolerate: 0.01,
  },
};

interface Pod {
  arm: Arm;
  startedAt: number;
  /** Requests by the place of their bucket; the last one has no upper bound. */
  buckets: number[];
}

/** The latency gate on one canary pod and two stable ones, whose histograms are scraped 5 s before each tick. */
export class LatencyDrill {
  readonly pods = new Map<string, Pod>();
  gate: LatencyGate = startLatencyGate();
  context: GateContext;
  now = 0;
  /** What the pods show; a bound that is left out is in no answer. */
  bounds: readonly number[];
  /** Prometheus shows neither series nor targets, or targets alone. */
  hidden: 'nothing' | 'series' | 'all' = 'nothing';

  constructor({ bounds = defaults, ...more }: Partial<GateContext> & { bounds?: readonly number[] } = {}) {
    this.bounds = bounds;
    this.context = { ...latencyContext, ...more };
    this.add('c-1', 'canary', -60_000);
    this.add('s-1', 'stable', -900_000);
    this.add('s-2', 'stable', -900_000);
  }

  add(name: string, arm: Arm, startedAt: number): void {
    this.pods.set(name, { arm, startedAt, buckets: [...defaults, 0].map(() => 0) });
  }

  /** Requests of one arm, by bucket, all on its first pod or spread evenly. */
  serve(arm: Arm, buckets: readonly number[]): void {
    const own = [...this.pods.values()].filter((pod) => pod.arm === arm);
    for (const [index, pod] of own.entries()) {
      for (const [place, count] of buckets.entries()) {
        pod.buckets[place] = (pod.buckets[place] ?? 0) + Math.floor((count + index) / own.length);
      }
    }
  }

  tick(load: { canary?: readonly number[]; stable?: readonly number[] } = {}): GateReading {
    this.now += this.context.tickMs;
    this.serve('canary', load.canary ?? []);
    this.serve('stable', load.stable ?? []);
    this.gate = foldLatencyTick(this.gate, this.samples(), this.infos(), this.context);
    return this.judge();
  }

  judge(): GateReading {
    return judgeLatency(this.gate, this.context, this.now + this.context.tickMs);
  }

  samples(): TickSamples {
    const scrapedAt = this.now - 5000;
    const shown = this.hidden === 'nothing' ? [...this.pods] : [];
    const targets = this.hidden === 'all' ? [] : [...this.pods.keys()];
    return {
      at: this.now,
      names: shown.length === 0 ? ['total'] : ['total', ...this.bounds.map(String)],
      samples: shown.map(([pod, { buckets }]) => ({
        process: `shop/${pod}/app/10.0.0.1:8080`,
        pod,
        container: 'app',
        values: [Number.POSITIVE_INFINITY, ...this.bounds].map((bound) => upTo(buckets, bound)),
        scrapedAt,
      })),
      targets: targets.map((pod) => ({ pod, count: 1, up: 1 })),
    };
  }

  infos(): PodInfo[] {
    return [...this.pods].map(([pod, { arm, startedAt }]) => ({
      pod,
      arm,
      available: true,
      containers: [{ name: 'app', startedAt }],
    }));
  }
}

function upTo(buckets: readonly number[], bound: number): number {
  return buckets.reduce(
    (sum, count, place) => sum + ((defaults[place] ?? Number.POSITIVE_INFINITY) <= bound ? count : 0),
    0,
  );
}
