import type { State } from '#core/model.ts';
import type { Problem } from '#core/seen.ts';
import { EVENT } from '#kube/resources.ts';
import { deploymentOf } from '#operator/adopt.ts';
import { apply } from '#operator/apply.ts';
import { type BudgetLook, createBudgetLook } from '#operator/budget-look.ts';
import { createEndingNamespace, type EndingNamespace } from '#operator/ending-namespace.ts';
import { type Decided, follow } from '#operator/follow.ts';
import { createGateEngine, type GateEngine } from '#operator/gate-engine.ts';
import { createGatewayFeatures, type GatewayFeatures } from '#operator/gateway-features.ts';
import { createGivenBack, type GivenBack } from '#operator/given-back.ts';
import { createTrafficLook, type TrafficLook } from '#operator/live-traffic.ts';
import { keyOf, observe, type Sight } from '#operator/observe.ts';
import { wishedRevision } from '#operator/pinned.ts';
import { createPlaces, isToBegin, type Places } from '#operator/places.ts';
import { createProber, type Prober } from '#operator/prober.ts';
import { trafficQuestion } from '#operator/propose.ts';
import { createProtection, type Protection } from '#operator/protection.ts';
import { reachPlaces } from '#operator/reach-check.ts';
import { rolloutOf } from '#operator/reading.ts';
import { createReconcile, type ReconcileDeps } from '#operator/reconcile.ts';
import { createRecorder, type Recorder } from '#operator/record.ts';
import { fillCostGauges, fillSeasonGauges } from '#operator/rollout-metrics.ts';
import { createSourcePool, type SourcePool } from '#operator/source-pool.ts';
import { createStatusWriter } from '#operator/status.ts';
import type { Stores } from '#operator/stores.ts';
import { createTemplateCheck, type TemplateCheck } from '#operator/template-check.ts';
import type { TooOld } from '#operator/versions.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import type { Random } from '#ports/random.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { Probe } from '#probes/define.ts';
import { createHttpProbe } from '#probes/http.ts';
import { createEventRecorder } from '#runtime/events.ts';
import { systemClock, systemRandom } from '#runtime/system-clock.ts';
import type { WorkQueue } from '#runtime/work-queue.ts';
import type { RolloutWish } from '#schema/translate.ts';
import type { Config } from './config.ts';
import { VERSION } from './version.ts';

/** Evidence is stored this often while nothing else changes, so that a restart has little to read again. */
const CHECKPOINT_EVERY_MS = 60_000;

export interface LoopParts {
  config: Config;
  log: Log;
  telemetry: Telemetry;
  api: KubeApi;
  stores: Stores;
  queue: WorkQueue;
  isLeader(): boolean;
  /** What of the cluster is older than it may be; left out: nothing. */
  tooOld?(): readonly TooOld[];
  /** The system's, unless time is a simulation's. */
  clock?: Clock;
  random?: Random;
  /** Stand-ins for what lies outside the API server. */
  outside?: Partial<Outside>;
}

/** What the loop asks beside the API server. */
export interface Outside {
  /** `again` is called with a Rollout's key when its gates say something new. */
  engine(again: (key: string) => void): GateEngine;
  sources: SourcePool;
  probe: Probe;
}

export interface Loop {
  reconcile: ReturnType<typeof createReconcile>;
  sources: SourcePool;
  fillGauges(gauge: Telemetry['gauge']): void;
  places: Places;
  protection: Protection;
  stop(): void;
}

/** What the loop remembers between passes. All of it can be lost: the state is in Rollout.status. */
interface Memory {
  decided: Map<string, Decided>;
  wishes: Map<string, RolloutWish>;
  checkpointedAt: Map<string, number>;
}

