import { type Raw, record, records } from '#core/raw.ts';
import { parseQuantity } from '#lib/quantity.ts';

/**
 * What one pod of a template takes, as the scheduler and quotas count it. Pure and total: a field left empty is null, and
 * the API server takes it for left out; what is no quantity counts as none.
 */

type Amounts = Record<string, number>;

export interface PodResources {
  requests: Amounts;
  limits: Amounts;
  /** No container asks for CPU or memory, or limits it. */
  bestEffort: boolean;
}

/** Without the defaults of a LimitRange: these are known once a pod is created. */
export function podResources(spec: Raw): PodResources {
  const all = [...records(spec['containers']), ...records(spec['initContainers']), spec];
  const named = all.flatMap((one) => [
    ...Object.keys(record(one, 'resources', 'requests')),
    ...Object.keys(record(one, 'resources', 'limits')),
  ]);
  const requests = whole(spec, requested);
  const limits = whole(spec, (resources) => amountsOf(resources, 'limits'));
  const overhead = amountsOf(spec, 'overhead');
  // What runs the pod counts too; towards a limit only where there is one.
  const limited = Object.fromEntries(Object.entries(overhead).filter(([name]) => limits[name] !== undefined));
  return {
    requests: sum(requests, overhead),
    limits: sum(limits, limited),
    bestEffort: !named.some((name) => name === 'cpu' || name === 'memory'),
  };
}

/** A limit without a request is the request, as the API server defaults it. */
function requested(resources: Raw): Amounts {
  return { ...amountsOf(resources, 'limits'), ...amountsOf(resources, 'requests') };
}

function whole(spec: Raw, read: (resources: Raw) => Amounts): Amounts {
  const of = (container: Raw) => read(record(container, 'resources'));
  let running: Amounts = {};
  let peak: Amounts = {};
  for (const container of records(spec['initContainers'])) {
    // One that restarts goes on beside all that come after it; the others run alone, one after the other.
    if (container['restartPolicy'] === 'Always') running = sum(running, of(container));
    else peak = most(peak, sum(running, of(container)));
  }
  const steady = records(spec['containers']).map(of).reduce(sum, running);
  // What the pod asks for as a whole stands instead of the sum.
  return { ...most(peak, steady), ...of(spec) };
}

function amountsOf(holder: Raw, field: string): Amounts {
  const given = Object.entries(record(holder, field));
  return Object.fromEntries(given.map(([name, value]) => [name, parseQuantity(value) ?? 0]));
}

function sum(a: Amounts, b: Amounts): Amounts {
  return merged(a, b, (x, y) => x + y);
}

function most(a: Amounts, b: Amounts): Amounts {
  return merged(a, b, Math.max);
}

function merged(a: Amounts, b: Amounts, join: (x: number, y: number) => number): Amounts {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, join(a[name] ?? 0, b[name] ?? 0)]));
}
