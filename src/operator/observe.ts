import type { GateReading } from '#core/gate.ts';
import { canaryServiceName } from '#core/labels.ts';
import type { Plan, Spec, State } from '#core/model.ts';
import type { ProbeReading, Problem, Seen, SeenAction, SeenDeployment, SeenRoute } from '#core/seen.ts';
import type { Millis } from '#lib/units.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { ReadRollout, RolloutWish } from '#schema/translate.ts';
import { readAction } from '#schema/translate-inputs.ts';
import { deploymentOf, observeWorkload, orphaningOf } from './adopt.ts';
import { allowances } from './allowances.ts';
import type { BudgetFigure } from './budget-look.ts';
import type { LiveTraffic } from './live-traffic.ts';
import { isQuarantined, type ObservedPod, observePod, observeSet } from './observe-pods.ts';
import { endedRecorded, recordOf } from './observe-records.ts';
import { canaryServiceCurrent, observeRoute, observeService } from './observe-traffic.ts';
import { ours } from './ours.ts';
import { type UnderPin, underPin } from './pinned.ts';
import type { Places } from './places.ts';
import { preflight } from './preflight.ts';
import { propose } from './propose.ts';
import type { Protection } from './protection.ts';
import { type Lacks, reachPlaces, reachProblems } from './reach-check.ts';
import { rolloutOf } from './reading.ts';
import { fencedKey, placeOf } from './route-kinds.ts';
import { BY_FENCE, BY_ROLLOUT, rivalsOf, type Stores } from './stores.ts';
import { barsFor, noticesOf } from './surroundings.ts';
import type { TooOld } from './versions.ts';

export interface ObserveDeps {
  stores: Stores;
  readings(key: string): GateReading[];
  probes(key: string): ProbeReading;
  /** What stable was seen to serve, for the planner. */
  traffic(key: string): LiveTraffic | undefined;
  /** What was seen of its error budgets. */
  budgets(key: string): BudgetFigure[];
  /** What a dry run of the ReplicaSet said about the template, if anything. */
  templateProblems(rollout: KubeObject, revision: string): Problem[] | undefined;
  /** What gateways cannot do, as far as their classes have been asked. */
  lacks: Lacks;
  /** Specs that were accepted, by the Rollout's UID. */
  memory: Map<string, RolloutWish>;
  tickMs: Millis;
  /** How many releases may move at once, and who does. */
  places: Pick<Places, 'sight'>;
  /** Until the API server has proved that it refuses forged actions, none is looked at. */
  actions: Pick<Protection, 'protected' | 'open' | 'groups'>;
  /** What of the cluster is older than it may be. */
  tooOld(): readonly TooOld[];
  /** Pods of a Deployment that is given back which the Service does not find. Left out: nobody looks. */
  bare?(rollout: KubeObject): SeenDeployment['bare'];
  /** The namespace is being deleted, as far as anybody knows. */
  ends(rollout: KubeObject): boolean;
  now: Millis;
}

/** What `decide` sees, and what the shell needs beside it. */
export interface Sight {
  seen: Seen;
  pods: ObservedPod[];
  /** The accepted wish behind `seen.spec`. */
  wish?: RolloutWish;
  release?: KubeObject;
}

