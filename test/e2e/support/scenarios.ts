import { seeded } from '../../lab/pods/seeded.ts';
import type { Aim, Fault, Ill, Verb } from '../../lab/proxy/faults.ts';

/** What goes wrong between the operator and the API server in one release, as data. */
export interface Scenario {
  name: string;
  because: string;
  /** A bad release is hit on its way back. */
  release: 'good' | 'bad';
  faults: readonly Fault[];
  seed?: number;
  /** Two operators compete for the Lease [1]. */
  operators?: 2;
  /** Also in runs that are not long: one of the ten most telling. */
  always?: true;
  /** Most ticks from the end of the last fault to the end of the release [60]. */
  ticks?: number;
  /** The weight may go down on the way and rise again: down is free where the record looks older than the route. */
  dips?: boolean;
}

const WRITES: readonly Verb[] = ['create', 'update', 'patch', 'delete'];
const writes = { verbs: WRITES };
const status = { verbs: ['update'], resources: ['rollouts'], status: true } satisfies Aim;
const routeWrites = { verbs: ['patch'], resources: ['httproutes'] } satisfies Aim;
const setWrites = { verbs: WRITES, resources: ['replicasets'] } satisfies Aim;
const leases = { resources: ['leases'] } satisfies Aim;
/** Of the leader: what the other one sees changes nothing. */
const watches = { verbs: ['watch'], client: 'leader' } satisfies Aim;
const watchOf = (...resources: string[]): Aim => ({ ...watches, resources });

/** Moments of a release, by the record or write that begins them. */
const GRANTED = 'Shifting step 0 weight 20000';
const HELD = 'Holding step 0 weight 20000 accepted arrived';
const JOINED = 'joined 1';
const COMMITTED = 'committed';

const code = (number: number, retryAfterSeconds?: number): Ill => ({
  ...{ kind: 'refused', code: number },
  ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
});
const slow = (ms: number, side: 'request' | 'answer' = 'answer'): Ill => ({ kind: 'slow', ms, side });
const stale: Ill = { kind: 'stale', ms: 3000 };

type Row = Omit<Scenario, 'release'>;

