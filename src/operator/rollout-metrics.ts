import type { GateCost } from '#core/gate.ts';
import { viewRollout } from '#core/view.ts';
import type { GateView } from '#core/view-gates.ts';
import { WHOLE } from '#lib/units.ts';
import type { Telemetry } from '#ports/telemetry.ts';

/** Gauges of what gates take of their sources: for `collect` of the metric store. */
export function fillCostGauges(
  costs: readonly { key: string; gate: string; cost: GateCost }[],
  gauge: Telemetry['gauge'],
): void {
  for (const { key, gate, cost } of costs) {
    const [namespace = '', rollout = ''] = key.split('/');
    for (const [what, value] of Object.entries(cost)) {
      gauge(`headgate_gate_cost_${what}`, value, { namespace, rollout, gate });
    }
  }
}

/** Gauges of what is earned now against the same hour of earlier weeks: for `collect` of the metric store. */
export function fillSeasonGauges(
  seasons: readonly { key: string; gate: string; ratio: number }[],
  gauge: Telemetry['gauge'],
): void {
  for (const { key, gate, ratio } of seasons) {
    const [namespace = '', rollout = ''] = key.split('/');
    gauge('headgate_gate_season_ratio', ratio, { namespace, rollout, gate });
  }
}

/** Gauges of the Rollouts as they stand in the cache: for `collect` of the metric store. */
export function fillRolloutGauges(rollouts: readonly unknown[], gauge: Telemetry['gauge']): void {
  for (const object of rollouts) {
    const view = viewRollout(object, []);
    const labels = { namespace: view.namespace, rollout: view.name };
    gauge('headgate_rollout_info', 1, { ...labels, phase: view.phase });
    gauge('headgate_rollout_weight', view.weight / WHOLE, labels);
    if (view.spend !== undefined) gauge('headgate_release_spend_ratio', view.spend, labels);
    for (const bound of ['expected', 'pessimistic'] as const) {
      const forecast = view.forecast?.[bound];
      if (forecast !== undefined) gauge('headgate_release_spend_forecast_ratio', forecast, { ...labels, bound });
    }
    for (const gate of view.gates) fillGate(gate, labels, gauge);
  }
}

function fillGate(gate: GateView, rollout: Record<string, string>, gauge: Telemetry['gauge']): void {
  const labels = { ...rollout, gate: gate.name };
  gauge('headgate_gate_verdict', 1, { ...labels, verdict: gate.verdict });
  for (const arm of ['canary', 'stable'] as const) {
    const counts = gate[arm];
    if (counts === undefined) continue;
    gauge('headgate_release_requests', counts.bad, { ...labels, arm, result: 'bad' });
    gauge('headgate_release_requests', counts.total - counts.bad, { ...labels, arm, result: 'good' });
  }
}
