import type { Slo } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { MatrixResult, MetricSource } from '#ports/metric-source.ts';
import { type BudgetScope, budgetQuery, PART } from '#sources/promql-budget.ts';

/** What is left of one objective's error budget. */
export interface BudgetFigure {
  slo: string;
  /**
   * Share of the window's budget; below 0 it is overspent. The budget is that of a whole window at the traffic that was
   * seen, as in the gates' ledger: a service of yesterday may fail as often as an old one.
   */
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
  /** The share whose return is forecast. */
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
/** Slices of the window: the forecast is that exact, and what is younger than one counts as a whole one. */
const SLICES = 28;
/** Shorter ones hold too few scrapes. */
const LEAST_SLICE_MS: Millis = 600_000;

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
  const { name, windowMs } = slo;
  const stepMs = Math.max(LEAST_SLICE_MS, Math.round(windowMs / SLICES / 1000) * 1000);
  const promql = budgetQuery(slo, question.scope, stepMs);
  // What people buy has no budget of failures.
  if (promql === undefined) return { slo: name, left: 1 };
  const source = deps.sourceFor(slo.source);
  if (source === undefined) return { slo: name, unknown: 'there is no such MetricSource' };
  const to = deps.clock.now() - question.scrapeMs;
  const from = to - (Math.ceil(windowMs / stepMs) - 1) * stepMs;
  try {
    const { result } = await source.range(promql, { from, to, stepMs, signal });
    return figureOf(slo, slicesOf(result), { stepMs, least: question.least });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    deps.log.warn('no figure of the error budget', { source: source.name, slo: name, error: message });
    return { slo: name, unknown: message };
  }
}

/** Events of one slice of the window, which ended at `end`. */
interface Slice {
  end: Millis;
  total: number;
  bad: number;
}

/** Oldest first, from the first that has events. */
function slicesOf({ series }: MatrixResult): Slice[] {
  const slices = new Map<Millis, Slice>();
  for (const { labels, points } of series) {
    for (const { at, value } of points) {
      const slice = slices.get(at) ?? { end: at, total: 0, bad: 0 };
      const count = Math.max(0, value || 0);
      slices.set(at, labels[PART] === 'total' ? { ...slice, total: count } : { ...slice, bad: count });
    }
  }
  return [...slices.values()].filter(({ total }) => total > 0).sort((a, b) => a.end - b.end);
}

function figureOf(slo: Slo, slices: Slice[], { stepMs, least }: { stepMs: Millis; least: number }): BudgetFigure {
  const { name, objective, windowMs } = slo;
  const [first] = slices;
  const last = slices.at(-1);
  if (first === undefined || last === undefined)
    return { slo: name, unknown: 'the source counts no event within the window' };
  const seenMs = Math.min(windowMs, last.end - first.end + stepMs);
  const total = slices.reduce((sum, slice) => sum + slice.total, 0);
  const budget = (1 - objective) * total * (windowMs / seenMs);
  const bad = slices.reduce((sum, slice) => sum + slice.bad, 0);
  const left = 1 - bad / budget;
  if (left >= least) return { slo: name, left };
  const allowed = (1 - least) * budget;
  const leaves = lastToLeave(slices, bad, allowed);
  return { slo: name, left, ...(leaves === undefined ? {} : { backAt: leaves.end + windowMs }) };
}

/** Bad events leave the window a window after they came, oldest first: with this slice few enough are left. */
function lastToLeave(slices: readonly Slice[], bad: number, allowed: number): Slice | undefined {
  let left = bad;
  return slices.find((slice) => {
    left -= slice.bad;
    return left <= allowed;
  });
}
