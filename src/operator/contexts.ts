import { isByPods } from '#core/capacity.ts';
import { epochOf, stepEpochOf } from '#core/epoch.ts';
import type { GateContext } from '#core/gate.ts';
import { rungAt } from '#core/ladder.ts';
import type { Plan, ReleaseState } from '#core/model.ts';
import type { SeenRoute } from '#core/seen.ts';
import { ALPHA } from '#gates/bounds.ts';
import type { Millis, Weight } from '#lib/units.ts';
import type { Budget } from '#schema/translate-release.ts';

/** What each gate of the plan must know about the release now. Pure. */
export function contextsOf(
  release: ReleaseState,
  plan: Plan,
  at: {
    budget: Budget;
    /** Left out: they carry what was granted, as in a simulation. */
    routes?: readonly SeenRoute[];
    tickMs: Millis;
    scrapeMs: Millis;
    settleMs: Millis;
  },
): GateContext[] {
  const arrived = release.stage === 'Holding' || release.stage === 'Baking' || release.joinedAt !== undefined;
  const next =
    release.stage === 'Promoting'
      ? undefined
      : plan.steps.slice(release.step + 1).find(({ weight: share }) => share > 0)?.weight;
  const rung = release.stage === 'Promoting' ? undefined : rungAt(plan, release.step + 1);
  const waits = release.stage === 'Preparing' || release.stage === 'Probing';
  const weight = waits ? 0 : Math.min(release.weight, carriedBy(at.routes));
  // Several guardrails share the chance of a false stop (weighted Bonferroni, equal weights).
  const guardrails = plan.gates.filter(({ role }) => role === 'Guardrail').length;
  const shared = {
    alpha: ALPHA / Math.max(1, guardrails),
    epoch: epochOf(release),
    stepEpoch: stepEpochOf(release),
    ...(release.resumedAt === undefined ? {} : { begunAt: release.resumedAt }),
    attempt: release.attempt,
    weight,
    ...(weight === 0 && !waits ? beside(release, at.routes) : {}),
    ...(next === undefined ? {} : { nextWeight: next }),
    ...(rung === undefined ? {} : { next: { weight: rung.weight, holdMs: rung.holdMs } }),
    ...raisedAt(release),
    arrived,
    mixed: (release.joined ?? 0) > 0,
    ...(isByPods(release) ? { unrouted: true } : {}),
    ...(at.routes?.some(({ sticky }) => sticky) ? { sticky: true } : {}),
    // From the fault to weight 0: a scrape to see it, a tick to judge it, the data plane to act.
    reactionMs: at.scrapeMs + at.tickMs + at.settleMs,
    tickMs: at.tickMs,
    targetSpend: at.budget.targetSpend,
    maxSpend: leftToSpend(at.budget),
  };
  return plan.gates.map((gate) => ({ gate, ...shared }));
}

/** Spend adds up over the window. What one undetected fault may cost is left to every release, or it could not move. */
function leftToSpend({ targetSpend, maxSpend, carried = 0 }: Budget): number {
  return Math.max(targetSpend, maxSpend - carried);
}

/**
 * When the newest raise took hold. The record of a raise may be far older than its write, after a crash between the two
 * or when a lost one was written again, and until then no request was due on the canary.
 */
function raisedAt({ weight, reach, raisedAt: granted, acceptedAt = 0, joinedAt = 0 }: ReleaseState): {
  raisedAt?: Millis;
} {
  return granted === undefined || (weight === 0 && reach === undefined)
    ? {}
    : { raisedAt: Math.max(granted, acceptedAt, joinedAt) };
}

/**
 * The least that any route sends to the canary now. Where somebody took the traffic back no request is due, and a canary
 * must not be called dark for that.
 */
function carriedBy(routes: readonly SeenRoute[] = []): Weight {
  return Math.min(...routes.map(({ exists, weight, spread }) => (exists ? (weight ?? spread?.least ?? 0) : 0)));
}

/** What meets the canary at weight 0. */
function beside(
  { reach }: ReleaseState,
  routes: readonly SeenRoute[] | undefined,
): Pick<GateContext, 'exposed' | 'copied'> {
  if (sends(routes)) return { exposed: true };
  if (reach === undefined) return {};
  return reach.mirror === undefined ? { exposed: true } : { exposed: true, copied: true };
}

/** Where one route was taken back and another was not, users meet the canary still, and what they meet counts. */
function sends(routes: readonly SeenRoute[] = []): boolean {
  return routes.some(({ exists, weight, spread }) => exists && (weight ?? spread?.most ?? 0) > 0);
}
