import type { Scenario } from '../../bench/decisions/traffic.ts';
import { Shop } from './shop.ts';

/** One release worth remembering. */
export interface Story {
  name: string;
  about: string;
  /** Phase, reason, the revision that serves, and the cause of the ending, where there is one. */
  ends: string;
  play(): Shop;
}

const users: Scenario = { name: 'shop', title: '', kind: 'good', rps: 100, base: 0.001, objective: 0.995 };

const settled = ({ state }: Shop) => state.phase === 'Healthy' && state.release === undefined;
const ended = ({ state }: Shop) => state.release?.ending !== undefined;
const holding =
  (step: number) =>
  ({ state: { release } }: Shop) =>
    release?.stage === 'Holding' && release.step === step;
const baking = ({ state: { release } }: Shop) => release?.stage === 'Baking';
const minutes = (count: number) => 60 * count;

/** A shop at rest whose users are these, and which has been given `v2`. */
function releasing(more: Partial<Scenario> = {}, options: Partial<ConstructorParameters<typeof Shop>[0]> = {}): Shop {
  const shop = new Shop({ scenario: { ...users, ...more }, seed: 1, ...options });
  shop.go(minutes(2), (at) => settled(at) && at.narrowed && at.canaryService);
  shop.deploy('v2');
  return shop;
}

/** Until the release is over, and a little longer. */
function toTheEnd(shop: Shop, most = minutes(40)): Shop {
  shop.go(10);
  shop.go(most, (at) => settled(at) || ended(at));
  shop.go(minutes(2));
  return shop;
}

/** Every canary has three pods, and one of them fails for as long as `sick` says. */
function withBadPod(sick: (shop: Shop) => boolean): Shop {
  const steps = [5000, 20_000, 50_000].map((weight) => ({ weight, holdMs: 60_000, canaryReplicas: 3 }));
  let fails = (): boolean => true;
  const shop = releasing({ kind: 'pod', onePod: true, excess: () => (fails() ? 0.02 : 0) }, { plan: { steps } });
  fails = () => sick(shop);
  return shop;
}

const worse = (percent: number): Partial<Scenario> => ({ kind: 'bad', excess: () => percent / 100 });