/** Gates, probes and records, and the reconcile that ties them. */
export function composeLoop(parts: LoopParts): Loop {
  const { config, log, telemetry, api, stores, queue, outside = {} } = parts;
  const { clock = systemClock, random = systemRandom } = parts;
  const memory: Memory = { decided: new Map(), wishes: new Map(), checkpointedAt: new Map() };
  const again = (key: string) => void queue.add(key, { priority: 'urgent' });
  const sources = outside.sources ?? createSourcePool({ api, store: stores.sources, clock, log });
  const run = outside.probe ?? createHttpProbe({ clock, version: VERSION, allowLoopback: config.probeLoopback });
  const prober = createProber({ clock, random, log, telemetry, run, onReading: again });
  const engine =
    outside.engine?.(again) ??
    createGateEngine({
      clock,
      log,
      telemetry,
      sourceFor: (name) => sources.sourceFor(name),
      probes: prober,
      onReading: again,
    });
  const askers: Askers = {
    templates: createTemplateCheck({ api, clock, again }),
    ending: createEndingNamespace({ api, clock }),
    given: createGivenBack({ api, clock, stores, again }),
    gateways: createGatewayFeatures({ api, clock, again }),
  };
  const looks = createTrafficLook({ sourceFor: (name) => sources.sourceFor(name), clock, log });
  const budgets = createBudgetLook({ sourceFor: (name) => sources.sourceFor(name), clock, log });
  const changed = () => {
    for (const { metadata } of stores.rollouts.list()) queue.add(`${metadata.namespace ?? ''}/${metadata.name}`);
  };
  const protection = createProtection({ api, namespace: config.lease.namespace, clock, log, changed });
  const record = createRecorder({
    api,
    stores,
    clock,
    telemetry,
    wishOf: (rollout) => memory.wishes.get(rollout.metadata.uid ?? ''),
    decided: (key) => memory.decided.get(key),
    evidenceOf: (key) => engine.checkpoint(key) || undefined,
  });
  const places = createPlaces(stores.rollouts, config.maxMoving ?? {});
  const instruments = { ...askers, places, engine, prober, looks, budgets, protection, record, memory };
  return {
    reconcile: createReconcile(reconcileDeps(parts, instruments)),
    sources,
    protection,
    places,
    fillGauges(gauge) {
      fillCostGauges(engine.costs(), gauge);
      fillSeasonGauges(engine.seasons(), gauge);
      places.fillGauges(gauge, clock.now());
    },
    stop() {
      engine.stop();
      sources.close();
    },
  };
}

/** What is asked of the API server before a pass looks, and remembered. */
interface Askers {
  templates: TemplateCheck;
  ending: EndingNamespace;
  given: GivenBack;
  gateways: GatewayFeatures;
}

interface Instruments extends Askers {
  places: Places;
  engine: GateEngine;
  prober: Prober;
  looks: TrafficLook;
  budgets: BudgetLook;
  protection: Protection;
  record: Recorder;
  memory: Memory;
}

function reconcileDeps(
  parts: LoopParts,
  {
    places,
    engine,
    prober,
    looks,
    budgets,
    templates,
    ending,
    given,
    gateways,
    protection,
    record,
    memory,
  }: Instruments,
): ReconcileDeps {
  const { config, log, telemetry, api, stores, isLeader, clock = systemClock } = parts;
  const { tickMs, figuresEveryMs } = config;
  const templateProblems = (rollout: KubeObject, revision: string): Problem[] | undefined =>
    templates.problems(rollout, revision);
  const readings = {
    readings: (key: string) => engine.readings(key),
    probes: (key: string) => prober.reading(key),
    traffic: (key: string) => looks.known(key),
    budgets: (key: string) => budgets.known(key),
  };
  const events = eventsOf(parts);
  return {
    ...{ api, stores, clock, log, telemetry, isLeader },
    prepare: (rollout, state, signal) =>
      prepare({ templates, ending, given, gateways, looks, budgets, stores }, rollout, state, signal),
    look(rollout: KubeObject, state: State): Sight {
      return observe(rollout, state, {
        stores,
        memory: memory.wishes,
        tickMs,
        places,
        now: clock.now(),
        ...readings,
        templateProblems,
        ends: ending.ends,
        bare: given.bare,
        lacks: gateways.lacks,
        actions: protection,
        tooOld: () => parts.tooOld?.() ?? [],
      });
    },
    decided: (rollout, { next }) => places.note(rollout, next),
    apply: applier(parts, record, memory),
    status: createStatusWriter({ api, store: stores.rollouts, clock, figuresEveryMs }),
    follow(rollout, decision, sight) {
      follow(
        { stores, engine, prober, decided: memory.decided, tickMs, now: () => clock.now() },
        rollout,
        decision,
        sight,
      );
    },
    settle: (rollout, { next }) => checkpoint({ memory, record, clock }, rollout, next),
    forget(key) {
      places.forget(key);
      looks.forget(key);
      budgets.forget(key);
      memory.decided.delete(key);
      engine.unwatch(key);
      prober.unwatch(key);
    },
    tell: (rollout, { type, reason, message }) =>
      events.record({ regarding: rollout, type, reason, action: reason, note: message }),
  };
}

