import * as z from 'zod';
import { parseDuration } from '#lib/units.ts';

/** What the operator is told at its start. This file alone reads the environment. */

const duration = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const ms = parseDuration(text);
      if (ms !== undefined && ms > 0) return ms;
      context.addIssue({ code: 'custom', message: `"${text}" is not a duration such as 15s` });
      return z.NEVER;
    });

/** How many at once; left out: any number. */
const atOnce = z.coerce.number().int().min(1).max(100_000).optional();

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);

const schema = z.object({
  /** Kubeconfig file; left out: $KUBECONFIG, ~/.kube/config, the pod's own account. */
  HEADGATE_KUBECONFIG: z.string().optional(),
  /** Watch this namespace alone; left out: all. */
  HEADGATE_NAMESPACE: z.string().optional(),
  /** Where we run: the Lease lives there. */
  POD_NAMESPACE: z.string().default('headgate-system'),
  HEADGATE_LEASE_NAME: z.string().default('headgate'),
  /** Who we are in the Lease: the pod's name. */
  POD_NAME: z.string().default('headgate'),
  /** How often gates are judged; at least the scrape interval makes sense. */
  HEADGATE_TICK: duration('15s'),
  HEADGATE_LEASE_DURATION: duration('15s'),
  HEADGATE_RENEW_DEADLINE: duration('10s'),
  HEADGATE_RETRY_PERIOD: duration('2s'),
  /** How often figures for people are refreshed in status while nothing changes. */
  HEADGATE_FIGURES_EVERY: duration('5s'),
  /** Metrics and health; 0 picks a free port. */
  HEADGATE_LISTEN_ADDRESS: z.string().default('0.0.0.0'),
  HEADGATE_PORT: port(8080),
  /** Lets probes reach pods on loopback, as those of the sandbox are. In a cluster that would be the operator itself. */
  HEADGATE_PROBE_LOOPBACK: z.enum(['true', 'false']).default('false'),
  HEADGATE_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  /** Releases that move at once, in the cluster and in each namespace; left out: any number. */
  HEADGATE_MAX_MOVING: atOnce,
  HEADGATE_MAX_MOVING_PER_NAMESPACE: atOnce,
  HEADGATE_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(8),
});

export interface Config {
  kubeconfig: string | undefined;
  namespace: string | undefined;
  lease: { namespace: string; name: string; identity: string; leaseMs: number; renewMs: number; retryMs: number };
  tickMs: number;
  figuresEveryMs: number;
  listen: { address: string; port: number };
  probeLoopback: boolean;
  logLevel: 'debug' | 'info' | 'warn' | 'error';
  concurrency: number;
  maxMoving: { cluster: number | undefined; perNamespace: number | undefined };
}

/** Throws with every variable that is wrong, by name. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const read = schema.safeParse(given);
  if (!read.success)
    throw new Error(read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'));
  const env = read.data;
  return {
    kubeconfig: env.HEADGATE_KUBECONFIG,
    namespace: env.HEADGATE_NAMESPACE,
    lease: {
      namespace: env.POD_NAMESPACE,
      name: env.HEADGATE_LEASE_NAME,
      identity: env.POD_NAME,
      leaseMs: env.HEADGATE_LEASE_DURATION,
      renewMs: env.HEADGATE_RENEW_DEADLINE,
      retryMs: env.HEADGATE_RETRY_PERIOD,
    },
    tickMs: env.HEADGATE_TICK,
    figuresEveryMs: env.HEADGATE_FIGURES_EVERY,
    listen: { address: env.HEADGATE_LISTEN_ADDRESS, port: env.HEADGATE_PORT },
    probeLoopback: env.HEADGATE_PROBE_LOOPBACK === 'true',
    logLevel: env.HEADGATE_LOG_LEVEL,
    concurrency: env.HEADGATE_CONCURRENCY,
    maxMoving: { cluster: env.HEADGATE_MAX_MOVING, perNamespace: env.HEADGATE_MAX_MOVING_PER_NAMESPACE },
  };
}
