import type { ReleaseState, State } from '#core/model.ts';
import type { HeaderMatch } from '#core/words.ts';

type Whole<T> = T extends readonly (infer E)[] ? Whole<E>[] : T extends object ? { [K in keyof T]-?: Whole<T[K]> } : T;

type Header = Whole<HeaderMatch>;

const release: Whole<ReleaseState> = {
  name: 'shop-2',
  full: 10,
  carriedSince: 1_700_000_000_007,
  carriedUnder: 12,
  grownTo: 3,
  grownAt: 1_700_000_000_008,
  returningSince: 1_700_000_000_008,
  revision: 'bcd',
  from: 'fgh',
  expedited: 'ann',
  attempt: 2,
  stage: 'Promoting',
  step: 1,
  weight: 20_000,
  // A header has a value or a regex, never both.
  reach: {
    headers: [{ name: 'x-beta', value: 'yes' } as Header, { name: 'x-team', regex: 'y.*' } as Header],
    mirror: 10_000,
  },
  n: 7,
  rewrites: 1,
  startedAt: 1_700_000_000_000,
  acceptedAt: 1_700_000_000_001,
  arrivedAt: 1_700_000_000_002,
  raisedAt: 1_700_000_000_003,
  resumedAt: 1_700_000_000_002,
  autoResumed: true,
  suspect: { pod: 'shop-bcd-1', uid: 'uid-1', gate: 'availability', at: 1_700_000_000_000, bad: 12, ticks: 1 },
  replaced: [
    {
      pod: 'shop-bcd-2',
      uid: 'uid-2',
      node: 'node-1',
      gate: 'availability',
      at: 1_700_000_000_005,
      why: '18 of the 18 bad requests',
    },
  ],
  breach: {
    at: 1_700_000_000_006,
    cause: 'Worse',
    gate: 'availability',
    raisedAt: 1_700_000_000_003,
    exposure: { requests: 400, bad: 12, excess: 11 },
    beside: ['ops/mailer'],
    arms: { canary: { total: 400, bad: 12 }, stable: { total: 4000, bad: 10 } },
  },
  earlierBreach: 'availability',
  held: {
    since: 1_700_000_000_006,
    until: 1_700_000_000_007,
    culprit: {
      rollout: 'mailer',
      at: 1_700_000_000_005,
      gate: 'availability',
      arms: { canary: { total: 400, bad: 12 }, stable: { total: 4000, bad: 10 } },
    },
  },
  word: { step: 1, verb: 'promote', by: 'alice' },
  approvals: {
    uid: 'uid-2',
    attempt: 2,
    step: 1,
    digests: ['app=sha256:abc'],
    people: [{ by: 'oidc:ann@shop.example', at: 1_700_000_000_004, groups: ['sre'] }],
  },
  joined: 2,
  joinedAt: 1_700_000_000_004,
  committed: false,
  restoredAt: 1_700_000_000_005,
  ending: {
    kind: 'Retreat',
    at: 1_700_000_000_006,
    why: 'worse',
    cause: 'Worse',
    deadline: false,
    remediedAt: 1_700_000_000_008,
  },
  routes: ['shop.example'],
  memo: { 'shop.example': '[{"backendRefs":[{"name":"shop"}]}]' },
};

/** A state that has every member: `Whole` makes a new one of the core's fail to compile here. */
export const fullState: Whole<State> = {
  phase: 'Paused',
  reason: 'GateBreached',
  message: 'availability: 12 of 400 requests failed',
  stable: 'fgh',
  release,
  releases: 2,
  queuedAt: 1_700_000_000_000,
  inQueueSince: 1_700_000_000_000,
  served: ['jkl'],
  ended: { name: 'shop-1', revision: 'mnp', outcome: 'Promoted', at: 1_600_000_000_000, why: 'every step passed' },
  actions: [{ uid: '1', result: 'Applied', message: 'promote by alice' }],
  adopted: {
    deployment: 'shop',
    replicas: 3,
    at: 1_700_000_000_000,
    emptied: true,
    resets: [{ at: 1_700_000_000_001, generation: 7 }],
    contested: 'argocd-controller',
    servesSince: 1_700_000_000_002,
  },
  narrowed: 'shop',
  pinned: { revision: 'jkl', over: 'fgh', by: 'oidc:ann@shop.example' },
  since: 1_700_000_000_007,
};
