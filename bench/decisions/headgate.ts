import { epochOf } from '#core/epoch.ts';
import type { Gate, GateContext, GateReading, Sli, Slo } from '#core/gate.ts';
import type { Plan } from '#core/model.ts';
import type { LiveGate } from '#gates/define.ts';
import { historyOf, pastContext } from '#gates/history.ts';
import { deriveMaxWait, deriveWeights, forecastSteps } from '#gates/ramp.ts';
import type { PodInfo } from '#gates/samples.ts';
import type { Millis } from '#lib/units.ts';
import { contextsOf } from '#operator/contexts.ts';
import { memberOf } from '#operator/groups.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { gateFor, gates } from '#src/catalog.ts';
import { Cluster, spec } from './cluster.ts';
import { Exporters } from './exporters.ts';
import { THRESHOLD } from './latency.ts';
import { nothing, type Policy, promoted, type Run, stopped, type Wish } from './policy.ts';
import {
  BAD_SLOT,
  type Scenario,
  type Served,
  SLOTS,
  serve,
  sum,
  TICK_MS,
  TICKS,
  TICKS_PER_MINUTE,
} from './traffic.ts';

/**
 * Headgate by its production code: `decide`, `contextsOf`, the gates of the catalog and the ramp planner. Made up are a
 * cluster where pods and routes are ready at once, and exporters that are scraped once a tick.
 */

const WINDOW_MS = 30 * 86_400_000;
const BUDGET = { targetSpend: 0.001, maxSpend: 0.01 };
const SCRAPE_MS = TICK_MS;

/** Release begins here; a multiple of the tick, and late enough for an hour of service before it. */
const START = 1000 * TICK_MS;

const SETTLE_MS = spec.settleMs;
const HOLD_MS = 60_000;
const REACTION_MS = SCRAPE_MS + TICK_MS + SETTLE_MS;

/** The defaults of a Rollout: half an hour with a control of 5 %. */
const BAKE = { forMs: 1_800_000, control: 5000 };

/** A relative loss of orders that is tolerated, as the reference gives it for an example. */
const TOLERATED_DIP = 0.2;

const requests = { metric: 'http_requests_total', matchers: [] };

function sliOf({ latency, business }: Scenario): Sli {
  if (latency !== undefined) {
    const histogram = { metric: 'http_request_duration_seconds', matchers: [] };
    return { kind: 'latency', histogram, threshold: THRESHOLD, form: 'Classic' };
  }
  if (business !== undefined) {
    const events = { metric: 'orders_total', matchers: [] };
    const more = { worse: 'Lower' as const, tolerate: TOLERATED_DIP, lagMs: business.lag * TICK_MS };
    return { kind: 'business', exposure: requests, events, ...more };
  }
  const bad = { metric: 'http_requests_total', matchers: [{ label: 'code', op: '=~' as const, value: '5..' }] };
  return { kind: 'events', total: requests, bad };
}

function sloOf(scenario: Scenario): Slo {
  const objective = scenario.business === undefined ? scenario.objective : 0;
  return { name: 'checkout', sli: sliOf(scenario), arms: { by: 'Pod' }, objective, windowMs: WINDOW_MS };
}

/** Traffic and failure ratio of stable's last minute, as the operator looks at them before it plans. */
export function lookAt(scenario: Scenario, seed: number): { rps: number; base: number } {
  const ticks = Array.from({ length: TICKS_PER_MINUTE }, (_, index) => index - TICKS_PER_MINUTE);
  const { total, bad } = sum(ticks.flatMap((tick) => serve(scenario, seed, tick, nothing).stable));
  return { rps: total / 60, base: total > 0 ? bad / total : 0 };
}

/** What the operator proposes, and the minutes until the last step is left, as it knows before the release. */
export interface Proposal {
  plan: Omit<Plan, 'probes' | 'onBreach' | 'rollback'>;
  forecast?: number;
}

/** What the operator proposes for a Rollout that gives no steps and no maxWait. */
export function planOf(scenario: Scenario, live: { rps: number; base: number } | undefined): Proposal {
  const { targetSpend } = BUDGET;
  const slo = sloOf(scenario);
  const { objective, windowMs } = slo;
  const tolerate = 1 - objective;
  const budget = { targetSpend, reactionMs: REACTION_MS };
  const weights = deriveWeights({ slos: [slo], ...budget, ...(live && { rps: live.rps }) });
  const forecast =
    live === undefined || objective === 0
      ? []
      : forecastSteps({ ...budget, ...live, weights, tolerate, objective, windowMs });
  const steps = weights.map((weight) => ({
    weight,
    holdMs: HOLD_MS,
    ...(scenario.onePod === true ? { canaryReplicas: SLOTS } : {}),
  }));
  const gate: Gate = { name: slo.name, role: 'Guardrail', slo, tolerate, maxWaitMs: deriveMaxWait(forecast) };
  return {
    plan: { steps, bake: BAKE, gates: [gate] },
    ...(forecast.length === 0 ? {} : { forecast: climbOf(forecast) }),
  };
}

/** Each step settles, is held, and waits for its evidence, which begins with the first whole tick and comes late. */
function climbOf(forecast: readonly Millis[]): number {
  const steps = forecast.map((ms) => Math.max(SETTLE_MS + HOLD_MS, REACTION_MS + ms));
  return steps.reduce((total, ms) => total + ms, 0) / 60_000;
}