const calls: Row[] = [
  {
    name: 'requests are lost',
    because: 'a quarter of everything never arrives for twenty seconds',
    faults: [{ does: { kind: 'lost' }, chance: 0.25, forMs: 20_000 }],
  },
  {
    name: 'answers to writes are lost',
    because: 'whoever takes a lost answer for a lost write does everything twice',
    faults: [{ does: { kind: 'answer lost' }, to: writes, chance: 0.3, forMs: 25_000 }],
    always: true,
  },
  {
    name: 'the answers to grant and raise are lost',
    because: 'both were done: the weight must be the granted one and no more',
    faults: [
      { does: { kind: 'answer lost' }, to: { ...status, label: GRANTED }, times: 1 },
      { does: { kind: 'answer lost' }, to: { ...routeWrites, label: '20000' }, times: 1 },
      { does: { kind: 'answer lost' }, to: { ...routeWrites, label: '50000' }, times: 1 },
    ],
  },
  {
    name: 'writes are done and belied by 504',
    because: 'a slow etcd makes the API server say so of what it has stored',
    faults: [{ does: { kind: 'belied', code: 504 }, to: writes, chance: 0.4, forMs: 25_000 }],
    always: true,
  },
  {
    name: 'raises never arrive',
    because: 'a lost raise is written again',
    faults: [{ does: { kind: 'lost' }, to: routeWrites, times: 4 }],
  },
  {
    name: '409 on records',
    because: 'somebody else writes the Rollout all the time',
    faults: [{ does: code(409), to: status, times: 8 }],
    ticks: 90,
  },
  {
    name: '409 on every second write',
    because: 'each conflict is a new look and no reason to give up',
    faults: [{ does: code(409), to: { verbs: ['update', 'patch'] }, chance: 0.5, forMs: 20_000 }],
  },
  {
    name: '429 with Retry-After',
    because: 'the API server is to be left alone for as long as it says',
    faults: [{ does: code(429, 1), chance: 0.3, forMs: 20_000 }],
    always: true,
  },
  {
    name: '429 on records, for five seconds',
    because: 'the wait is longer than a step',
    faults: [{ does: code(429, 5), to: status, from: GRANTED, times: 2 }],
  },
  {
    name: '500 on everything now and then',
    because: 'a webhook or an etcd member is ill',
    faults: [{ does: code(500), chance: 0.3, forMs: 20_000 }],
  },
  {
    name: '503 on every write',
    because: 'nothing is written for ten seconds, and everything is read',
    faults: [{ does: code(503), to: writes, from: GRANTED, forMs: 10_000 }],
  },
  {
    name: 'slow answers',
    because: 'three seconds for each, and the lease goes on',
    faults: [{ does: slow(3000), to: { verbs: ['get', 'list', ...WRITES] }, forMs: 20_000 }],
  },
  {
    name: 'raises arrive late',
    because: 'what arrives four seconds later must still be granted then',
    faults: [{ does: slow(4000, 'request'), to: routeWrites, forMs: 25_000 }],
  },
  {
    name: 'half-open connections',
    because: 'nobody answers and nobody hangs up: the deadline of a call ends it',
    faults: [
      { does: { kind: 'half-open', side: 'answer' }, to: { ...status, label: GRANTED }, times: 1 },
      { does: { kind: 'half-open', side: 'request' }, to: { ...routeWrites, label: '50000' }, times: 1 },
    ],
  },
  {
    name: 'truncated bodies',
    because: 'half a JSON text is an answer that nobody has read',
    faults: [{ does: { kind: 'truncated' }, to: { verbs: ['get', 'list', ...WRITES] }, chance: 0.4, forMs: 20_000 }],
  },
  {
    name: 'pages in HTML instead of answers',
    because: 'code 200 of a captive proxy is no success',
    faults: [{ does: { kind: 'garbage' }, chance: 0.3, forMs: 20_000 }],
    always: true,
  },
  {
    name: 'only HTTPRoute writes fail',
    because: 'the grant is on record and the traffic does not follow',
    faults: [{ does: code(500), to: routeWrites, from: GRANTED, forMs: 10_000 }],
  },
  {
    name: 'only ReplicaSet writes fail',
    because: 'without pods there is no traffic',
    faults: [{ does: code(500), to: setWrites, forMs: 10_000 }],
  },
  {
    name: 'only records fail',
    because: 'without a record there is no raise',
    faults: [{ does: code(500), to: status, from: HELD, forMs: 10_000 }],
  },
  {
    name: 'only pod labels fail',
    because: 'in-cluster clients move by them alone',
    faults: [{ does: code(500), to: { ...writes, resources: ['pods'] }, from: JOINED, forMs: 10_000 }],
  },
  {
    name: 'only Release writes fail',
    because: 'a diary that cannot be written holds up nobody for good',
    faults: [{ does: code(503), to: { ...writes, resources: ['releases'] }, forMs: 15_000 }],
    ticks: 90,
  },
];

