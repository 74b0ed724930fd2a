import type { Gate, GateContext } from '#core/gate.ts';
import { joinCounters } from '#gates/evidence.ts';
import type { Arm, PodInfo, TickSamples } from '#gates/samples.ts';

/** A service as Prometheus and the watch cache show it: pods whose processes count requests. */

interface Pod {
  name: string;
  arm: Arm;
  available: boolean;
  startedAt: number;
  /** Counters that live in the process; undefined: the series has not appeared. */
  total?: number;
  bad?: number;
  targets: number;
  /** What the last scrape saw, which is all that Prometheus knows. */
  scrape?: { at: number; total?: number; bad?: number; ok: boolean };
}

export class Service {
  readonly pods = new Map<string, Pod>();
  /** Requests really served while the gate was looking, for comparison. */
  readonly truth = { canary: { total: 0, bad: 0 }, stable: { total: 0, bad: 0 } };

  add(name: string, arm: Arm, startedAt: number, served?: { total: number; bad: number }): Pod {
    const pod: Pod = { name, arm, available: true, startedAt, targets: 1, ...served };
    this.pods.set(name, pod);
    return pod;
  }

  pod(name: string): Pod {
    const pod = this.pods.get(name);
    if (pod === undefined) throw new Error(`no pod ${name}`);
    return pod;
  }

  serve(name: string, total: number, bad = 0): void {
    const pod = this.pod(name);
    this.truth[pod.arm].total += total;
    this.truth[pod.arm].bad += bad;
    // As client libraries do without initialisation: a series is born by its first event.
    if (total > 0) pod.total = (pod.total ?? 0) + total;
    if (bad > 0) pod.bad = (pod.bad ?? 0) + bad;
  }

  scrape(at: number, names: Iterable<string> = this.pods.keys()): void {
    for (const name of names) {
      const pod = this.pod(name);
      const { total, bad } = pod;
      pod.scrape = { at, ok: true, ...(total === undefined ? {} : { total }), ...(bad === undefined ? {} : { bad }) };
    }
  }

  /** The scrape of a frozen pod: a target that is down, and samples that stay what they were. */
  fail(name: string): void {
    const pod = this.pod(name);
    pod.scrape = { ...(pod.scrape ?? { at: 0 }), ok: false };
  }

  restart(name: string, at: number): void {
    const pod = this.pod(name);
    delete pod.total;
    delete pod.bad;
    // Kubernetes tells whole seconds.
    pod.startedAt = Math.floor(at / 1000) * 1000;
  }

  tick(at: number): TickSamples {
    const pods = [...this.pods.values()];
    const samples = (part: 'total' | 'bad') =>
      pods.flatMap(({ name, scrape }) => {
        const value = scrape?.[part];
        const process = `shop/${name}/app/10.0.0.1:8080`;
        return scrape === undefined || value === undefined
          ? []
          : [{ process, pod: name, container: 'app', value, scrapedAt: scrape.at }];
      });
    const targets = pods.filter((pod) => pod.targets > 0 && pod.scrape !== undefined);
    return {
      at,
      names: ['total', 'bad'],
      samples: joinCounters([samples('total'), samples('bad')]),
      targets: targets.map((pod) => ({
        pod: pod.name,
        count: pod.targets,
        up: pod.scrape?.ok === true ? pod.targets : 0,
      })),
    };
  }

  infos(): PodInfo[] {
    return [...this.pods.values()].map(({ name, arm, available, startedAt }) => ({
      pod: name,
      arm,
      available,
      containers: [{ name: 'app', startedAt }],
    }));
  }
}

export const gate: Gate = {
  name: 'availability',
  role: 'Guardrail',
  slo: {
    name: 'availability',
    sli: {
      kind: 'events',
      total: { metric: 'http_requests_total', matchers: [] },
      bad: { metric: 'http_requests_total', matchers: [{ label: 'code', op: '=~', value: '5..' }] },
    },
    arms: { by: 'Pod' },
    objective: 0.995,
    windowMs: 2_592_000_000,
  },
  tolerate: 0.005,
  maxWaitMs: 1_800_000,
};

/** At weight 10 %, arrived at 0, on the way to 30 %. */
export const context: GateContext = {
  gate,
  epoch: 'r-1/1',
  stepEpoch: 'r-1/1/step0/1',
  attempt: 1,
  weight: 10_000,
  nextWeight: 30_000,
  raisedAt: 0,
  arrived: true,
  reactionMs: 45_000,
  tickMs: 15_000,
  targetSpend: 0.001,
  maxSpend: 0.01,
};
