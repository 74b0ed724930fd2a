import fc from 'fast-check';
import { expect, test } from 'vitest';
import { STALE_SCRAPES, START_SLACK_MS } from '#gates/bounds.ts';
import { addCounts, noCounts } from '#gates/burn.ts';
import { countsOf, readTick } from '#gates/evidence.ts';
import type { ArmCounts, Look, PodInfo } from '#gates/samples.ts';
import { Drill, short } from './drill.ts';
import { context, gate, Service } from './service.ts';

const scrapeMs = 10_000;

/**
 * A service whose every request of a warm-up fails and no other does, and a gate that looks at each scrape of it. Where
 * the first scrape after the warm-up is, is told here by the clock alone.
 */
class World {
  readonly service = new Service();
  counted: ArmCounts = noCounts;
  /** Served by processes after the look from which on they are counted. */
  readonly due = { canary: 0, stable: 0 };
  private readonly begun = new Set<string>();
  /** When processes really started: Kubernetes tells whole seconds. */
  private readonly starts = new Map([['new', 999_000]]);
  private look: Look | undefined;
  private now = 1_000_000;
  private readonly warmUpMs: number;

  constructor(warmUpMs: number) {
    this.warmUpMs = warmUpMs;
    this.service.add('old', 'stable', 0, { total: 1000, bad: 0 });
    this.service.add('new', 'canary', 999_000);
    this.see();
  }

  /** Prometheus scrapes all, and the gate looks at it. */
  see(): void {
    this.now += scrapeMs;
    const { service, now } = this;
    service.scrape(now);
    const reading = readTick({
      before: this.look,
      tick: service.tick(now),
      pods: service.infos(),
      scrapeMs,
      warmUpMs: this.warmUpMs,
    });
    this.look = reading.look;
    this.counted = addCounts(this.counted, countsOf(reading.sums, false));
    for (const { name, startedAt, total } of service.pods.values()) {
      // Of a pod without a series it is known only that it was scraped within the last three scrapes.
      const shown = total === undefined ? now - STALE_SCRAPES * scrapeMs : now;
      if (shown >= startedAt + this.warmUpMs + START_SLACK_MS) this.begun.add(name);
    }
  }

  serve(index: number, requests: number): void {
    const name = this.nameOf(index);
    const { arm } = this.service.pod(name);
    this.now += 250;
    const warming = this.now < (this.starts.get(name) ?? 0) + this.warmUpMs;
    this.service.serve(name, requests, warming ? requests : 0);
    if (this.begun.has(name)) this.due[arm] += requests;
  }

  birth(): void {
    const { size } = this.service.pods;
    if (size >= 4) return;
    this.service.add(`pod-${size}`, size % 2 === 0 ? 'canary' : 'stable', Math.floor(this.now / 1000) * 1000);
    this.starts.set(`pod-${size}`, this.now);
  }

  /** Its last scrape shows all that the process has served. */
  restart(index: number): void {
    this.see();
    const name = this.nameOf(index);
    this.now += 3000;
    this.service.restart(name, this.now);
    this.starts.set(name, this.now);
    this.begun.delete(name);
    this.now += 3000;
  }

  private nameOf(index: number): string {
    const names = [...this.service.pods.keys()];
    return names[index % names.length] ?? 'old';
  }
}

const happening = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.nat(3), fc.nat(40)).map(
      ([pod, n]) =>
        (world: World) =>
          world.serve(pod, n),
    ),
  },
  { weight: 5, arbitrary: fc.constant((world: World) => world.see()) },
  { weight: 1, arbitrary: fc.constant((world: World) => world.birth()) },
  { weight: 1, arbitrary: fc.nat(3).map((pod) => (world: World) => world.restart(pod)) },
);

