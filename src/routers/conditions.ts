import type { RouteObject } from './define.ts';

interface Condition {
  type: string;
  status: string;
  observedGeneration?: number;
}

/** One of these conditions stands in `status.conditions`, is true, and was judged at the route's own generation. */
export function currentCondition(route: RouteObject, types: readonly string[]): boolean {
  const { conditions = [] } = (route['status'] ?? {}) as { conditions?: Condition[] };
  return conditions.some(
    ({ type, status, observedGeneration }) =>
      types.includes(type) && status === 'True' && observedGeneration === route.metadata.generation,
  );
}
