import { isRecord } from '#lib/json.ts';
import type { RouteObject } from './define.ts';
import { entriesOf, recordsOf, specOf } from './lists.ts';

/** Field managers of ours: the traffic writes have their own, so that a person can tell them apart. */
export const FIELD_MANAGER = 'headgate';
export const TRAFFIC_FIELD_MANAGER = 'headgate-traffic';

interface ParentRef {
  group?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  sectionName?: string;
  port?: number;
}

interface Condition {
  type: string;
  status: string;
  observedGeneration?: number;
}

interface ParentStatus {
  controllerName?: string;
  parentRef?: ParentRef | null;
  conditions?: unknown;
}

/**
 * Accepted and ResolvedRefs at the route's own generation, from every controller that reports on every parent in
 * `spec.parentRefs`. A parent that nobody reports on is not accepted: silence is not success. Statuses of parents
 * that the spec no longer names are left-overs and do not count.
 */
export function acceptedByParents(route: RouteObject): boolean {
  const status = isRecord(route['status']) ? route['status'] : {};
  const { generation, namespace } = route.metadata;
  const parents = entriesOf(specOf(route)['parentRefs']);
  const reported: ParentStatus[] = recordsOf(status['parents']);
  return (
    parents.length > 0 &&
    parents.every((parent) => {
      const wanted = identity(parent, namespace);
      const reports = reported.filter(({ parentRef }) => identity(parentRef ?? {}, namespace) === wanted);
      return reports.length > 0 && reports.every((report) => isCurrent(report, generation));
    })
  );
}

function identity(ref: ParentRef, routeNamespace: string | undefined): string {
  const { group = 'gateway.networking.k8s.io', kind = 'Gateway', namespace = routeNamespace, name } = ref;
  // Linkerd writes the core group by this name, and takes either in a spec.
  const known = group === 'core' ? '' : group;
  return JSON.stringify([known, kind, namespace, name, ref.sectionName ?? '', ref.port ?? 0]);
}

/** Linkerd says of no condition at which generation it was judged: there `settle` alone waits for a new weight. */
const WITHOUT_GENERATIONS = 'linkerd.io/policy-controller';

function isCurrent({ conditions, controllerName }: ParentStatus, generation: number | undefined): boolean {
  const said: Partial<Condition>[] = recordsOf(conditions);
  const isAt = (seen: number | undefined) =>
    seen === generation || (seen === undefined && controllerName === WITHOUT_GENERATIONS);
  return ['Accepted', 'ResolvedRefs'].every((type) =>
    said.some((c) => c.type === type && c.status === 'True' && isAt(c.observedGeneration)),
  );
}

interface ManagedFields {
  manager?: string;
  time?: string;
  subresource?: string;
  fieldsV1?: Record<string, unknown>;
}

/**
 * Who wrote `spec` last, other than us. Seconds decide, and the API server lists entries in no useful order, so
 * among writers of one second the last listed wins.
 */
export function lastSpecManager(route: RouteObject): string | undefined {
  let newest: ManagedFields | undefined;
  for (const entry of recordsOf(route.metadata.managedFields) as ManagedFields[]) {
    const ours = entry.manager === FIELD_MANAGER || entry.manager === TRAFFIC_FIELD_MANAGER;
    if (ours || entry.subresource || entry.fieldsV1?.['f:spec'] === undefined) continue;
    if (newest === undefined || (entry.time ?? '') >= (newest.time ?? '')) newest = entry;
  }
  return newest?.manager;
}