test('law: no request of a warm-up is counted, and none is lost from the first scrape after it on', () => {
  // kills: a base that is not taken when the warm-up ends, a birth that is counted whole, a restart that is warm at once,
  // no slack for starts cut to seconds, a first request that is lost because its pod was silent until then.
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 120 }), fc.constantFrom(1000, 15_000, 60_000), (all, warmUpMs) => {
      const world = new World(warmUpMs);
      for (const happens of all) happens(world);
      world.see();
      const { canary, stable } = world.counted;
      expect([canary.bad, stable.bad], 'of the warm-up').toEqual([0, 0]);
      expect({ canary: canary.total, stable: stable.total }, 'of the rest').toEqual(world.due);
    }),
    { numRuns: 500, seed: 21 },
  );
});

const process = { process: 'p', pod: 'c-1', container: '', scrapedAt: 100_000 };
const before: Look = {
  since: 0,
  names: ['total'],
  bases: new Map([['p', { pod: 'c-1', container: '', values: [10], life: undefined, scrapedAt: 90_000 }]]),
  scraped: new Set(['c-1']),
};

test.each([
  { name: 'an old pod', because: 'all of its containers are warm', starts: [0, 0], grown: 5, warming: [] },
  {
    name: 'a pod with one young container',
    because: 'it may be the one that counts: nothing says which is',
    starts: [0, 85_000],
    grown: 0,
    warming: ['c-1'],
  },
  {
    name: 'a pod without a container that is known',
    because: 'a gateway stands for the pods of an arm and has no start',
    starts: [],
    grown: 5,
    warming: [],
  },
])('series without a container label of $name: $because', ({ starts, grown, warming }) => {
  const pod: PodInfo = {
    pod: 'c-1',
    arm: 'canary',
    available: true,
    containers: starts.map((startedAt, index) => ({ name: `c${index}`, startedAt })),
  };
  const tick = {
    at: 105_000,
    names: ['total'],
    samples: [{ ...process, values: [15] }],
    targets: [{ pod: 'c-1', count: 1, up: 1 }],
  };
  const reading = readTick({ before, tick, pods: [pod], scrapeMs, warmUpMs: 30_000 });
  expect(reading.sums.canary).toEqual([grown]);
  expect(reading.warming).toEqual(warming);
});

const warm = { ...context, gate: { ...gate, warmUpMs: 30_000 } };

test('a canary that warms up is not dark, and its step is not left until its pods were seen', () => {
  // kills: requests that are not counted taken for requests that were not finished.
  const drill = new Drill({}, warm);
  drill.service.restart('c-1', drill.now);
  const load = { canary: [100, 0], stable: [900, 1] } satisfies Parameters<Drill['tick']>[0];
  const young = drill.ticks(2, load);
  expect(young.map(short)).toEqual(['Inconclusive/WarmingUp', 'Inconclusive/WarmingUp']);
  expect(young[1]?.message).toBe('pod c-1 of the canary is warming up: counted from 30s after its start on');
  expect(young[1]?.evidence.canary.total).toBe(0);
  const grown = drill.ticks(20, load).at(-1);
  expect(grown?.verdict).toBe('Pass');
  expect(grown?.evidence.canary.total, 'less than the ticks of the warm-up and that of its base').toBe(1900);
  // kills: a pass while a pod that came later was not seen at all.
  drill.service.add('c-2', 'canary', drill.now);
  expect(short(drill.tick(load))).toBe('Inconclusive/WarmingUp');
  expect(drill.ticks(4, load).map(short).at(-1)).toBe('Pass');
});

test('a canary that hangs is dark from its first second on', () => {
  // kills: silence of a young canary that is nobody's fault.
  const drill = new Drill({}, warm);
  drill.service.restart('c-1', drill.now);
  Object.assign(drill.service.pod('c-1'), { total: 0, bad: 0 });
  expect(drill.ticks(2, { stable: [900, 1] }).map(short)).toContain('Fail/DarkCanary');
});

test('both arms bad is told while the canary warms up', () => {
  // kills: a shared outage that hides behind a young pod.
  const drill = new Drill({}, warm);
  drill.ticks(10, { canary: [100, 20], stable: [900, 180] });
  drill.service.restart('c-1', drill.now);
  expect(short(drill.tick({ canary: [100, 20], stable: [900, 180] }))).toBe('Inconclusive/BothArmsBad');
});