/** Minutes are counted from the first tick of the shop; users meet the canary about a minute later. */
export const stories: readonly Story[] = [
  {
    name: 'good',
    ends: 'Healthy v2',
    about: 'Nothing is wrong: three steps, the bake, in-cluster clients, rest.',
    play: () => toTheEnd(releasing()),
  },
  {
    name: 'worse-1',
    ends: 'Paused GateBreached v1 Worse',
    about: 'One point more failures from the first request on.',
    play: () => toTheEnd(releasing(worse(1))),
  },
  {
    name: 'worse-5',
    ends: 'Paused GateBreached v1 Worse',
    about: 'Five points more failures.',
    play: () => toTheEnd(releasing(worse(5))),
  },
  {
    name: 'gap',
    ends: 'Healthy v2',
    about:
      'Prometheus scrapes nothing for two minutes in the first step. The release holds, and counts what it missed.',
    play: () => toTheEnd(releasing({ gap: (minute) => minute >= 2 && minute < 4 })),
  },
  {
    name: 'outage',
    ends: 'Healthy v2',
    about: 'Both arms fail for five minutes in the first step: to 0 without blame, and one return.',
    play: () => toTheEnd(releasing({ outage: (minute) => (minute >= 2 && minute < 7 ? 0.05 : 0) })),
  },
  {
    name: 'outage-twice',
    ends: 'Paused GateBreached v1 Correlated',
    about: 'A second outage right after the return is no coincidence: a breach, Correlated.',
    play: () => {
      const shop = releasing({ outage: (minute) => ((minute >= 2 && minute < 5) || minute >= 8 ? 0.05 : 0) });
      return toTheEnd(shop);
    },
  },
  {
    name: 'restarts',
    ends: 'Healthy v2',
    about: 'Every two minutes one process starts again and its counters with it. Nothing else is wrong.',
    play: () => toTheEnd(releasing({ restarts: true })),
  },
  {
    name: 'one-bad-pod',
    ends: 'Healthy v2',
    about: 'One of three canary pods is bad: the release holds, names the pod, replaces it and goes on.',
    play: () => toTheEnd(withBadPod((shop) => shop.state.release?.replaced === undefined)),
  },
  {
    name: 'bad-pod-again',
    ends: 'Paused GateBreached v1 BadPodAgain',
    about: 'The successor of the one bad pod is bad too: a breach.',
    play: () => toTheEnd(withBadPod(() => true)),
  },
  {
    name: 'single-pod',
    ends: 'Healthy v2',
    about: 'One replica: the canary is one pod too, and so is stable.',
    play: () => {
      const shop = new Shop({ scenario: users, seed: 1 });
      shop.spec = { ...shop.spec, replicas: 1 };
      shop.go(minutes(2), (at) => settled(at) && at.narrowed && at.canaryService);
      shop.deploy('v2');
      return toTheEnd(shop);
    },
  },
  {
    name: 'retry',
    ends: 'Healthy v2',
    about: 'A breach, a retry as attempt 2 with its higher bar, and the fault is gone.',
    play: () => {
      const shop = releasing({ excess: (minute) => (minute < 5 ? 0.05 : 0) });
      shop.go(minutes(10), ended);
      shop.go(minutes(4));
      shop.say('retry');
      shop.go(30);
      return toTheEnd(shop);
    },
  },
  {
    name: 'third-revision',
    ends: 'Healthy v3',
    about: 'A third revision arrives at 20 %: back to stable first, then its own release.',
    play: () => {
      const shop = releasing();
      shop.go(minutes(10), holding(1));
      shop.deploy('v3');
      shop.go(minutes(30), (at) => settled(at) && at.state.stable === 'v3');
      return toTheEnd(shop);
    },
  },
  {
    name: 'returned',
    ends: 'Healthy v1',
    about: "Stable's own template comes back at 20 %.",
    play: () => {
      const shop = releasing();
      shop.go(minutes(10), holding(1));
      shop.deploy('v1');
      return toTheEnd(shop);
    },
  },
  {
    name: 'pause-and-resume',
    ends: 'Healthy v2',
    about: 'A person pauses at 20 % for three minutes and resumes.',
    play: () => {
      const shop = releasing();
      shop.go(minutes(10), holding(1));
      shop.say('pause');
      shop.go(minutes(3));
      shop.say('resume');
      return toTheEnd(shop);
    },
  },
  {
    name: 'taken-back',
    ends: 'Healthy v2',
    about: 'A person takes the traffic back by hand at 20 %: a pause that names who, no second raise until resumed.',
    play: () => {
      const shop = releasing();
      shop.go(minutes(10), holding(1));
      const [route] = shop.routes;
      if (route !== undefined) Object.assign(route, { weight: 0, manager: 'kubectl-edit', version: route.version + 1 });
      shop.go(minutes(3));
      shop.say('resume');
      return toTheEnd(shop);
    },
  },
  {
    name: 'late-defect',
    ends: 'Paused GateBreached v1 Worse',
    about: 'Two points more failures that begin in the bake.',
    play: () => {
      let from = Number.POSITIVE_INFINITY;
      const shop = releasing({ kind: 'bad', excess: (minute) => (minute >= from ? 0.02 : 0) });
      shop.go(minutes(20), baking);
      from = shop.minute + 1;
      return toTheEnd(shop);
    },
  },
  {
    name: 'no-pods',
    ends: 'Healthy v2',
    about: 'All canary pods die at 20 %: to 0 until there are others, once without blame.',
    play: () => {
      const shop = releasing();
      shop.go(minutes(10), holding(1));
      for (const pod of shop.pods) if (pod.set === 'shop-v2') pod.terminating = shop.now + 3000;
      return toTheEnd(shop);
    },
  },
  {
    name: 'operator-restart',
    ends: 'Healthy v2',
    about: 'The operator starts again at 20 %, and once more in the bake, with what it had stored of its gates.',
    play: () => {
      const shop = releasing();
      shop.go(minutes(10), holding(1));
      shop.go(30);
      shop.restartOperator();
      shop.go(minutes(20), baking);
      shop.go(minutes(2));
      shop.restartOperator();
      return toTheEnd(shop);
    },
  },
  {
    name: 'latency',
    ends: 'Paused GateBreached v1 Worse',
    about: 'Every request takes half as long again.',
    play: () => toTheEnd(releasing({ kind: 'bad', latency: { factor: 1.5, part: 1 } })),
  },
  {
    name: 'orders',
    ends: 'Paused GateBreached v1 Worse',
    about: 'Half of the orders are lost, and no request fails.',
    play: () => toTheEnd(releasing({ kind: 'bad', business: { rate: 0.05, dip: 0.5, lag: 0 } })),
  },
];

/** How a story ended, in the words of `ends`. */
export function endOf({ state: { phase, reason, stable, release } }: Shop): string {
  return [phase, reason, stable, release?.ending?.cause].filter((word) => word !== undefined).join(' ');
}
