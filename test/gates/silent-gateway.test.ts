import { expect, test } from 'vitest';
import type { GateContext, Sli } from '#core/gate.ts';
import type { PodInfo, TickSamples } from '#gates/samples.ts';
import { gateFor } from '#src/catalog.ts';
import { context as base } from './service.ts';

/** A gateway that shows nothing: no process of it is known, so nobody is missed, and nothing may pass. */

const START = 1_700_000_040_000;
const { tickMs } = base;
const selector = { metric: 'm', matchers: [] };
const slis: { name: string; sli: Sli; names: string[]; perTick: [canary: number[], stable: number[]] }[] = [
  {
    name: 'errors',
    sli: { kind: 'events', total: selector, bad: selector },
    names: ['total', 'bad'],
    perTick: [
      [150, 0],
      [1350, 2],
    ],
  },
  {
    name: 'latency',
    sli: { kind: 'latency', histogram: { metric: 'm_seconds', matchers: [] }, threshold: 0.25, form: 'Classic' },
    names: ['total', '0.25'],
    perTick: [
      [150, 150],
      [1350, 1348],
    ],
  },
];

const pods: PodInfo[] = (['canary', 'stable'] as const).map((arm) => {
  return { pod: `gw#${arm}`, arm, available: true, containers: [] };
});

/** What the gateway has counted after so many ticks; at `silent` it shows nothing. */
function tickAfter(count: number, { names, perTick }: (typeof slis)[number], silent = false): TickSamples {
  const at = START + count * tickMs;
  if (silent) return { at, names, samples: [], targets: [], pods: [] };
  const samples = pods.map(({ pod }, index) => {
    const values = (perTick[index] ?? []).map((value) => value * count);
    return { process: pod, pod, container: '', values, scrapedAt: at };
  });
  return { at, names, samples, targets: pods.map(({ pod }) => ({ pod, count: 1, up: 1 })), pods };
}

test.each(slis)('$name: a gateway that goes silent passes nothing, and loses nothing', (row) => {
  const arms = { by: 'Label', label: 'service', stable: 's', canary: 'c' } as const;
  const gate = { ...base.gate, slo: { ...base.gate.slo, sli: row.sli, arms } };
  const { nextWeight: _, ...leavingLast } = base;
  const context: GateContext = { ...leavingLast, gate };
  let live = gateFor(row.sli.kind).start();
  const say = (count: number, silent = false) => {
    live = live.fold(tickAfter(count, row, silent), [], context);
    return live.judge(context, START + count * tickMs + tickMs / 2);
  };
  expect(say(0, true), 'before it was ever seen').toMatchObject({ verdict: 'NoData', cause: 'NotScraped' });
  for (let count = 1; count < 30; count++) say(count);
  expect(say(30).verdict).toBe('Pass');
  // kills: ticks without a process that count as whole, so that the last pass stands for ever
  for (let count = 31; count < 60; count++) {
    const { verdict, cause, message } = say(count, true);
    expect({ verdict, cause }).toEqual({ verdict: 'NoData', cause: 'NotScraped' });
    expect(message).toContain('no process of the gateway');
  }
  const { verdict, evidence } = say(60);
  expect(verdict).toBe('Pass');
  expect(evidence.canary.total, 'what it counted meanwhile is counted now').toBe(59 * 150);
});
