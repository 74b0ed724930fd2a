import type { Slo } from '#core/gate.ts';
import type { Problem } from '#core/seen.ts';
import type { GateWish } from '#schema/translate.ts';
import { probeProblems } from './probe-slo.ts';

/** What a gate may not say of such an objective, because it would say nothing. A wish that could not come true is told at once. */
export function misplaced(gate: GateWish, index: number, slo: Slo): Problem[] {
  if (slo.sli.kind === 'probe') return probeProblems(gate, index, slo.name);
  return [...toleranceProblems(gate, index, slo), ...warmUpProblems(gate, index, slo)];
}

/** What users do is compared by a regression of its own, which is no excess of errors. */
function toleranceProblems({ tolerate }: GateWish, index: number, { name, sli }: Slo): Problem[] {
  if (tolerate === undefined || sli.kind !== 'business') return [];
  const place = sli.paired === true ? 'sli.pairs' : 'sli.business';
  const message = `take it out: ${place}.tolerate of ServiceLevelObjective ${name} says it`;
  return [{ field: `spec.gates[${index}].tolerate`, message }];
}

function warmUpProblems({ warmUpMs = 0 }: GateWish, index: number, { name, arms }: Slo): Problem[] {
  if (warmUpMs === 0 || arms.by === 'Pod') return [];
  const message = `ServiceLevelObjective ${name} is counted by the gateway, whose processes serve young and old pods alike: take warmUp out, or use an SLI that the pods count`;
  return [{ field: `spec.gates[${index}].warmUp`, message }];
}
