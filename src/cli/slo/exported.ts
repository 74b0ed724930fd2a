import type { SloSpec } from '#schema/slo.ts';

/** One objective that has an error ratio, as rules are made from it. */
export interface Exported {
  service: string;
  slo: string;
  namespace?: string;
  objective: string;
  rolling: string;
  sli: SloSpec['sli'];
}
