import { expect, test } from 'vitest';
import type { EventsSli } from '#core/gate.ts';
import { countsOf, readTick } from '#gates/evidence.ts';
import type { Look, TickSamples } from '#gates/samples.ts';
import type { Asks, Point } from '#operator/gate-asks.ts';
import { readEdge } from '#operator/gate-edge.ts';
import { plan } from '#sources/planner.ts';
import { share } from '#sources/share.ts';

const split = { by: 'Label', label: 'service', stable: 'shop-web-80@.*', canary: 'shop-web-canary-80@.*' } as const;
const sli: EventsSli = {
  kind: 'events',
  total: { metric: 'service_requests_total', matchers: [] },
  bad: { metric: 'service_requests_total', matchers: [{ label: 'code', op: '=~', value: '5..' }] },
};
const scrapeMs = 1000;
const rules = { maxConcurrent: 4, maxQueryLength: 60_000, window: undefined };

/** Requests and failures by gateway process and service. */
type Shown = Record<string, Record<string, [total: number, bad: number]>>;

function source(at: number, shown: Shown): Asks {
  const points = (part: 0 | 1): Point[] =>
    Object.entries(shown).flatMap(([pod, services]) =>
      Object.entries(services).map(([service, counts]) => ({ labels: labels(pod, service), value: counts[part] })),
    );
  return {
    async ask(question, span) {
      if (!('what' in question)) throw new Error('the question can be shared');
      const { what, selector } = question;
      const counts = points(selector.matchers.some(({ label }) => label === 'code') ? 1 : 0);
      const all = what === 'Counts' ? counts : counts.map(({ labels: own }) => ({ labels: own, value: at / 1000 }));
      const samples = all.map((point) => ({ ...point, at }));
      const [query] = plan([{ ...question, span }], rules);
      if (query === undefined) throw new Error('nothing is asked');
      return share(query, { kind: 'vector', samples, histograms: [] })[0]?.grid ?? new Map();
    },
  };
}

function labels(pod: string, service?: string): Record<string, string> {
  return { namespace: 'gateway', pod, instance: pod, ...(service === undefined ? {} : { service }) };
}

/** Increments of each tick after the first. */
async function counted(ticks: readonly Shown[]) {
  let before: Look | undefined;
  const all = [];
  for (const [index, shown] of ticks.entries()) {
    const at = 600_000 + index * 1000;
    const tick: TickSamples = (
      await readEdge(source(at, shown), {
        ...{ sli, split, scrapeMs },
        span: { from: at, to: at, stepMs: 1000 },
      })
    )(at);
    const reading = readTick({ before, tick, pods: tick.pods ?? [], scrapeMs });
    before = reading.look;
    const { canary, stable } = countsOf(reading.sums, false);
    if (index > 0) all.push([canary.total, canary.bad, stable.total, stable.bad]);
  }
  return all;
}

const web = 'shop-web-80@gw';
const canary = 'shop-web-canary-80@gw';

test.each([
  {
    name: "the canary's first requests",
    because: 'its series is born in a process that was looked at before',
    // kills: a canary whose first failures are taken for old ones
    ticks: [{ g: { [web]: [100, 1] } }, { g: { [web]: [190, 2], [canary]: [10, 4] } }],
    want: [[10, 4, 90, 1]],
  },
  {
    name: 'several processes of the gateway',
    because: 'growth is summed, never the counters',
    ticks: [
      { g: { [web]: [100, 0] }, h: { [web]: [5, 0] } },
      { g: { [web]: [110, 0] }, h: { [web]: [25, 3] } },
    ],
    want: [[0, 0, 30, 3]],
  },
  {
    name: 'a process that is new to us',
    because: 'what it served before we looked is not known',
    ticks: [{ g: { [web]: [100, 0] } }, { g: { [web]: [110, 0] }, h: { [web]: [5000, 0] } }],
    want: [[0, 0, 10, 0]],
  },
  {
    name: 'a restart of the gateway',
    because: 'its counters fall, and the tick of that process cannot be read',
    ticks: [{ g: { [web]: [100, 9] } }, { g: { [web]: [7, 0] } }, { g: { [web]: [27, 0] } }],
    want: [
      [0, 0, 0, 0],
      [0, 0, 20, 0],
    ],
  },
  {
    name: 'nothing of another Service',
    because: 'its name may begin alike',
    // kills: a pattern that matches a part of the value
    ticks: [
      { g: { [web]: [100, 0], 'shop-web-80-more': [1, 1] } },
      { g: { [web]: [101, 0], 'shop-web-80-more': [9, 9] } },
    ],
    want: [[0, 0, 1, 0]],
  },
] as { name: string; because: string; ticks: Shown[]; want: number[][] }[])('counts $name', async (row) => {
  expect(await counted(row.ticks), row.because).toEqual(row.want);
});
