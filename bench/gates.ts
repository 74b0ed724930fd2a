import type { GateContext } from '#core/gate.ts';
import { type ErrorGate, saveErrorGate, startErrorGate } from '#gates/error-state.ts';
import { foldErrorTick, judgeErrors } from '#gates/errors.ts';
import type { PodInfo, TickSamples } from '#gates/samples.ts';
import { type Figure, measure } from './figures.ts';

/** The gate engine's own work in one tick: answers of the source folded, and every gate judged. No network, no parsing. */

const RELEASES = 1000;
const GATES = 10;
const STABLE_PODS = 4;
const TICK_MS = 15_000;
const WARM_TICKS = 5;
const TICKS = 20;

const context: GateContext = {
  gate: {
    name: 'availability',
    role: 'Guardrail',
    slo: {
      name: 'availability',
      sli: {
        kind: 'events',
        total: { metric: 'http_requests_total', matchers: [] },
        bad: { metric: 'http_requests_total', matchers: [] },
      },
      arms: { by: 'Pod' },
      objective: 0.999,
      windowMs: 28 * 86_400_000,
    },
    tolerate: 0.001,
    maxWaitMs: 1_800_000,
  },
  epoch: 'checkout-1/1',
  stepEpoch: 'checkout-1/1/step0/2',
  attempt: 1,
  weight: 10_000,
  nextWeight: 30_000,
  next: { weight: 30_000, holdMs: 60_000 },
  raisedAt: 0,
  arrived: true,
  reactionMs: 45_000,
  tickMs: TICK_MS,
  targetSpend: 0.001,
  maxSpend: 0.01,
};

const pods: PodInfo[] = Array.from({ length: STABLE_PODS + 1 }, (_, i) => ({
  pod: `checkout-${i}`,
  arm: i === 0 ? 'canary' : 'stable',
  available: true,
  containers: [{ name: 'app', startedAt: -3_600_000 }],
}));

/** 100 requests a second: counters that grow at the same pace in every gate, with one failure in a thousand. */
function tickAt(index: number): TickSamples {
  const at = index * TICK_MS;
  const samples = pods.map(({ pod }) => ({
    process: `shop/${pod}/app/10.0.0.1:8080`,
    pod,
    container: 'app',
    values: [index * 300, Math.floor(index * 0.3)],
    scrapedAt: at - 5000,
  }));
  return { at, names: ['total', 'bad'], samples, targets: pods.map(({ pod }) => ({ pod, count: 1, up: 1 })) };
}

/** `perRelease` is what one release of ten gates computes in a tick, and `bytes` what one gate stores. */
export function benchGates(): Figure & { perRelease: number; bytes: number } {
  let gates: ErrorGate[] = Array.from({ length: RELEASES * GATES }, startErrorGate);
  const ticks = Array.from({ length: WARM_TICKS + TICKS }, (_, index) => tickAt(index + 1));
  let judged = 0;
  const round = (index: number) => {
    const tick = ticks[index] ?? tickAt(index + 1);
    gates = gates.map((gate) => foldErrorTick(gate, tick, pods, context));
    for (const gate of gates) if (judgeErrors(gate, context, tick.at + 20_000).verdict !== 'Error') judged++;
  };
  const times = measure(round, { warm: WARM_TICKS, rounds: TICKS });
  // A gate that was not judged was not measured either.
  if (judged !== gates.length * (WARM_TICKS + TICKS)) throw new Error(`only ${judged} readings were of use`);
  return {
    what: `gate engine: ${RELEASES} releases × ${GATES} gates, one tick (fold and judge, ${pods.length} pods each)`,
    target: '< 200 ms',
    ...times,
    perRelease: times.cpu / RELEASES,
    bytes: Math.max(...gates.slice(0, GATES).map((gate) => saveErrorGate(gate).length)),
  };
}
