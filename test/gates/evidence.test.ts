import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addCounts, noCounts } from '#gates/burn.ts';
import { countsOf, joinCounters, readTick, sampleProblem } from '#gates/evidence.ts';
import type { ArmCounts, CounterSample, Look, PodInfo, TickSamples } from '#gates/samples.ts';
import { Service } from './service.ts';

const scrapeMs = 10_000;

/** A service, and a gate that folds looks at it: a tick that misses a pod is left for the next one. */
class World {
  readonly service = new Service();
  counted: ArmCounts = noCounts;
  private look: Look | undefined;
  private now = 1_000_000;

  constructor(before: number) {
    this.service.add('a', 'stable', 0, { total: before, bad: before % 7 });
    this.service.add('b', 'canary', 0, { total: before % 13, bad: 0 });
    this.service.scrape(this.now);
    this.tick();
  }

  tick(): void {
    const { look: before, service } = this;
    const reading = readTick({ before, tick: service.tick(this.now), pods: service.infos(), scrapeMs });
    if (reading.unscraped.length > 0 && before !== undefined) return;
    this.look = reading.look;
    this.counted = addCounts(this.counted, countsOf(reading.sums, false));
  }

  after(ms: number): number {
    this.now += ms;
    return this.now;
  }

  scrape(mask: number): void {
    const names = [...this.service.pods.keys()];
    this.service.scrape(
      this.now,
      names.filter((_, index) => ((mask >> index) & 1) === 1),
    );
  }

  serve(pod: number, total: number, bad: number): void {
    this.service.serve(this.name(pod), total, Math.min(bad, total));
  }

  birth(): void {
    const { size } = this.service.pods;
    const startedAt = Math.floor(this.now / 1000) * 1000;
    if (size < 4) this.service.add(`pod-${size}`, size % 2 === 0 ? 'canary' : 'stable', startedAt);
  }

  /** Only what a scrape saw can be counted: here the dying process is seen once more, and by a tick. */
  seenRestart(pod: number): void {
    this.service.scrape(this.after(1000));
    this.tick();
    this.service.restart(this.name(pod), this.after(1000));
    this.after(2000);
  }

  restart(pod: number): void {
    this.service.restart(this.name(pod), this.now);
  }

  private name(pod: number): string {
    const names = [...this.service.pods.keys()];
    return names[pod % names.length] ?? 'a';
  }
}

const happening = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.nat(3), fc.nat(50), fc.nat(5)).map(
      ([pod, total, bad]) =>
        (world: World) =>
          world.serve(pod, total, bad),
    ),
  },
  { weight: 3, arbitrary: fc.nat(15).map((mask) => (world: World) => world.scrape(mask)) },
  { weight: 3, arbitrary: fc.constant((world: World) => world.tick()) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.birth()) },
);
const seenRestart = fc.nat(3).map((pod) => (world: World) => world.seenRestart(pod));
const restart = fc.nat(3).map((pod) => (world: World) => world.restart(pod));

test('law: increments sum to what was served, whatever the order of scrapes, ticks, births and restarts', () => {
  // kills: births of series or pods not counted, resets counted as growth, bases moved by ticks that were not counted.
  const events = fc.array(fc.oneof({ weight: 9, arbitrary: happening }, { weight: 1, arbitrary: seenRestart }), {
    maxLength: 80,
  });
  fc.assert(
    fc.property(events, fc.nat(100_000), (all, before) => {
      const world = new World(before);
      for (const event of all) {
        world.after(3000);
        event(world);
      }
      world.service.scrape(world.after(5000));
      world.tick();
      expect(world.counted).toEqual(world.service.truth);
    }),
    { numRuns: 500, seed: 11 },
  );
});

test('law: nothing is counted that was not served, even when restarts hide requests', () => {
  // kills: a value counted again after a restart that the pod shows before its first scrape does.
  const events = fc.array(fc.oneof({ weight: 9, arbitrary: happening }, { weight: 1, arbitrary: restart }), {
    maxLength: 80,
  });
  fc.assert(
    fc.property(events, fc.nat(100_000), (all, before) => {
      const world = new World(before);
      for (const event of all) {
        world.after(700);
        event(world);
      }
      const { counted, service } = world;
      for (const arm of ['canary', 'stable'] as const) {
        expect(counted[arm].total).toBeLessThanOrEqual(service.truth[arm].total);
        expect(counted[arm].bad).toBeLessThanOrEqual(service.truth[arm].bad);
      }
    }),
    { numRuns: 500, seed: 12 },
  );
});

const at = 600_000;
const names = ['total', 'bad'];

