import { ago, arms, gate, holding, NOW, release, rollout } from './objects.ts';

/** A namespace at three in the morning: one climbs, one went wrong, one waits for a person, two are at rest. */
export function fleet(): { rollouts: unknown[]; releases: unknown[] } {
  return {
    rollouts: [checkout(), search(), basket(), atRest('catalog', 'shop'), atRest('mailer', 'ops')],
    releases: [...checkoutReleases(), searchRelease(), basketRelease()],
  };
}

function checkout() {
  return rollout('checkout', {
    phase: 'Progressing',
    message: 'checkout-availability: 41 % of the evidence for the next step',
    ...arms,
    step: '2/3',
    weight: '20%',
    budgetSpent: '0.012%',
    budgetForecast: { weight: '50%', expected: '0.004%', pessimistic: '0.087%' },
    gates: [
      gate('checkout-availability'),
      gate('checkout-latency', {
        verdict: 'Pass',
        cause: undefined,
        message: 'not more than 0.5 % above stable, with 1 % doubt',
        canary: { total: 4812, bad: 31 },
        stable: { total: 61_240, bad: 402 },
        stop: { logE: 0.1, limit: 5.3 },
        advance: { logE: 4.9, limit: 4.6 },
      }),
    ],
    conditions: [{ type: 'Ready', status: 'True', reason: 'Progressing', message: '' }],
    state: holding('checkout'),
  });
}

function checkoutReleases() {
  const timeline = [
    { at: ago(262), kind: 'Preparing', message: 'Preparing the canary pods' },
    { at: ago(244), kind: 'Probing', message: 'Probing the canary before any user meets it' },
    { at: ago(239), kind: 'Shifting', message: 'weight 5%: every probe passed' },
    { at: ago(236), kind: 'Holding', message: 'at least 1m' },
    { at: ago(92), kind: 'Shifting', message: 'weight 20%: every gate passed' },
    { at: ago(74), kind: 'Holding', message: 'at least 2m' },
  ];
  return [
    release(
      { rollout: 'checkout', number: 4 },
      {
        startedAt: ago(262),
        step: '2/3',
        weight: '20%',
        timeline,
        exposure: { canaryRequests: 4812, canaryBad: 7, excess: '0.6' },
      },
    ),
    release(
      { rollout: 'checkout', number: 3, revision: '7be02f5a' },
      {
        outcome: 'Promoted',
        message: 'every step passed',
        startedAt: ago(88_000),
        endedAt: ago(87_100),
        spend: '0.021%',
        exposure: { canaryRequests: 92_410, canaryBad: 118, excess: '0' },
      },
    ),
    release(
      { rollout: 'checkout', number: 2, revision: 'e09a4471' },
      {
        outcome: 'Retreated',
        reason: 'Worse',
        message: 'checkout-availability: canary 5.1% bad, stable 0.13%; e-value 231 of 200',
        startedAt: ago(172_000),
        endedAt: ago(171_900),
        spend: '0.094%',
        timeToDetect: '9s',
        timeToRemedy: '2s',
        exposure: { canaryRequests: 412, canaryBad: 21, excess: '20.5' },
      },
    ),
  ];
}

const breach = 'search-availability: canary 5.3% bad, stable 0.12%; e-value 214 of 200';

function search() {
  const ending = { kind: 'Retreat', at: NOW - 190_000, why: breach, cause: 'Worse' };
  const state = holding('search', { stage: 'Holding', weight: 0, step: 1, startedAt: NOW - 320_000, ending });
  return rollout('search', {
    phase: 'Paused',
    reason: 'GateBreached',
    message: breach,
    stable: { ...arms.stable, image: 'registry.example/shop/search:4.1.0' },
    canary: { ...arms.canary, image: 'registry.example/shop/search:4.2.0', replicas: 1, ready: 1 },
    step: '2/3',
    weight: '0%',
    budgetSpent: '0.31%',
    gates: [
      gate('search-availability', {
        verdict: 'Fail',
        cause: 'Worse',
        message: 'canary 5.3% bad, stable 0.12%; e-value 214 of 200',
        canary: { total: 1190, bad: 63 },
        stable: { total: 15_822, bad: 19 },
        stop: { logE: 5.37, limit: 5.3 },
        advance: { logE: -4, limit: 4.6 },
        spend: '0.31%',
      }),
    ],
    state: { ...state, phase: 'Paused', reason: 'GateBreached', message: breach, since: NOW - 190_000 },
  });
}

function searchRelease() {
  const timeline = [
    { at: ago(320), kind: 'Preparing', message: 'Preparing the canary pods' },
    { at: ago(296), kind: 'Shifting', message: 'weight 5%: every probe passed' },
    { at: ago(202), kind: 'Shifting', message: 'weight 20%: every gate passed' },
    { at: ago(190), kind: 'GateBreached', message: `weight 0%: ${breach}` },
  ];
  return release(
    { rollout: 'search', number: 4 },
    {
      startedAt: ago(320),
      step: '2/3',
      spend: '0.31%',
      reason: 'Worse',
      timeToDetect: '12s',
      timeToRemedy: '1s',
      breach: {
        at: ago(190),
        cause: 'Worse',
        gate: 'search-availability',
        message: breach,
        exposure: { canaryRequests: 1104, canaryBad: 58, excess: 57 },
        beside: ['ops/mailer'],
      },
      earlierBreach: 'search-availability: canary 2% bad, stable 0.11%',
      timeline,
      exposure: { canaryRequests: 1190, canaryBad: 63, excess: '61.6' },
    },
  );
}

function basket() {
  const state = holding('basket', { step: 0, weight: 5000, startedAt: NOW - 1_300_000 });
  return rollout('basket', {
    phase: 'Paused',
    reason: 'Step',
    message: 'the step asks for a person',
    ...arms,
    step: '1/3',
    weight: '5%',
    budgetSpent: '0.004%',
    gates: [
      gate('basket-availability', { verdict: 'NoData', cause: 'Stale', message: 'the newest sample is 48 s old' }),
    ],
    conditions: [
      {
        type: 'SharedDisruptionBudget',
        status: 'True',
        message: 'PodDisruptionBudget basket selects both arms: use maxUnavailable: 1',
      },
    ],
    state: { ...state, phase: 'Paused', reason: 'Step', since: NOW - 1_210_000 },
  });
}

function basketRelease() {
  const timeline = [{ at: ago(1260), kind: 'Shifting', message: 'weight 5%: every probe passed' }];
  return release({ rollout: 'basket', number: 4 }, { startedAt: ago(1300), step: '1/3', timeline });
}

function atRest(name: string, namespace: string) {
  return rollout(
    name,
    {
      phase: 'Healthy',
      message: 'stable serves all traffic',
      stable: { ...arms.stable, image: `registry.example/${namespace}/${name}:2.0.3` },
      gates: [],
      state: {
        phase: 'Healthy',
        message: 'stable serves all traffic',
        releases: 2,
        served: [],
        actions: [],
        since: NOW - 300_000_000,
      },
    },
    namespace,
  );
}