const streams: Row[] = [
  {
    name: 'watches are cut',
    because: 'in the middle of a line, again and again',
    faults: [{ does: { kind: 'cut' }, to: watches, chance: 0.3, forMs: 20_000 }],
    always: true,
  },
  {
    name: 'watches expire',
    because: '410: everything is listed anew in the middle of a step',
    faults: [
      { does: { kind: 'expired' }, to: watches, from: GRANTED, times: 8 },
      { does: { kind: 'expired' }, to: watches, from: COMMITTED, times: 8 },
    ],
  },
  {
    name: 'lists and watches are refused with 410',
    because: 'the version is too old, whichever it is',
    faults: [
      { does: { kind: 'cut' }, to: watches, from: GRANTED, times: 8 },
      { does: code(410), to: { verbs: ['watch', 'list'], client: 'leader' }, from: GRANTED, times: 8 },
    ],
  },
  {
    name: 'the watch of Rollouts falls silent for good',
    because: 'the operator does not see its own records',
    faults: [{ does: { kind: 'silent' }, to: watchOf('rollouts'), from: GRANTED, times: 1 }],
  },
  {
    name: 'the watch of routes falls silent for good',
    because: 'nobody says that the weight was taken',
    faults: [{ does: { kind: 'silent' }, to: watchOf('httproutes'), from: GRANTED, times: 1 }],
    ticks: 150,
  },
  {
    name: 'all watches fall silent for good',
    because: 'their connections stay open',
    faults: [{ does: { kind: 'silent' }, to: watches, from: HELD, forMs: 4000 }],
    ticks: 150,
  },
  {
    name: 'every event comes twice',
    because: 'the second one is no news',
    faults: [{ does: { kind: 'doubled' }, to: watches, forMs: 60_000 }],
  },
  {
    name: 'events of our own records are dropped',
    because: 'a bookmark past them says that nothing is missing',
    faults: [{ does: { kind: 'dropped' }, to: watchOf('rollouts'), from: GRANTED, times: 1 }],
  },
  {
    name: 'events of routes are dropped',
    because: 'the raise and its acceptance are never told',
    faults: [{ does: { kind: 'dropped' }, to: watchOf('httproutes'), from: GRANTED, times: 3 }],
  },
  {
    name: 'events come late',
    because: 'every cache is two seconds old',
    faults: [{ does: { kind: 'late', ms: 2000 }, to: watches, forMs: 25_000 }],
    ticks: 90,
    always: true,
  },
  {
    name: 'lines are garbled',
    because: 'what is no JSON ends a watch and loses nothing',
    faults: [{ does: { kind: 'garbled' }, to: watches, chance: 0.2, forMs: 20_000 }],
  },
  {
    name: 'stale listings',
    because: 'an API server that lags tells of the time before the grant',
    faults: [
      { does: { kind: 'expired' }, to: watches, times: 8 },
      { does: { kind: 'expired' }, to: watches, from: HELD, times: 8 },
      { does: stale, from: HELD, times: 8 },
    ],
    dips: true,
  },
];

const lines: Row[] = [
  {
    name: 'Lease calls alone are lost',
    because: 'the leader stops to be one while everything else works',
    faults: [{ does: { kind: 'lost' }, to: leases, from: GRANTED, forMs: 12_000 }],
    always: true,
  },
  {
    name: 'answers to Lease calls are lost',
    because: 'a renewal that nobody heard of is none',
    faults: [{ does: { kind: 'answer lost' }, to: leases, from: HELD, chance: 0.7, forMs: 15_000 }],
  },
  {
    name: 'an outage of four seconds',
    because: 'shorter than the lease: the same process goes on',
    faults: [{ does: { kind: 'outage' }, from: HELD, forMs: 4000 }],
  },
  {
    name: 'an outage of fifteen seconds',
    because: 'longer than the lease: a new process goes on, and traffic stays where it was',
    faults: [{ does: { kind: 'outage' }, from: GRANTED, forMs: 15_000 }],
    ticks: 90,
  },
  {
    name: 'an outage at the commit point',
    because: 'old and new pods are both behind the Service and stay there',
    faults: [{ does: { kind: 'outage' }, from: COMMITTED, forMs: 10_000 }],
    always: true,
  },
  {
    name: 'a black hole',
    because: 'packets vanish, and no connection knows of it',
    faults: [{ does: { kind: 'black hole' }, from: HELD, forMs: 15_000 }],
    ticks: 150,
  },
  {
    name: 'the leader is cut off',
    because: 'the other one takes over where the record stands',
    faults: [{ does: { kind: 'outage' }, to: { client: 'leader' }, from: HELD, forMs: 15_000 }],
    operators: 2,
  },
  {
    name: 'the leader talks into a black hole',
    because: 'it has to notice by itself that its term is over',
    faults: [{ does: { kind: 'black hole' }, to: { client: 'leader' }, from: GRANTED, forMs: 20_000 }],
    operators: 2,
  },
  {
    name: 'the other one is cut off',
    because: 'who only waits disturbs nobody',
    faults: [{ does: { kind: 'outage' }, to: { client: 'other' }, from: GRANTED, forMs: 15_000 }],
    operators: 2,
  },
];

