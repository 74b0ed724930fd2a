import { expect, test } from 'vitest';
import type { GateContext, GateReading, LatencySli } from '#core/gate.ts';
import type { PodInfo } from '#gates/samples.ts';
import type { Asks, Point } from '#operator/gate-asks.ts';
import { readTicks } from '#operator/gate-samples.ts';
import { gateFor } from '#src/catalog.ts';

// From what a source answers to a verdict, for both forms of histograms.

const TICK = 15_000;
const pods = ['checkout-bbb-1', 'checkout-aaa-1', 'checkout-aaa-2'];
const infos = pods.map(
  (pod): PodInfo => ({
    pod,
    arm: pod.includes('bbb') ? 'canary' : 'stable',
    available: true,
    containers: [{ name: 'app', startedAt: -3_600_000 }],
  }),
);

/** Requests a tick of each pod in (0.125, 0.25], (0.25, 0.5] and (0.5, 1]. */
const calm: [number, number, number] = [140, 9, 1];
const slow: [number, number, number] = [100, 42, 8];

function counts(pod: string, at: number, canary: [number, number, number]): [number, number, number] {
  const [a, b, c] = pod.includes('bbb') ? canary : calm;
  return [(a * at) / TICK, (b * at) / TICK, (c * at) / TICK];
}

function labelsOf(pod: string): Record<string, string> {
  return { namespace: 'shop', pod, container: 'app', instance: `${pod}:80` };
}

function classic(pod: string, [a, b, c]: [number, number, number]): Point[] {
  const upTo = { '0.125': 0, '0.25': a, '0.5': a + b, '1': a + b + c, '+Inf': a + b + c };
  return Object.entries(upTo).map(([le, value]) => ({ labels: { ...labelsOf(pod), le }, value }));
}

/** Buckets of schema 3. */
function native(pod: string, [a, b, c]: [number, number, number]): Point[] {
  const buckets = [
    { left: 0.2293, right: 0.25, count: a },
    { left: 0.25, right: 0.2726, count: b },
    { left: 0.5452, right: 0.5946, count: c },
  ];
  return [{ labels: labelsOf(pod), value: a + b + c, histogram: { count: a + b + c, sum: 1, buckets } }];
}

function source(form: LatencySli['form'], at: number, canary: [number, number, number]): Asks {
  const seen = (what: string): Point[] =>
    pods.flatMap((pod) => {
      if (what === 'Counts') return (form === 'Native' ? native : classic)(pod, counts(pod, at, canary));
      return [{ labels: labelsOf(pod), value: what === 'Targets' ? 1 : (at - 5000) / 1000 }];
    });
  return { ask: async (question) => new Map([[at, 'what' in question ? seen(question.what) : []]]) };
}

interface World {
  form: LatencySli['form'];
  threshold?: number;
  canary?: [number, number, number];
}

async function play({ form, threshold = 0.25, canary = calm }: World): Promise<GateReading> {
  const sli: LatencySli = { kind: 'latency', histogram: { metric: 'request_seconds', matchers: [] }, threshold, form };
  const slo = { name: 'speed', sli, arms: { by: 'Pod' } as const, objective: 0.9, windowMs: 2_592_000_000 };
  const context: GateContext = {
    gate: { name: 'speed', role: 'Guardrail', slo, tolerate: 0.1, maxWaitMs: 1_800_000 },
    ...{ epoch: 'r/1', stepEpoch: 'r/1/step0/1', attempt: 1, weight: 33_000, raisedAt: 0, arrived: true },
    ...{ reactionMs: 45_000, tickMs: TICK, targetSpend: 0.001, maxSpend: 0.5 },
  };
  let gate = gateFor('latency').start();
  let at = 3_600_000;
  for (let tick = 0; tick < 12; tick += 1, at += TICK) {
    const where = { slo, scope: { namespace: 'shop', replicaSets: ['checkout-aaa', 'checkout-bbb'] }, scrapeMs: TICK };
    const ticks = await readTicks(source(form, at, canary), where, { from: at, to: at, stepMs: TICK });
    for (const one of ticks) gate = gate.fold(one, infos, context);
  }
  return gate.judge(context, at);
}

test.each(['Classic', 'Native'] as const)('a slower canary is found in a histogram: %s', async (form) => {
  const reading = await play({ form, canary: slow });
  expect([reading.verdict, reading.cause]).toEqual(['Fail', 'Worse']);
  expect(reading.message).toMatch(/^the canary is slower than stable: above 250ms/);
  expect(reading.evidence).toMatchObject({ canary: { total: 1650, bad: 550 }, stable: { total: 3300, bad: 220 } });
});

test.each(['Classic', 'Native'] as const)('one that is as fast passes: %s', async (form) => {
  expect(await play({ form })).toMatchObject({ verdict: 'Pass', stable: 'Meets' });
});

test.each([
  { form: 'Classic' as const, has: '125ms, 250ms, 500ms, 1s' },
  { form: 'Native' as const, has: '125ms, 250ms, 500ms, 1s, 2s, 4s, 8s, 16s' },
])('a threshold between bounds names them: $form', async ({ form, has }) => {
  const reading = await play({ form, threshold: 0.3 });
  expect([reading.verdict, reading.cause]).toEqual(['Error', 'BadQuery']);
  expect(reading.message).toContain(has);
  expect(reading.message).toMatch(/to 250ms or 500ms$/);
});
