import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sameJson } from '#lib/json.ts';
import type { Lab } from '../../lab/connect.ts';
import type { LoadReport } from '../../lab/load/recorder.ts';
import type { Fault } from '../../lab/proxy/faults.ts';
import { killHard } from '../../lab/proxy/pids.ts';
import { startProxy, type Write, type WriteProxy } from '../../lab/proxy/proxy.ts';
import { createStorm, type Storm, type StormReport } from '../../lab/proxy/storm.ts';
import { waitFor } from '../../lab/wait.ts';
import { type Journal, openJournal } from './journal.ts';
import { type Portrait, portraitOf } from './portrait.ts';
import type { AppSpec } from './shop.ts';
import { type App, type Load, type OperatorProcess, openStage, type Stage, TICK_MS } from './stage.ts';
import { labelOf } from './write-label.ts';

/** Where the operator is stopped: at the n-th write of a name, before it leaves or after it was answered. */
export interface CrashPoint {
  label: string;
  nth: number;
  when: 'before' | 'after';
}

export interface Run {
  /** False: the release had no such write. */
  hit: boolean;
  writes: Write[];
  /** Route weights in their order. */
  ladder: number[];
  /** Weights that no record allowed. */
  overgrants: string[];
  podsStarted: number[];
  portrait: Portrait;
  /** Requests that failed and were not answered by the canary. */
  failed: number;
  /** All failures of the lane so far, by image and pod, when there were some. */
  failures: string[];
  offered: number;
  tookMs: number;
  /** Requests that the canary answered, and those that were sent after the last fault was over. */
  exposed: Exposure;
  /** How often each fault of the storm has hit. */
  hits: number[];
  /** From the end of the last fault to the end of the release. */
  healingMs: number;
}

export interface Exposure {
  all: number;
  afterHealing: number;
}

/** What goes wrong on the way of one release. */
export interface Disturbance {
  crash?: CrashPoint;
  faults?: readonly Fault[];
  seed?: number;
}

export interface LaneOptions {
  /** Requests a second of each kind of client. */
  rate: number;
  /** Operators that compete for one Lease, each with a line of its own [1]. */
  operators?: 1 | 2;
  environment?: Record<string, string>;
}

/** One application with its operator behind a proxy, a supervisor that starts it again, and steady traffic. */
export interface Lane {
  readonly operators: 1 | 2;
  /** Runs one release until `done` holds of what stands in the cluster, or until its time is over. */
  release(image: string, options: Disturbance & { done: (portrait: Portrait) => boolean }): Promise<Run>;
  /** Back to the stable template, until nothing of the last release is left. */
  clear(): Promise<void>;
  /** Ends of the operator that no crash point asked for. */
  unwanted(): number;
  close(): Promise<void>;
}

/**
 * A lease that runs out soon, so that another operator leads after three seconds, and no figures by the clock, so that
 * the same release makes the same writes. What an operator compiled the next one of the lab need not compile again.
 */
export function quickStart(lab: Lab): Record<string, string> {
  return {
    HEADGATE_LEASE_DURATION: '3s',
    HEADGATE_RENEW_DEADLINE: '2500ms',
    HEADGATE_RETRY_PERIOD: '400ms',
    HEADGATE_FIGURES_EVERY: '1h',
    NODE_COMPILE_CACHE: join(lab.dir, 'compiled'),
  };
}

/** Two pods, two steps, the shortest holds that still count requests. */
export const shortRelease: Omit<AppSpec, 'namespace'> = {
  name: 'shop',
  image: 'lab/shop:v0',
  replicas: 2,
  objective: '90',
  steps: [
    { weight: 20, hold: '1s' },
    { weight: 50, hold: '1s' },
  ],
  // Longer than a watch without a word is believed, as the default of ten minutes is.
  rollout: { settle: '1s', scaleDownDelay: '2s', revisionHistoryLimit: 0, progressDeadline: '150s' },
};

/** Ticks that a release may take with one restart in it, on a machine that runs many at once. */
const TICKS_MAX = 240;

interface Parts {
  lab: Lab;
  stage: Stage;
  proxy: WriteProxy;
  app: App;
  load: Load;
  journal: Journal;
  storm: Storm;
  keepers: Keeper[];
}

const CLIENTS = ['first', 'second'] as const;

export async function openLane(lab: Lab, name: string, options: LaneOptions): Promise<Lane> {
  const { rate, operators = 1 } = options;
  const target = { server: lab.apiServer, ca: readFileSync(lab.caFile, 'utf8') };
  const clients = CLIENTS.slice(0, operators);
  const storm = createStorm(clients);
  const proxy = await startProxy({ target, address: lab.hostAddress, clients, label: labelOf, storm });
  const stage = await openStage(lab, name);
  const environment = { ...quickStart(lab), ...options.environment };
  const keepers = clients.map((client) =>
    keep(() => stage.startOperator({ name: client, server: proxy.url(client), environment })),
  );
  const app = await stage.open(shortRelease);
  const journal = openJournal(lab, app.spec);
  const load = await app.load(rate);
  const parts: Parts = { lab, stage, proxy, app, load, journal, storm, keepers };
  let stable = 'lab/shop:v0';
  return {
    operators,
    async release(image, wish) {
      const run = await runRelease(parts, { old: stable, image, ...wish });
      if (run.portrait.stable === 'new') stable = image;
      return run;
    },
    async clear() {
      await app.apply({ image: stable });
      const names = { [stable]: 'old' };
      await waitFor('the last release to be gone', async () => {
        const { phase, sets, pods, route } = await portraitOf(lab, app, names);
        const clear =
          phase === 'Healthy' && !route.fenced && [...sets, ...pods].every((text) => text.startsWith('old'));
        return clear ? true : undefined;
      });
    },
    unwanted: () => keepers.reduce((sum, keeper) => sum + keeper.unwanted(), 0),
    async close() {
      await journal.close();
      // The operator still gives the traffic back; when that is done it may go for good.
      for (const keeper of keepers) keeper.letGo();
      await stage.close();
      for (const keeper of keepers) await keeper.over;
      await proxy.close();
    },
  };
}