function shown(value: number, more: Partial<CounterSample> = {}): CounterSample {
  return { process: 'n/p/app/i', pod: 'p', container: 'app', value, scrapedAt: at - 1000, ...more };
}

function pod(startedAt: number, more: Partial<PodInfo> = {}): PodInfo {
  return { pod: 'p', arm: 'canary', available: true, containers: [{ name: 'app', startedAt }], ...more };
}

function samples(total: CounterSample[], bad: CounterSample[] = []): TickSamples {
  return { at, names, samples: joinCounters([total, bad]), targets: [{ pod: 'p', count: 1, up: 1 }] };
}

function base(total: number, bad: number, life = 1000): Look {
  const known = { pod: 'p', container: 'app', values: [total, bad], life, scrapedAt: at - 11_000 };
  return { since: 500_000, names, bases: new Map([['n/p/app/i', known]]), scraped: new Set(['p']) };
}

const unseen: Look = { since: 500_000, names, bases: new Map(), scraped: new Set() };
const twoContainers = [
  { name: 'app', startedAt: 1000 },
  { name: 'proxy', startedAt: at - 5000 },
];

test.each([
  {
    name: 'growth',
    because: 'the usual case',
    before: base(10, 1),
    tick: samples([shown(30)], [shown(4)]),
    pods: [pod(1000)],
    want: [20, 3],
  },
  {
    name: 'the birth of a bad series',
    because: 'it appears with the first failures, not with 0',
    before: base(10, 0),
    tick: samples([shown(30)], [shown(3)]),
    pods: [pod(1000)],
    want: [20, 3],
  },
  {
    name: 'no bad series',
    because: 'requests without failures',
    before: base(10, 0),
    tick: samples([shown(30)]),
    pods: [pod(1000)],
    want: [20, 0],
  },
  {
    name: 'a young pod',
    because: 'it counted nothing before we looked',
    before: unseen,
    tick: samples([shown(7)], [shown(2)]),
    pods: [pod(550_000)],
    want: [7, 2],
  },
  {
    name: 'an old pod at first sight',
    because: 'its counts are older than our look',
    before: unseen,
    tick: samples([shown(7)], [shown(2)]),
    pods: [pod(400_000)],
    want: [0, 0],
  },
  {
    name: 'the first request of an old pod',
    because: 'its target was scraped and showed nothing',
    before: { ...unseen, scraped: new Set(['p']) },
    tick: samples([shown(1)], [shown(1)]),
    pods: [pod(400_000)],
    want: [1, 1],
  },
  {
    name: 'the first look of all',
    because: 'there is nothing to take a difference from',
    before: undefined,
    tick: samples([shown(7)]),
    pods: [pod(550_000)],
    want: [0, 0],
  },
  {
    name: 'a restart',
    because: 'all that it shows is new',
    before: base(100, 9),
    tick: samples([shown(7)], [shown(2)]),
    pods: [pod(at - 8000)],
    want: [7, 2],
  },
  {
    name: 'a restart that has grown past its base',
    because: 'the start tells it, not the value',
    before: base(5, 0),
    tick: samples([shown(7)], [shown(2)]),
    pods: [pod(at - 8000)],
    want: [7, 2],
  },
  {
    name: 'a restart not yet scraped',
    because: 'the sample is of the old life',
    before: base(5, 0),
    tick: samples([shown(7)]),
    pods: [pod(at - 500)],
    want: [2, 0],
  },
  {
    name: 'a restart within the slack of clocks',
    because: 'old and new life look the same: later',
    before: base(5, 0),
    tick: samples([shown(7)]),
    pods: [pod(at - 2000)],
    want: [0, 0],
  },
  {
    name: 'a fall without a restart',
    because: 'nobody knows what happened in between',
    before: base(100, 9),
    tick: samples([shown(90)], [shown(10)]),
    pods: [pod(1000)],
    want: [0, 0],
  },
  {
    name: 'the restart of a sidecar',
    because: 'the counter is in another process',
    before: base(5, 0),
    tick: samples([shown(7)]),
    pods: [pod(1000, { containers: twoContainers })],
    want: [2, 0],
  },
  {
    name: 'a restart of one of two, container unknown',
    because: 'a counter that did not fall is not counted again',
    before: {
      ...base(5, 0),
      bases: new Map([
        ['n/p/app/i', { pod: 'p', container: '', values: [5, 0], life: undefined, scrapedAt: at - 11_000 }],
      ]),
    },
    tick: samples([shown(7, { container: '' })]),
    pods: [pod(1000, { containers: twoContainers })],
    want: [2, 0],
  },
  {
    name: 'a container that waits',
    because: 'the last scrape of a dead process is no birth',
    before: base(5, 0),
    tick: samples([shown(7)]),
    pods: [pod(1000, { containers: [] })],
    want: [2, 0],
  },
  {
    name: 'a relabelled target',
    because: 'the same process under another name was counted already',
    before: base(5, 0),
    tick: samples([shown(7, { process: 'n/p/app/other' })]),
    pods: [pod(1000)],
    want: [0, 0],
  },
  {
    name: 'a pod of another release',
    because: 'only pods of the two arms count',
    before: unseen,
    tick: samples([shown(7)]),
    pods: [],
    want: [0, 0],
  },
  {
    name: 'an old sample',
    because: 'a source shows the dead for minutes',
    before: base(5, 0),
    tick: samples([shown(7, { scrapedAt: at - 31_000 })]),
    pods: [pod(1000)],
    want: [0, 0],
  },
  {
    name: 'more failures than requests',
    because: 'a request may be in one counter and not yet in the other',
    before: base(5, 0),
    tick: samples([shown(7)], [shown(3)]),
    pods: [pod(1000)],
    want: [2, 2],
  },
])('counts: $name', ({ before, tick, pods, want, because }) => {
  const { canary } = countsOf(readTick({ before, tick, pods, scrapeMs }).sums, false);
  expect([canary.total, canary.bad], because).toEqual(want);
});

