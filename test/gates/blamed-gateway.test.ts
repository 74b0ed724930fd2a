import { expect, test } from 'vitest';
import type { GateContext } from '#core/gate.ts';
import type { PodInfo, TickSamples } from '#gates/samples.ts';
import { gateFor } from '#src/catalog.ts';
import { context as base } from './service.ts';

const START = 1_700_000_040_000;
const { tickMs } = base;

/** Four processes; each serves both arms, and the first alone has the canary's failures. */
const processes = Array.from({ length: 4 }, (_, index) => `gw-${index}`);
const pods: PodInfo[] = processes.flatMap((process) =>
  (['canary', 'stable'] as const).map((arm) => ({ pod: `${process}#${arm}`, arm, available: true, containers: [] })),
);

function tickAfter(count: number, edge: boolean): TickSamples {
  const at = START + count * tickMs;
  const samples = pods.map(({ pod, arm }) => {
    const bad = arm === 'canary' && pod.startsWith('gw-0') ? 12 : 0;
    return {
      process: pod,
      pod,
      container: '',
      values: [count * (arm === 'canary' ? 40 : 360), count * bad],
      scrapedAt: at,
    };
  });
  const targets = pods.map(({ pod }) => ({ pod, count: 1, up: 1 }));
  return { at, names: ['total', 'bad'], samples, targets, ...(edge ? { pods } : {}) };
}

function verdictOf(edge: boolean) {
  const arms = edge ? ({ by: 'Label', label: 'service', stable: 's', canary: 'c' } as const) : ({ by: 'Pod' } as const);
  const context: GateContext = { ...base, gate: { ...base.gate, slo: { ...base.gate.slo, arms } } };
  let live = gateFor('events').start();
  for (let count = 1; count < 20; count++) live = live.fold(tickAfter(count, edge), pods, context);
  return live.judge(context, START + 20 * tickMs);
}

test('a gateway process is no pod of the canary: its failures stop the release', () => {
  // kills: a verdict that asks somebody to delete a gateway, and waits for it
  expect(verdictOf(true)).toMatchObject({ verdict: 'Fail', cause: 'Worse' });
  expect(verdictOf(false), 'the same counts by pods').toMatchObject({ verdict: 'Inconclusive', cause: 'SinglePod' });
});
