import { isRecord } from '#lib/json.ts';
import type { RouteObject } from './define.ts';
import { recordsOf } from './lists.ts';

interface Condition {
  type: string;
  status: string;
  observedGeneration?: number;
}

/** One of these conditions stands in `status.conditions`, is true, and was judged at the route's own generation. */
export function currentCondition(route: RouteObject, types: readonly string[]): boolean {
  const status = isRecord(route['status']) ? route['status'] : {};
  const conditions: Partial<Condition>[] = recordsOf(status['conditions']);
  return conditions.some(
    ({ type, status, observedGeneration }) =>
      types.includes(type ?? '') && status === 'True' && observedGeneration === route.metadata.generation,
  );
}