/** Reads everything that a decision about this Rollout needs from the caches. No I/O. */
export function observe(rollout: KubeObject, state: State, deps: ObserveDeps): Sight {
  const { stores, now } = deps;
  const key = keyOf(rollout);
  const read = rolloutOf(rollout, deploymentOf(rollout, stores));
  const given = accepted(rollout, read, deps);
  const objects = stores.pods.byIndex(BY_ROLLOUT, key);
  const pods = objects
    .filter((pod) => !isQuarantined(pod))
    .map((pod) => observePod(pod, { minReadyMs: given?.spec.minReadyMs ?? 0, now }));
  pods.sort((a, b) => (a.name < b.name ? -1 : 1));
  const sets = ours(stores.sets.byIndex(BY_ROLLOUT, key), rollout).map((set) => observeSet(set, pods));
  const pin = given && underPin(rollout, state, { wish: given, sets, ...deps });
  const wish = pin?.wish;
  const release =
    state.release === undefined
      ? undefined
      : stores.releases.get({ namespace: rollout.metadata.namespace, name: state.release.name });
  const routes = observeRoutes(rollout, state, wish?.spec, stores);
  const { problems, proposal, spec } = judgeSpec(rollout, state, { read, pin, routes, sets, deps });
  const seen: Seen = {
    rollout: rollout.metadata.name,
    ...(spec === undefined ? {} : { spec }),
    ...(pin?.template === undefined ? {} : { template: pin.template }),
    deleting: rollout.metadata.deletionTimestamp !== undefined,
    problems,
    replicaSets: sets,
    ...straysOf(pods, sets),
    ...observeWorkload(rollout, state, stores, deps.bare?.(rollout)),
    ...(deps.ends(rollout) ? { terminating: true } : {}),
    ...orphaningOf(rollout, stores.sets.byIndex(BY_ROLLOUT, key)),
    ...services(rollout, spec, stores),
    routes,
    ...leftRoutes(rollout, routes, spec, stores),
    ...recordOf(release, rollout),
    ...(proposal === undefined ? {} : { proposal }),
    ...(wish === undefined ? {} : { notices: noticesOf(rollout, { stores, wish, tooOld: deps.tooOld() }) }),
    ...allowances(rollout, state, { wish, spec, proposal }, { ...deps, figures: deps.budgets(key) }),
    endedRecorded: endedRecorded(rollout, state, stores),
    gates: deps.readings(key),
    probes: deps.probes(key),
    ...(deps.actions.open() ? { actionsUnprotected: true } : {}),
    actions: (deps.actions.protected() ? stores.actions.byIndex(BY_ROLLOUT, key) : []).flatMap((object) =>
      actionOf(object, deps.actions.groups()),
    ),
    quarantined: objects
      .filter((pod) => isQuarantined(pod) && pod.metadata.deletionTimestamp === undefined)
      .map((pod) => pod.metadata.name)
      .sort(),
  };
  return { seen, pods, ...(wish === undefined ? {} : { wish }), ...(release === undefined ? {} : { release }) };
}

function straysOf(pods: ObservedPod[], sets: Seen['replicaSets']): Pick<Seen, 'strays'> {
  const strays = pods.filter(
    ({ terminating, arms, revision }) =>
      !terminating && (arms.stable || arms.canary) && !sets.some((set) => set.revision === revision),
  );
  return strays.length === 0 ? {} : { strays: strays.map(({ name, revision, arms }) => ({ name, revision, arms })) };
}

/** Groups that the API server has not checked are nobody's. */
function actionOf(object: KubeObject, groupsProven: boolean): SeenAction[] {
  const action = readAction(object);
  if (!action.ok) return [];
  const { groups, ...rest } = action.value;
  return [groupsProven && groups !== undefined ? { ...rest, groups } : rest];
}

export function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/** The Service as the Rollout names it, even where the rest of the spec cannot be read. */
function serviceNameOf(rollout: KubeObject, spec: Spec | undefined): string {
  const raw = (rollout['spec'] ?? {}) as { service?: unknown };
  return spec?.service ?? String(raw.service ?? '');
}

/** The routes that the release splits, or the next one would: traffic goes back even where the spec cannot be read. */
function observeRoutes(rollout: KubeObject, { release }: State, spec: Spec | undefined, stores: Stores): SeenRoute[] {
  const { namespace } = rollout.metadata;
  const service = serviceNameOf(rollout, spec);
  const names = release?.routes ?? spec?.routes ?? [];
  const grants = stores.referenceGrants.list(namespace);
  return names.map((key) =>
    observeRoute(key, placeOf(stores, key, namespace ?? ''), { rollout, service, memo: release?.memo[key], grants }),
  );
}

/**
 * Routes with a fence of this Rollout that nothing splits: not its release, nor without one its spec. A route that came
 * into the spec in the middle of a release waits for the next one, and a deletion must not forget it meanwhile.
 */
