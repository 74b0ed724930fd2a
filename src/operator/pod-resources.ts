import { parseQuantity } from '#lib/quantity.ts';

/** What one pod of a template takes, as the scheduler and quotas count it. Pure; what is no quantity counts as none. */

type Amounts = Record<string, number>;

interface Resources {
  requests?: Record<string, unknown>;
  limits?: Record<string, unknown>;
}

interface Container {
  resources?: Resources;
  restartPolicy?: string;
}

export interface PodSpecShape {
  containers?: Container[];
  initContainers?: Container[];
  /** For the pod as a whole: stands instead of the sum. */
  resources?: Resources;
  overhead?: Record<string, unknown>;
  activeDeadlineSeconds?: number;
  priorityClassName?: string;
}

export interface PodResources {
  requests: Amounts;
  limits: Amounts;
  /** No container asks for CPU or memory, or limits it. */
  bestEffort: boolean;
}

/** Without the defaults of a LimitRange: these are known once a pod is created. */
export function podResources(spec: PodSpecShape): PodResources {
  const all = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ resources }) => resources);
  const named = [...all, spec.resources].flatMap((resources) => [
    ...Object.keys(resources?.requests ?? {}),
    ...Object.keys(resources?.limits ?? {}),
  ]);
  const requests = whole(spec, requested);
  const limits = whole(spec, ({ limits: given }) => amountsOf(given));
  const overhead = amountsOf(spec.overhead);
  // What runs the pod counts too; towards a limit only where there is one.
  const limited = Object.fromEntries(Object.entries(overhead).filter(([name]) => limits[name] !== undefined));
  return {
    requests: sum(requests, overhead),
    limits: sum(limits, limited),
    bestEffort: !named.some((name) => name === 'cpu' || name === 'memory'),
  };
}

/** A limit without a request is the request, as the API server defaults it. */
function requested({ requests, limits }: Resources): Amounts {
  return { ...amountsOf(limits), ...amountsOf(requests) };
}

function whole(spec: PodSpecShape, read: (resources: Resources) => Amounts): Amounts {
  const of = ({ resources = {} }: Container) => read(resources);
  let running: Amounts = {};
  let peak: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    // One that restarts goes on beside all that come after it; the others run alone, one after the other.
    if (container.restartPolicy === 'Always') running = sum(running, of(container));
    else peak = most(peak, sum(running, of(container)));
  }
  const steady = (spec.containers ?? []).map(of).reduce(sum, running);
  return { ...most(peak, steady), ...read(spec.resources ?? {}) };
}

function amountsOf(given: Record<string, unknown> | undefined): Amounts {
  return Object.fromEntries(Object.entries(given ?? {}).map(([name, value]) => [name, parseQuantity(value) ?? 0]));
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
