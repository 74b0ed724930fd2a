import type { Slo } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { MetricSource } from '#ports/metric-source.ts';
import { type BudgetScope, badOver, budgetQuery, PART } from '#sources/promql-budget.ts';

/** What is left of one objective's error budget. */
export interface BudgetFigure {
  slo: string;
  /** Share of the window's budget; below 0 it is overspent. */
  left?: number;
  /** Why it cannot be told. */
  unknown?: string;
  /** When it is back at the share that was asked for, if nothing more fails. */
  backAt?: Millis;
}

export interface BudgetQuestion {
  slos: Slo[];
  scope: BudgetScope;
  scrapeMs: Millis;
  /** Below this share the way back is worth a second question. */
  least: number;
}

/** A look at the error budgets before a release begins. It holds a beginning at most; it stops nothing. */
export interface BudgetLook {
  /** Never throws. Asks again when the last answer has aged. */
  ask(rollout: string, question: BudgetQuestion, signal: AbortSignal): Promise<void>;
  known(rollout: string): BudgetFigure[];
  forget(rollout: string): void;
}

/** A question over weeks is dear, and its answer moves slowly. */
const FRESH_MS: Millis = 300_000;
/** A source that did not answer is asked again sooner, though not at every pass. */
const RETRY_MS: Millis = 30_000;
/** Slices of the window by which bad events leave it: their times are that exact. */
const SLICES = 28;

interface Answer {
  askedAt: Millis;
  about: string;
  figures: BudgetFigure[];
}

interface LookDeps {
  sourceFor(name: string | undefined): MetricSource | undefined;
  clock: Clock;
  log: Log;
}

export function createBudgetLook(deps: LookDeps): BudgetLook {
  const answers = new Map<string, Answer>();
  return {
    async ask(rollout, question, signal) {
      const now = deps.clock.monotonic();
      const about = JSON.stringify([question.slos, question.least]);
      const last = answers.get(rollout);
      if (last?.about === about && now - last.askedAt < ageOf(last)) return;
      const figures = await Promise.all(question.slos.map((slo) => look(deps, slo, question, signal)));
      answers.set(rollout, { askedAt: now, about, figures });
    },
    known: (rollout) => answers.get(rollout)?.figures ?? [],
    forget: (rollout) => answers.delete(rollout),
  };
}

function ageOf({ figures }: Answer): Millis {
  return figures.some(({ unknown }) => unknown !== undefined) ? RETRY_MS : FRESH_MS;
}

async function look(deps: LookDeps, slo: Slo, question: BudgetQuestion, signal: AbortSignal): Promise<BudgetFigure> {
  const promql = budgetQuery(slo, question.scope);
  // What people buy has no budget of failures.
  if (promql === undefined) return { slo: slo.name, left: 1 };
  const source = deps.sourceFor(slo.source);
  if (source === undefined) return { slo: slo.name, unknown: 'there is no such MetricSource' };
  const at = deps.clock.now() - question.scrapeMs;
  try {
    const { total, bad } = await partsOf(source, promql, { at, signal });
    if (!(total > 0)) return { slo: slo.name, unknown: 'the source counts no event within the window' };
    const left = 1 - bad / ((1 - slo.objective) * total);
    if (left >= question.least) return { slo: slo.name, left };
    const backAt = await wayBack(source, slo, { question, total, at, signal });
    return { slo: slo.name, left, ...(backAt === undefined ? {} : { backAt }) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    deps.log.warn('no figure of the error budget', { source: source.name, slo: slo.name, error: message });
    return { slo: slo.name, unknown: message };
  }
}

async function partsOf(
  source: MetricSource,
  promql: string,
  when: { at: Millis; signal: AbortSignal },
): Promise<{ total: number; bad: number }> {
  const { result } = await source.query(promql, when);
  const samples = result.kind === 'vector' ? result.samples : [];
  const part = (name: string) => samples.find(({ labels, value }) => labels[PART] === name && value > 0)?.value ?? 0;
  return { total: part('total'), bad: part('bad') };
}

interface Way {
  question: BudgetQuestion;
  total: number;
  at: Millis;
  signal: AbortSignal;
}

/** Bad events leave the window a window after they came: oldest first, until few enough are left. */
async function wayBack(
  source: MetricSource,
  slo: Slo,
  { question, total, at, signal }: Way,
): Promise<Millis | undefined> {
  const stepMs = Math.max(60_000, Math.round(slo.windowMs / SLICES / 1000) * 1000);
  const promql = badOver(slo, question.scope, stepMs);
  if (promql === undefined) return undefined;
  const to = Math.floor(at / stepMs) * stepMs;
  const { result } = await source.range(promql, { from: to - (SLICES - 1) * stepMs, to, stepMs, signal });
  const points = (result.series[0]?.points ?? []).map(({ at: end, value }) => ({ end, bad: Math.max(0, value || 0) }));
  const allowed = (1 - question.least) * (1 - slo.objective) * total;
  let left = points.reduce((sum, { bad }) => sum + bad, 0);
  for (const { end, bad } of points) {
    left -= bad;
    if (left <= allowed) return end + slo.windowMs;
  }
  return undefined;
}