const waysBack: Row[] = [
  {
    name: 'an outage hides the breach',
    because: 'the weight stays, and goes to 0 as soon as anything can be written',
    faults: [{ does: { kind: 'outage' }, from: HELD, forMs: 6000 }],
    always: true,
  },
  {
    name: 'records fail when it breaches',
    because: 'the weight does not wait for its record',
    faults: [{ does: code(500), to: status, from: HELD, forMs: 12_000 }],
    always: true,
  },
  {
    name: 'route writes are refused when it breaches',
    because: 'a lowering is tried until it is done',
    faults: [{ does: code(503), to: routeWrites, from: HELD, times: 5 }],
  },
  {
    name: '409 on the lowering',
    because: 'the gateway writes on the route too: the traffic still has to go',
    faults: [{ does: code(409), to: routeWrites, from: HELD, times: 4 }],
  },
  {
    name: 'the answer to the lowering is lost',
    because: 'it was done',
    faults: [{ does: { kind: 'answer lost' }, to: { ...routeWrites, label: '0' }, from: HELD, times: 1 }],
  },
  {
    name: 'route writes fail for long when it breaches',
    because: 'a lowering is tried again soon, however often it has failed',
    faults: [{ does: code(500), to: routeWrites, from: HELD, forMs: 40_000 }],
    ticks: 20,
  },
  {
    name: 'all watches fall silent before the breach',
    because: 'the verdict does not come from the API server, and the lowering reads the route anew',
    faults: [{ does: { kind: 'silent' }, to: watches, from: HELD, forMs: 30_000 }],
    ticks: 150,
  },
  {
    name: 'events come late on the way back',
    because: 'the lowering is for the route as it is, not as the cache has it',
    faults: [{ does: { kind: 'late', ms: 3000 }, to: watches, forMs: 30_000 }],
    ticks: 90,
  },
  {
    name: 'the leader is cut off when it breaches',
    because: 'the other one sees the same counts and takes the traffic back',
    faults: [{ does: { kind: 'outage' }, to: { client: 'leader' }, from: HELD, forMs: 15_000 }],
    operators: 2,
  },
  {
    name: '429 on everything when it breaches',
    because: 'urgent calls wait as the API server asks, and no longer',
    faults: [{ does: code(429, 1), chance: 0.5, from: HELD, forMs: 10_000 }],
  },
];

/** What a combination is made of: mild enough that three of them together still let a release through. */
const pool: readonly Fault[] = [
  { does: { kind: 'lost' }, chance: 0.15 },
  { does: { kind: 'answer lost' }, to: writes, chance: 0.15 },
  { does: { kind: 'belied', code: 504 }, to: writes, chance: 0.15 },
  { does: code(409), to: { verbs: ['update', 'patch'] }, chance: 0.2 },
  { does: code(429, 1), chance: 0.15 },
  { does: code(500), chance: 0.15 },
  { does: slow(1500), to: { verbs: ['get', 'list', ...WRITES] }, chance: 0.3 },
  { does: { kind: 'truncated' }, to: writes, chance: 0.2 },
  { does: { kind: 'garbage' }, chance: 0.1 },
  { does: { kind: 'cut' }, to: watches, chance: 0.15 },
  { does: { kind: 'doubled' }, to: watches, chance: 0.5 },
  { does: { kind: 'late', ms: 1500 }, to: watches, chance: 0.5 },
  { does: { kind: 'garbled' }, to: watches, chance: 0.1 },
  { does: { kind: 'expired' }, to: watches, chance: 0.1 },
];

/** Four of the pool for fifteen seconds: the same seed is the same weather. */
function combination(seed: number): Row {
  const random = seeded(`combination ${seed}`);
  const left = [...pool];
  const faults = Array.from({ length: 4 }, () => left.splice(Math.floor(random() * left.length), 1)).flat();
  const names = faults.map(({ does }) => ('code' in does ? `${does.kind} ${does.code}` : does.kind));
  return {
    name: `combination ${seed}`,
    because: names.join(', '),
    faults: faults.map((fault) => ({ ...fault, forMs: 15_000 })),
    ...{ seed, ticks: 90 },
  };
}

const of = (release: 'good' | 'bad', rows: readonly Row[]): Scenario[] => rows.map((row) => ({ ...row, release }));
const seeds = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => combination(from + index));

export const scenarios: readonly Scenario[] = [
  ...of('good', [...calls, ...streams, ...lines, ...seeds(1, 5)]),
  ...of('bad', [...waysBack, ...seeds(5, 8)]),
];
