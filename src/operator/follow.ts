import type { Decision } from '#core/effect.ts';
import { epochOf, stepEpochOf } from '#core/epoch.ts';
import { replicaSetName } from '#core/labels.ts';
import type { Plan, ReleaseState, State } from '#core/model.ts';
import type { ProbeSuite } from '#core/probe.ts';
import type { PodInfo } from '#gates/samples.ts';
import type { Millis } from '#lib/units.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { ProbeTarget } from '#probes/define.ts';
import { contextsOf } from './contexts.ts';
import type { GateEngine } from './gate-engine.ts';
import { keyOf, type Sight } from './observe.ts';
import { isQuarantined, type ObservedPod, observePod } from './observe-pods.ts';
import type { Sampled } from './probe-sampler.ts';
import { checksOf, findSuite } from './probe-slo.ts';
import type { Prober, ProbeWish } from './prober.ts';
import { scrapeOf } from './propose.ts';
import { releaseOf } from './reading.ts';
import { BY_ROLLOUT, type Stores } from './stores.ts';

/** What was decided last, and on what sight. */
export interface Decided {
  next: State;
  sight: Sight;
}

export interface FollowDeps {
  stores: Stores;
  engine: GateEngine;
  prober: Prober;
  decided: Map<string, Decided>;
  tickMs: Millis;
  now(): Millis;
}

/** Brings gates and probes in line with a decision: they look where the release stands now, and nowhere else. */
export function follow(deps: FollowDeps, rollout: KubeObject, { next }: Decision, sight: Sight): void {
  const key = keyOf(rollout);
  deps.decided.set(key, { next, sight });
  const release = next.release;
  const read =
    sight.release === undefined || sight.release.metadata.name !== release?.name ? undefined : releaseOf(sight.release);
  if (release === undefined || !read?.ok || isOver(release, sight)) {
    deps.engine.unwatch(key);
    deps.prober.unwatch(key);
    return;
  }
  watchGates(deps, rollout, { release, plan: read.value.plan, budget: read.value.budget, sight });
  watchProbes(deps, key, { next, release, plan: read.value.plan, sight });
}

/** Past the commit point, or once its pods are gone, a release has nothing left to measure. */
function isOver(release: ReleaseState, { pods }: Sight): boolean {
  if (release.committed) return true;
  return release.ending !== undefined && !pods.some((pod) => pod.revision === release.revision);
}

interface Gated {
  release: ReleaseState;
  plan: Plan;
  budget: { targetSpend: number; maxSpend: number };
  sight: Sight;
}

function watchGates(
  { engine, stores, tickMs, now }: FollowDeps,
  rollout: KubeObject,
  { release, plan, budget, sight }: Gated,
): void {
  const key = keyOf(rollout);
  if (plan.gates.length === 0) {
    engine.unwatch(key);
    return;
  }
  const scrapeMs = scrapeOf(plan.gates, stores);
  const settleMs = sight.seen.spec?.settleMs ?? 0;
  const minReadyMs = sight.seen.spec?.minReadyMs ?? 0;
  const checkpoint = (sight.release?.['status'] as { evidence?: string } | undefined)?.evidence;
  const { namespace = '', name } = rollout.metadata;
  engine.watch(key, {
    contexts: contextsOf(release, plan, { budget, routes: sight.seen.routes, tickMs, scrapeMs, settleMs }),
    scope: { namespace, replicaSets: [replicaSetName(name, release.from), replicaSetName(name, release.revision)] },
    pods: () => podInfos(stores, key, release, { minReadyMs, now: now() }),
    scrapeMs,
    ...(checkpoint === undefined || checkpoint === '' ? {} : { checkpoint }),
  });
}

/** The pods of both arms as the cache knows them at this moment. */
function podInfos(
  stores: Stores,
  key: string,
  release: ReleaseState,
  at: { minReadyMs: Millis; now: Millis },
): PodInfo[] {
  const pods = stores.pods.byIndex(BY_ROLLOUT, key).filter((pod) => !isQuarantined(pod));
  return pods.flatMap((object): PodInfo[] => {
    const pod = observePod(object, at);
    const arm = pod.revision === release.revision ? 'canary' : pod.revision === release.from ? 'stable' : undefined;
    if (arm === undefined) return [];
    return [{ pod: pod.name, arm, available: pod.available, containers: pod.containers }];
  });
}

interface Probed {
  next: State;
  release: ReleaseState;
  plan: Plan;
  sight: Sight;
}

function watchProbes({ prober, stores }: FollowDeps, key: string, { next, release, plan, sight }: Probed): void {
  const counted = plan.gates.some(({ slo }) => slo.sli.kind === 'probe');
  if ((plan.probes.length === 0 && !counted) || release.ending !== undefined) {
    prober.unwatch(key);
    return;
  }
  const namespace = key.slice(0, key.indexOf('/'));
  const suitesOf = (name: string): ProbeSuite[] => {
    const suite = findSuite(name, { namespace, suites: stores.suites });
    return typeof suite === 'string' ? [] : [suite];
  };
  const gates = plan.gates.flatMap(({ name: gate, slo: { sli } }): Sampled[] =>
    sli.kind === 'probe'
      ? suitesOf(sli.suite).map((suite) => ({ gate, suite: checksOf(suite, sli), samples: sli.samples }))
      : [],
  );
  const targets = (revision: string | undefined) =>
    sight.pods.filter((pod) => pod.revision === revision && pod.available).flatMap(targetOf);
  prober.watch(key, {
    epoch: stepEpochOf(release),
    release: release.name,
    suites: plan.probes.flatMap(suitesOf),
    sampled: { attempt: epochOf(release), gates },
    canary: targets(release.revision),
    stable: targets(next.stable),
    at: whenOf(release),
  });
}

function whenOf({ stage }: ReleaseState): ProbeWish['at'] {
  if (stage === 'Preparing') return 'Off';
  return stage === 'Probing' ? 'BeforeTraffic' : 'Steps';
}

function targetOf(pod: ObservedPod): ProbeTarget[] {
  return pod.ip === undefined ? [] : [{ pod: pod.name, ip: pod.ip, port: pod.port ?? 80 }];
}
