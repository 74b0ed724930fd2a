import { figure, type Raw, text } from '#core/raw.ts';
import type { Problem } from '#core/seen.ts';
import { formatQuantity, parseQuantity } from '#lib/quantity.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { type PodResources, podResources } from './pod-resources.ts';

/**
 * Whether the namespace has room for a release: at its largest the canary is as large as stable, beside it. Found before
 * anything is created, because half a canary helps nobody. Pure.
 */

export interface RoomInput {
  /** All ResourceQuotas of the namespace. */
  quotas: readonly KubeObject[];
  /** Spec of the pods that the release would add, and how many. */
  pod: Raw;
  pods: number;
}

interface QuotaShape {
  hard?: Record<string, unknown>;
  scopes?: string[];
  scopeSelector?: { matchExpressions?: ScopeExpression[] };
}

interface ScopeExpression {
  scopeName?: string;
  operator?: string;
  values?: string[];
}

/** One problem for each quota that is too small, naming every resource that it lacks. */
export function roomProblems({ quotas, pod, pods }: RoomInput): Problem[] {
  const resources = podResources(pod);
  const applying = quotas.filter((quota) => covers(quota, pod, resources));
  applying.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return applying.flatMap((quota): Problem[] => {
    const short = shortages(quota, resources, pods);
    if (short.length === 0) return [];
    const message = `ResourceQuota ${quota.metadata.name} has no room for the ${pods} pods that the release adds: ${short.join('; ')}: raise the quota, or lower spec.replicas`;
    return [{ field: 'spec.replicas', message }];
  });
}

function shortages(quota: KubeObject, resources: PodResources, pods: number): string[] {
  const { hard: specified = {} } = (quota['spec'] ?? {}) as QuotaShape;
  const { hard = specified, used = {} } = (quota['status'] ?? {}) as { hard?: object; used?: Record<string, unknown> };
  return Object.entries(hard)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, limit]) => {
      const most = parseQuantity(limit);
      const needed = neededOf(name, resources, pods);
      if (most === undefined || needed === undefined) return [];
      const free = Math.max(0, most - (parseQuantity(used[name]) ?? 0));
      // A thousandth is the finest that the API server counts; sums of decimal fractions are off by less.
      if (needed - free < 0.0005) return [];
      return [`${name} needs ${formatQuantity(needed)}, free ${formatQuantity(free)} of ${String(limit)}`];
    });
}

/** What the release adds to one line of a quota; undefined where the line is about something else. */
function neededOf(line: string, { requests, limits }: PodResources, pods: number): number | undefined {
  if (line === 'pods' || line === 'count/pods') return pods;
  if (line === 'count/replicasets.apps') return 1;
  if (line.startsWith('limits.')) return times(limits[line.slice('limits.'.length)], pods);
  return times(requests[line.startsWith('requests.') ? line.slice('requests.'.length) : line], pods);
}

function times(amount: number | undefined, pods: number): number | undefined {
  return amount === undefined ? undefined : Math.round(amount * pods * 1000) / 1000;
}

/** Whether the quota counts such a pod. A scope that is not known here is left to the API server. */
function covers(quota: KubeObject, pod: Raw, resources: PodResources): boolean {
  const { scopes = [], scopeSelector } = (quota['spec'] ?? {}) as QuotaShape;
  const plain = scopes.map((scopeName): ScopeExpression => ({ scopeName, operator: 'Exists' }));
  return [...plain, ...(scopeSelector?.matchExpressions ?? [])].every((one) => inScope(one, pod, resources));
}

function inScope({ scopeName, operator, values = [] }: ScopeExpression, pod: Raw, resources: PodResources): boolean {
  switch (scopeName) {
    case 'BestEffort':
      return resources.bestEffort;
    case 'NotBestEffort':
      return !resources.bestEffort;
    case 'Terminating':
      return figure(pod['activeDeadlineSeconds']) !== undefined;
    case 'NotTerminating':
      return figure(pod['activeDeadlineSeconds']) === undefined;
    case 'PriorityClass': {
      const name = text(pod['priorityClassName']);
      if (operator === 'In') return name !== undefined && values.includes(name);
      if (operator === 'NotIn') return name === undefined || !values.includes(name);
      return operator === 'Exists' ? name !== undefined : name === undefined;
    }
    default:
      return false;
  }
}
