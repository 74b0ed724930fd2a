import { epochOf } from '#core/epoch.ts';
import type { Gate, GateContext, GateReading } from '#core/gate.ts';
import type { Step } from '#core/model.ts';
import { type ErrorGate, startErrorGate } from '#gates/error-state.ts';
import { foldErrorTick, judgeErrors } from '#gates/errors.ts';
import type { PodInfo } from '#gates/evidence.ts';
import { historyOf, pastContext } from '#gates/history.ts';
import { deriveMaxWait, deriveWeights, forecastSteps } from '#gates/ramp.ts';
import type { Millis } from '#lib/units.ts';
import { contextsOf } from '#operator/contexts.ts';
import { Cluster, spec } from './cluster.ts';
import { Exporters } from './exporters.ts';
import { nothing, type Policy, type Run, stopped, type Wish } from './policy.ts';
import { type Scenario, type Served, SLOTS, TICK_MS } from './traffic.ts';

/**
 * Headgate by its production code: `decide`, `contextsOf`, `foldErrorTick`, `judgeErrors` and the ramp planner. Made up
 * are a cluster where pods and routes are ready at once, and exporters that are scraped once a tick.
 */

export const OBJECTIVE = 0.995;
const WINDOW_MS = 30 * 86_400_000;
const BUDGET = { targetSpend: 0.001, maxSpend: 0.01 };
const SCRAPE_MS = TICK_MS;

/** Release begins here; a multiple of the tick, and late enough for an hour of service before it. */
const START = 1000 * TICK_MS;

const slo: Gate['slo'] = {
  name: 'availability',
  sli: {
    kind: 'events',
    total: { metric: 'http_requests_total', matchers: [] },
    bad: { metric: 'http_requests_total', matchers: [{ label: 'code', op: '=~', value: '5..' }] },
  },
  arms: { by: 'Pod' },
  objective: OBJECTIVE,
  windowMs: WINDOW_MS,
};

const SETTLE_MS = spec.settleMs;
const HOLD_MS = 60_000;

export interface Plan {
  steps: Step[];
  gate: Gate;
}

export interface Planning {
  /** Traffic and failure rate that the planner knows; without them it takes its fallback. */
  live?: { rps: number; base: number };
  lastHoldMs?: Millis;
  canaryReplicas?: number;
}

/** What the operator proposes for a Rollout that gives no steps and no maxWait. */
export function planOf({ live, lastHoldMs = HOLD_MS, canaryReplicas }: Planning): Plan {
  const { targetSpend } = BUDGET;
  const reactionMs = SCRAPE_MS + TICK_MS + SETTLE_MS;
  const budget = { objective: OBJECTIVE, windowMs: WINDOW_MS, targetSpend, reactionMs };
  const weights = deriveWeights({ slos: [slo], targetSpend, reactionMs, ...(live && { rps: live.rps }) });
  const tolerate = 1 - OBJECTIVE;
  const forecast = live === undefined ? [] : forecastSteps({ ...budget, ...live, weights, tolerate });
  const steps = weights.map((weight, index) => ({
    weight,
    holdMs: index === weights.length - 1 ? lastHoldMs : HOLD_MS,
    ...(canaryReplicas === undefined ? {} : { canaryReplicas }),
  }));
  return { steps, gate: { name: slo.name, role: 'Guardrail', slo, tolerate, maxWaitMs: deriveMaxWait(forecast) } };
}

interface Options {
  /** Plan on the live traffic, as the ramp planner is meant to. */
  planned?: boolean;
  /** What a user writes today who wants a bake: a long hold of the last step. */
  lastHoldMs?: Millis;
  only?: string[];
}

export function headgate(name: string, title: string, { planned, lastHoldMs, only }: Options = {}): Policy {
  return {
    name,
    title,
    ...(only === undefined ? {} : { only }),
    start: ({ rps, base, onePod }: Scenario) =>
      new HeadgateRun(
        planOf({
          ...(planned === true ? { live: { rps, base } } : {}),
          ...(lastHoldMs === undefined ? {} : { lastHoldMs }),
          ...(onePod === true ? { canaryReplicas: SLOTS } : {}),
        }),
      ),
  };
}

export class HeadgateRun implements Run {
  readonly shares = nothing;
  readonly cluster: Cluster;
  private readonly exporters = new Exporters();
  private state: ErrorGate = startErrorGate();
  private at = START;
  private climbed = false;

  constructor({ steps, gate }: Plan) {
    this.cluster = new Cluster(START, gate, steps);
    this.cluster.release('v2');
    this.cluster.settle(START, () => []);
  }

  /** When a gate begins it reads stable's last hour, a tick a minute. */
  before(served: Served, ago: number): void {
    const at = START - (ago - 1) * TICK_MS;
    this.exporters.observe(served, this.cluster.pods(), at, (pod, when) => this.cluster.restart(pod, when));
    const context = this.context();
    if (context === undefined || at % historyOf(context, at).stepMs !== 0) return;
    const tick = this.exporters.tick(at, served.scraped);
    this.state = foldErrorTick(this.state, tick, this.cluster.pods(), pastContext(context));
  }

  /** Queries look one scrape into the past: this tick is judged at the end of the next one. */
  tick(served: Served): Wish {
    this.at += TICK_MS;
    const now = this.at + SCRAPE_MS;
    const pods = this.cluster.pods();
    this.exporters.observe(served, pods, this.at, (pod, at) => this.cluster.restart(pod, at));
    this.fold(served.scraped, this.cluster.pods());
    this.cluster.settle(now, () => this.readings(now), now + TICK_MS);
    return this.wish();
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
    this.state = foldErrorTick(this.state, this.exporters.tick(this.at, scraped), pods, context);
  }

  private readings(now: Millis): GateReading[] {
    const context = this.context();
    return context === undefined ? [] : [judgeErrors(this.state, context, now)];
  }

  private wish(): Wish {
    const { state } = this.cluster;
    const release = state.release;
    if (release?.ending !== undefined) return { ...stopped, cause: release.ending.cause ?? release.ending.kind };
    this.climbed ||= release === undefined || release.stage === 'Promoting';
    const canary = this.cluster.share('v2');
    const outcome = canary >= 0.95 ? 'promoted' : 'open';
    return { shares: { canary, baseline: 0 }, outcome, climbed: this.climbed, cause: waitsFor(state) };
  }
}

function waitsFor({ phase, reason, release }: HeadgateRun['cluster']['state']): string {
  const place = release === undefined ? '' : `${release.stage}/${epochOf(release)}`;
  return `${phase}/${reason ?? ''}/${place}`;
}