/** Plays what the catalog has a gate for. */
export const headgate: Policy = {
  name: 'headgate',
  title: 'Headgate',
  only: (scenario) => gates.some(({ sli }) => sli === sliOf(scenario).kind),
  start: (scenario, seed) => new HeadgateRun(scenario, planOf(scenario, lookAt(scenario, seed)), seed),
};

/** Hours before releases that have been played, because most scenarios of a seed begin with the same one. */
const hours = new Map<string, { gate: LiveGate; exporters: Exporters }>();
const MAX_HOURS = 5000;

/** All that stable's traffic depends on before anything happens. */
function hourOf(scenario: Scenario, seed: number): string {
  const { rps, base, objective, noise, retries, latency, business, together, swing } = scenario;
  const sli = [latency !== undefined, business?.rate, business?.lag];
  return JSON.stringify([seed, rps, base, objective, noise, retries, together, sli, swing?.(-1)]);
}

export class HeadgateRun implements Run {
  readonly shares = nothing;
  readonly forecast?: number;
  readonly cluster: Cluster;
  private readonly hour: string;
  private exporters: Exporters;
  private gate: LiveGate;
  private at = START;
  private climbed = false;

  constructor(scenario: Scenario, { plan, forecast }: Proposal, seed: number) {
    this.hour = hourOf(scenario, seed);
    if (forecast !== undefined) this.forecast = forecast;
    this.exporters = new Exporters(scenario);
    this.gate = gateFor(sliOf(scenario).kind).start();
    this.cluster = new Cluster(START, plan);
    this.cluster.release('v2');
    this.cluster.settle(START, () => []);
  }

  /** When a gate begins it reads stable's last hour, a tick a minute. */
  lookBack(served: (ago: number) => Served): void {
    const known = hours.get(this.hour);
    if (known === undefined) {
      for (let ago = TICKS; ago > 0; ago -= 1) this.before(served(ago), ago);
      if (hours.size >= MAX_HOURS) hours.clear();
      hours.set(this.hour, { gate: this.gate, exporters: this.exporters.copy() });
    } else {
      this.gate = known.gate;
      this.exporters = known.exporters.copy();
    }
  }

  private before(served: Served, ago: number): void {
    const at = START - (ago - 1) * TICK_MS;
    this.exporters.observe(served, this.cluster.pods(), at, (pod, when) => this.cluster.restart(pod, when));
    const context = this.context();
    if (context === undefined || at % historyOf(context, at).stepMs !== 0) return;
    this.gate = this.gate.fold(this.exporters.tick(at, served.scraped), this.cluster.pods(), pastContext(context));
  }

  /** Queries look one scrape into the past: this tick is judged at the end of the next one. */
  tick(served: Served): Wish {
    this.at += TICK_MS;
    const now = this.at + SCRAPE_MS;
    const pods = this.cluster.pods();
    this.exporters.observe(served, pods, this.at, (pod, at) => this.cluster.restart(pod, at));
    this.cluster.reap();
    this.fold(served.scraped, this.cluster.pods());
    this.cluster.settle(now, () => this.readings(now), now + TICK_MS);
    return this.wish();
  }

  /** It moves at once with the others of its path. */
  face(): KubeObject {
    const { state } = this.cluster;
    return {
      ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout', metadata: { name: 'shop' } },
      ...{ spec: { group: 'path', groupMode: 'Attribute' }, status: { state } },
    };
  }

  meet(others: readonly KubeObject[]): void {
    const members = others.map((other) => memberOf(other, this.at));
    this.cluster.group = { name: 'path', mode: 'Attribute', members, elsewhere: [] };
  }

  private context(): GateContext | undefined {
    const release = this.cluster.state.release;
    if (release === undefined) return undefined;
    const at = {
      routes: this.cluster.routes(),
      budget: BUDGET,
      tickMs: TICK_MS,
      scrapeMs: SCRAPE_MS,
      settleMs: SETTLE_MS,
    };
    return contextsOf(release, this.cluster.plan, at)[0];
  }

  private fold(scraped: boolean, pods: readonly PodInfo[]): void {
    const context = this.context();
    if (context === undefined) return;
    this.gate = this.gate.fold(this.exporters.tick(this.at, scraped), pods, context);
  }

  private readings(now: Millis): GateReading[] {
    const context = this.context();
    return context === undefined ? [] : [this.gate.judge(context, now)];
  }

  private wish(): Wish {
    const { state } = this.cluster;
    const release = state.release;
    if (release?.ending !== undefined) return { ...stopped, cause: release.ending.cause ?? release.ending.kind };
    this.climbed ||= release?.stage === 'Promoting' || release?.step === this.cluster.plan.steps.length;
    const canary = this.cluster.share('v2');
    const mended = this.cluster.replaced.has(BAD_SLOT) ? { mended: true as const } : {};
    // Past the commit point the old pods leave, whatever is seen.
    if (release === undefined || release.committed === true)
      return { ...promoted, shares: { ...promoted.shares, ...mended }, climbed: true };
    return {
      shares: { canary, baseline: 0, ...mended },
      outcome: 'open',
      climbed: this.climbed,
      cause: waitsFor(state),
    };
  }
}

function waitsFor({ phase, reason, release }: HeadgateRun['cluster']['state']): string {
  const place = release === undefined ? '' : `${release.stage}/${epochOf(release)}`;
  return `${phase}/${reason ?? ''}/${place}`;
}