function leftRoutes(
  rollout: KubeObject,
  routes: SeenRoute[],
  spec: Spec | undefined,
  stores: Stores,
): Pick<Seen, 'leftRoutes'> {
  // What the spec names can only be told from a spec that can be read.
  if (spec === undefined) return {};
  const { namespace = '' } = rollout.metadata;
  const named = new Set(routes.map(({ name }) => name));
  const fenced = [...stores.routes].flatMap(([kind, store]) =>
    store.byIndex(BY_FENCE, keyOf(rollout)).flatMap((route) => fencedKey(kind, route, namespace) ?? []),
  );
  const left = fenced.filter((key) => !named.has(key)).sort();
  if (left.length === 0) return {};
  const { service } = spec;
  const observed = left.map((key) => {
    const place = placeOf(stores, key, namespace);
    const seen = observeRoute(key, place, { rollout, service, memo: undefined });
    const { conflict: _, ...rest } = seen;
    // An object of ours goes, whatever is wrong with the user's beside it.
    return place?.origin === undefined ? seen : rest;
  });
  return { leftRoutes: observed };
}

/** The spec that counts: what is there now if it can be read, else what was last accepted. An invalid edit replaces nothing. */
function accepted(rollout: KubeObject, read: ReadRollout, { memory }: ObserveDeps): RolloutWish | undefined {
  const uid = rollout.metadata.uid ?? '';
  if (read.ok) memory.set(uid, read);
  return memory.get(uid);
}

interface Judged {
  problems: Problem[];
  proposal: Plan | undefined;
  spec: Spec | undefined;
}

interface Judging {
  read: ReadRollout;
  pin: UnderPin | undefined;
  routes: SeenRoute[];
  sets: Seen['replicaSets'];
  deps: ObserveDeps;
}

function judgeSpec(rollout: KubeObject, state: State, { read, pin, routes, sets, deps }: Judging): Judged {
  const problems = read.ok ? [] : read.problems;
  if (pin === undefined) return { problems, proposal: undefined, spec: undefined };
  const { wish } = pin;
  const { stores } = deps;
  const { namespace = '' } = rollout.metadata;
  const { spec } = wish;
  const service = stores.services.get({ namespace, name: spec.service });
  const known = sets.some((set) => set.revision === spec.revision);
  const found = preflight({
    rollout,
    ...(service === undefined ? {} : { service }),
    serviceName: spec.service,
    podLabels: wish.source.template.metadata.labels,
    services: stores.services.list(namespace),
    allowed: wish.source.services,
    routes,
    rivals: rivalsOf(stores, rollout),
  });
  const pair = { stable: spec.service, canary: canaryServiceName(spec.service) };
  const places = reachPlaces(stores, spec.routes, namespace);
  const unreachable = reachProblems(wish.steps ?? [], places, pair, deps.lacks);
  const proposed = propose(wish, state, {
    namespace,
    stores,
    traffic: deps.traffic(keyOf(rollout)),
    tickMs: deps.tickMs,
  });
  const template = known ? [] : deps.templateProblems(rollout, spec.revision);
  // A template that the API server refuses is no new revision: the accepted one goes on.
  const revision = template?.length === 0 ? spec.revision : (state.release?.revision ?? state.stable ?? spec.revision);
  const judged = { ...spec, revision };
  const bars = barsFor(rollout, state, judged, { sets, stores, wish, tooOld: deps.tooOld() });
  return {
    problems: [
      ...problems,
      ...pin.problems,
      ...(template ?? []),
      ...found,
      ...unreachable,
      ...proposed.problems,
      ...bars,
    ],
    proposal: proposed.plan,
    spec: judged,
  };
}

function services(
  rollout: KubeObject,
  spec: Spec | undefined,
  stores: Stores,
): Pick<Seen, 'service' | 'canaryService'> {
  const { namespace } = rollout.metadata;
  const name = serviceNameOf(rollout, spec);
  const service = stores.services.get({ namespace, name });
  if (service === undefined) return {};
  const seen = observeService(name, service);
  if (spec === undefined) return { service: seen };
  const canary = stores.services.get({ namespace, name: canaryServiceName(name) });
  return { service: seen, canaryService: { current: canaryServiceCurrent(rollout, service, canary) } };
}