interface Wish extends Disturbance {
  old: string;
  image: string;
  done: (portrait: Portrait) => boolean;
}

async function runRelease(parts: Parts, { old, image, crash, faults = [], seed = 0, done }: Wish): Promise<Run> {
  const { lab, proxy, app, load, journal, storm } = parts;
  const names = { [old]: 'old', [image]: 'new' };
  await journal.catchUp();
  const since = journal.mark();
  const before = await load.report();
  const startedAt = performance.now();
  proxy.reset();
  const shot = aim(parts, crash);
  storm.arm(faults, seed);
  await app.apply({ image });
  const portrait = await settle(() => portraitOf(lab, app, names), done);
  const tookMs = Math.round(performance.now() - startedAt);
  const weather = storm.report();
  const healingMs = Date.now() - (weather.healedAt ?? Date.now());
  storm.disarm();
  await journal.catchUp();
  const after = await load.report();
  const lost = failuresOf(after, image) - failuresOf(before, image);
  return {
    hit: shot.hit,
    writes: proxy.writes(),
    ladder: journal.ladder(since),
    overgrants: journal.overgrants(since),
    podsStarted: Object.values(journal.podsStarted(since)),
    portrait,
    failed: lost,
    failures: lost === 0 ? [] : after.results.filter(({ result }) => result !== '2xx').map(rowText),
    offered: offeredIn(after) - offeredIn(before),
    tookMs,
    exposed: exposureOf(image, { before, after, weather }),
    hits: weather.hits,
    healingMs,
  };
}

function exposureOf(
  image: string,
  { before, after, weather }: { before: LoadReport; after: LoadReport; weather: StormReport },
): Exposure {
  const all = ({ results }: LoadReport) => sum(results.filter((row) => row.image === image).map(({ count }) => count));
  // The second in which the last fault ended is not wholly after it.
  const healed = Math.ceil((weather.healedAt ?? Number.POSITIVE_INFINITY) / 1000);
  const late = after.seconds.filter((row) => row.image === image && row.second >= healed);
  return { all: all(after) - all(before), afterHealing: sum(late.map(({ count }) => count)) };
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function aim({ proxy, keepers }: Parts, crash: CrashPoint | undefined): { hit: boolean } {
  const shot = { hit: false };
  if (crash === undefined) return shot;
  const { label, nth, when } = crash;
  proxy.at({
    ...{ client: CLIENTS[0], label, write: nth, when },
    act() {
      shot.hit = true;
      keepers[0]?.kill();
      return 'drop';
    },
  });
  return shot;
}

/** The portrait that is done, or the last one when the time is over: the test says what is wrong with it. */
async function settle(look: () => Promise<Portrait>, done: (portrait: Portrait) => boolean): Promise<Portrait> {
  let last: Portrait | undefined;
  const probe = async () => {
    last = await look();
    return done(last) ? last : undefined;
  };
  return waitFor('the release to end', probe, { withinMs: TICKS_MAX * TICK_MS, everyMs: 250 }).catch((error) => {
    if (last === undefined) throw error;
    return last;
  });
}

/** A canary that is made to fail does so; nothing else may. */
function failuresOf({ results }: LoadReport, canary: string): number {
  const scripted = (image: string) => image === canary && image.includes('-errors-');
  const failures = results.filter(({ result, image }) => result !== '2xx' && !scripted(image));
  return sum(failures.map(({ count }) => count));
}

function rowText({ client, image, pod, result, count }: LoadReport['results'][number]): string {
  return `${count} × ${result} of ${image} in ${pod} for the ${client}`;
}

function offeredIn({ offered }: LoadReport): number {
  return offered.gateway + offered.service;
}

/** Equal portraits; times and counts are not in them. */
export function same(expected: Portrait): (portrait: Portrait) => boolean {
  return (portrait) => sameJson(portrait, expected);
}

interface Keeper {
  kill(): void;
  unwanted(): number;
  /** The next end is the last one. */
  letGo(): void;
  over: Promise<void>;
}

/** Does what the kubelet does for a container: whenever the operator ends, it is started again at once. */
function keep(start: () => Promise<OperatorProcess>): Keeper {
  let closing = false;
  let wanted = 0;
  let ends = 0;
  let running: OperatorProcess | undefined;
  const loop = async () => {
    while (!closing) {
      running = await start();
      if (running.child.exitCode === null && running.child.signalCode === null) await once(running.child, 'exit');
      ends += 1;
    }
  };
  return {
    over: loop(),
    kill() {
      wanted += 1;
      if (running !== undefined) killHard(running.pid);
    },
    unwanted: () => ends - wanted,
    letGo() {
      closing = true;
    },
  };
}