test('good events are taken from the total', () => {
  const tick = samples([shown(30)], [shown(25)]);
  const { sums } = readTick({ before: base(10, 8), tick, pods: [pod(1000)], scrapeMs });
  expect(countsOf(sums, true).canary).toEqual({ total: 20, bad: 3 });
});

test.each([
  { name: 'in another order', names: ['bad', 'total'], values: [4, 30], want: [3, 20] },
  { name: 'with one that is new', names: ['total', 'bad', 'slow'], values: [30, 4, 900], want: [20, 3, 0] },
  { name: 'without one', names: ['total'], values: [30], want: [20] },
])('counters $name go on from what they were', ({ names: asked, values, want }) => {
  // kills: a counter that was not asked for before, counted with all of its life
  const { value: _, ...process } = shown(0);
  const tick: TickSamples = { at, names: asked, samples: [{ ...process, values }], targets: [] };
  const { sums, look } = readTick({ before: base(10, 1), tick, pods: [pod(1000)], scrapeMs });
  expect(sums.canary).toEqual(want);
  expect(look.names).toEqual(asked);
});

test.each([
  {
    name: 'scraped',
    tick: samples([shown(7)]),
    pods: [pod(1000)],
    want: { unscraped: [], overdue: [], untargeted: [], doubled: [] },
  },
  {
    name: 'nothing new',
    tick: samples([shown(7, { scrapedAt: at - 11_000 })]),
    pods: [pod(1000)],
    want: { unscraped: ['p'], overdue: [] },
  },
  {
    name: 'nothing new for long',
    tick: { ...samples([]), targets: [{ pod: 'p', count: 1, up: 0 }], at: at + 30_000 },
    pods: [pod(1000)],
    want: { unscraped: ['p'], overdue: ['p'], untargeted: [] },
  },
  {
    name: 'no target',
    tick: { ...samples([]), targets: [] },
    pods: [pod(1000)],
    want: { unscraped: ['p'], untargeted: ['p'] },
  },
  {
    name: 'not available',
    tick: { ...samples([]), targets: [] },
    pods: [pod(1000, { available: false })],
    want: { unscraped: [], untargeted: [] },
  },
  {
    name: 'two targets',
    tick: { ...samples([shown(7)]), targets: [{ pod: 'p', count: 2, up: 2 }] },
    pods: [pod(1000)],
    want: { doubled: ['p'] },
  },
  {
    name: 'new, not yet discovered',
    tick: { ...samples([]), targets: [] },
    pods: [pod(at - 5000, { pod: 'q' })],
    want: { unscraped: [] },
  },
])('scrapes: $name', ({ tick, pods, want }) => {
  expect(readTick({ before: base(5, 0), tick, pods, scrapeMs })).toMatchObject(want);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1])('%s is no counter', (value) => {
  expect(sampleProblem(samples([shown(value)]))).toBe(`the counter of n/p/app/i is ${value}`);
  expect(sampleProblem(samples([shown(1)], [shown(value)]))).toBe(`the counter of n/p/app/i is ${value}`);
});

test('a process that is there twice is refused', () => {
  expect(sampleProblem(samples([shown(1), shown(2)]))).toBe('n/p/app/i is there twice');
  expect(sampleProblem(samples([shown(1)], [shown(0)]))).toBeUndefined();
});
