import type { Gate } from '#core/gate.ts';
import type { Plan, Verb } from '#core/model.ts';
import type { ProbeReading, Seen } from '#core/seen.ts';
import type { PodInfo } from '#gates/samples.ts';
import { type Millis, WHOLE } from '#lib/units.ts';
import { World } from '#test/core/world.ts';
import { Exporters } from '../../bench/decisions/exporters.ts';
import { THRESHOLD } from '../../bench/decisions/latency.ts';
import { type Scenario, serve, TICK_MS } from '../../bench/decisions/traffic.ts';
import type { Header, Line } from './journal.ts';
import { Operator } from './replay.ts';

/** A shop with seeded users, exporters and Kubernetes, and an operator whose every look and decision is written down. */

/** Three passes a tick. */
const PASS_MS = 5000;

const requests = { metric: 'http_requests_total', matchers: [] };
const WINDOW_MS = 30 * 86_400_000;

function gateOf({ objective, latency, business }: Scenario): Gate {
  const role = 'Guardrail' as const;
  const arms = { by: 'Pod' as const };
  const rest = { role, tolerate: 1 - objective, maxWaitMs: 1_800_000 };
  if (latency !== undefined) {
    const histogram = { metric: 'http_request_duration_seconds', matchers: [] };
    const sli = { kind: 'latency' as const, histogram, threshold: THRESHOLD, form: 'Classic' as const };
    return { ...rest, name: 'latency', slo: { name: 'latency', sli, arms, objective, windowMs: WINDOW_MS } };
  }
  if (business !== undefined) {
    const events = { metric: 'orders_total', matchers: [] };
    const more = { worse: 'Lower' as const, tolerate: 0.2, lagMs: business.lag * TICK_MS };
    const sli = { kind: 'business' as const, exposure: requests, events, ...more };
    return { ...rest, name: 'orders', slo: { name: 'orders', sli, arms, objective: 0, windowMs: WINDOW_MS } };
  }
  const bad = { metric: 'http_requests_total', matchers: [{ label: 'code', op: '=~' as const, value: '5..' }] };
  const sli = { kind: 'events' as const, total: requests, bad };
  return { ...rest, name: 'availability', slo: { name: 'availability', sli, arms, objective, windowMs: WINDOW_MS } };
}

export interface ShopOptions {
  scenario: Scenario;
  seed: number;
  /** Of the plan: what differs from three steps of a minute and a bake of five. */
  plan?: Partial<Plan>;
}

export class Shop extends World {
  readonly lines: Line[] = [];
  private readonly scenario: Scenario;
  private readonly seed: number;
  private readonly exporters: Exporters;
  private readonly operator: Operator;
  private readonly births = new Map<string, Millis>();
  private readonly header: Omit<Header, 'history' | 'about' | 'from'>;
  private ticks = 0;

  constructor({ scenario, seed, plan = {} }: ShopOptions) {
    super();
    this.now = 1_200_000;
    this.scenario = scenario;
    this.seed = seed;
    this.exporters = new Exporters(scenario);
    this.spec = { ...this.spec, replicas: 3, progressDeadlineMs: 600_000, scaleDownDelayMs: 30_000, settleMs: 10_000 };
    const steps = [5000, 20_000, 50_000].map((weight) => ({ weight, holdMs: 60_000 }));
    const bake = { forMs: 300_000, control: 5000 };
    this.plan = { ...this.plan, steps, bake, gates: [gateOf(scenario)], ...plan };
    const budget = { targetSpend: 0.001, maxSpend: 0.01 };
    this.header = { state: this.state, gates: {}, budget, tickMs: TICK_MS, scrapeMs: TICK_MS };
    this.operator = new Operator(this.header);
  }

  get beginning(): Omit<Header, 'history' | 'about' | 'from'> {
    return this.header;
  }

  /** Time passes for a while, or until something holds. */
  go(seconds: number, until: (shop: Shop) => boolean = () => false): void {
    for (let left = seconds; left > 0 && !until(this); left -= PASS_MS / 1000) this.moment();
  }

  /** Since the first tick. */
  get minute(): number {
    return (this.ticks * TICK_MS) / 60_000;
  }

  say(verb: Verb): void {
    this.act(verb);
  }

  /** Another process goes on with what the first one stored. */
  restartOperator(): void {
    this.operator.restart();
    this.lines.push({ see: { at: this.now, restart: true }, do: {} });
  }

  deploy(revision: string): void {
    this.spec = { ...this.spec, revision };
  }

  private moment(): void {
    this.now += PASS_MS;
    this.cluster();
    for (const { name } of this.pods) if (!this.births.has(name)) this.births.set(name, this.now - PASS_MS);
    if (this.now % TICK_MS === 0) this.measure();
    this.reconcile();
    this.check();
  }

  /** Users of the last tick, and one look at the source, which is a scrape behind. */
  private measure(): void {
    const served = serve(this.scenario, this.seed, this.ticks, { canary: this.share(), baseline: 0 });
    this.ticks += 1;
    this.exporters.observe(served, this.infos(), this.now, (pod, at) => this.births.set(pod, at));
    const [gate] = this.plan.gates;
    if (gate === undefined) return;
    const ticks = { [gate.name]: this.exporters.tick(this.now, served.scraped) };
    const pods = this.infos();
    const { routes, spec } = this.seen();
    this.operator.tick(ticks, pods, { routes, settleMs: spec?.settleMs ?? 0 });
    this.lines.push({ see: { at: this.now, ticks, pods }, do: {} });
  }

  /** Pods of both arms, as the watch cache knows them. */
  private infos(): PodInfo[] {
    const canary = this.state.release?.revision;
    const revisions = new Map(this.sets.map(({ name, revision }) => [name, revision]));
    const infos = this.pods.map(
      (pod): PodInfo => ({
        pod: pod.name,
        arm: revisions.get(pod.set) === canary ? 'canary' : 'stable',
        available: this.available(pod),
        containers: [{ name: 'app', startedAt: this.births.get(pod.name) ?? this.now }],
      }),
    );
    return infos;
  }

  /** Share of all requests that the new revision gets: by the route, and through the user's own Service. */
  private share(): number {
    const canary = this.state.release?.revision;
    const serving = this.pods.filter((pod) => pod.arms.stable && this.available(pod));
    const joined = serving.filter(({ set }) => set === `shop-${canary}`).length / Math.max(1, serving.length);
    const weight = (this.routes[0]?.weight ?? 0) / WHOLE;
    return weight + (1 - weight) * joined;
  }

  override seen(): Seen {
    return { ...super.seen(), gates: [] };
  }

  probe(result: ProbeReading['result']): void {
    this.plan = { ...this.plan, probes: ['smoke'] };
    this.probes = { result, message: result };
  }

  override reconcile(): void {
    const { gates: _, ...seen } = structuredClone(this.seen());
    const { next, effects, decided } = this.operator.pass(seen, this.now);
    this.lines.push({ see: { at: this.now, seen }, do: decided });
    if (this.state.message !== next.message) this.timeline.push(`${this.now} ${next.phase} ${next.message}`);
    this.state = next;
    for (const effect of effects) this.apply(effect);
  }
}