/** Kubernetes Events, for people who ask kubectl. */
function eventsOf({ config, log, telemetry, api, clock = systemClock, random = systemRandom }: LoopParts) {
  const { identity: instance } = config.lease;
  const controller = 'headgate.dev/operator';
  return createEventRecorder({ api, resource: EVENT, controller, instance, clock, random, log, telemetry });
}

function applier({ api, stores }: LoopParts, record: Recorder, { wishes }: Memory): ReconcileDeps['apply'] {
  const deps = { api, stores, record, sourceOf: ({ metadata }: KubeObject) => wishes.get(metadata.uid ?? '')?.source };
  return (rollout, effect) => apply(deps, rollout, effect);
}

/** What a pass must ask before it looks: a template's dry run, and before a first raise traffic and budgets. */
async function prepare(
  asks: Askers & Pick<Instruments, 'looks' | 'budgets'> & { stores: Stores },
  rollout: KubeObject,
  state: State | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { templates, ending, given, gateways, looks, budgets, stores } = asks;
  await ending.ask(rollout, state, signal);
  await given.ask(rollout, state, signal);
  const read = rolloutOf(rollout, deploymentOf(rollout, stores));
  if (!read.ok) return;
  await templates.ask(rollout, read, signal);
  const places = reachPlaces(stores, read.spec.routes, rollout.metadata.namespace ?? '');
  const routes = places.flatMap(({ object }) => object ?? []);
  const key = keyOf(rollout);
  await gateways.ask({ key, routes, steps: read.steps ?? [] }, signal);
  const stable = state?.stable;
  if (state === undefined || stable === undefined) return;
  const revision = wishedRevision(state, read.spec.revision);
  if (!isToBegin(state, revision)) return;
  const { name, namespace = '' } = rollout.metadata;
  const question = trafficQuestion(
    { ...read, spec: { ...read.spec, revision } },
    { rollout: name, stable, namespace, stores },
  );
  if (question === undefined) return;
  const { slos, scrapeMs } = question;
  const { least } = read.preflight;
  await Promise.all([
    state.release === undefined || state.release.ending !== undefined ? looks.ask(key, question, signal) : undefined,
    budgets.ask(key, { slos, scrapeMs, least, scope: { namespace, rollout: name } }, signal),
  ]);
}

/** Stores the gates' evidence now and then, so that a restart has little to read again. */
async function checkpoint(
  { memory, record, clock }: Pick<Instruments, 'memory' | 'record'> & { clock: Clock },
  rollout: KubeObject,
  { release }: State,
): Promise<void> {
  if (release === undefined) return;
  const last = memory.checkpointedAt.get(release.name) ?? Number.NEGATIVE_INFINITY;
  if (clock.monotonic() - last < CHECKPOINT_EVERY_MS) return;
  memory.checkpointedAt.set(release.name, clock.monotonic());
  await record.checkpoint(rollout, release.name);
}
