import type { BuiltinSli, Gateway } from '#core/builtin.ts';
import type { ArmSplit, Sli } from '#core/gate.ts';
import { app } from './app.ts';
import { contour } from './contour.ts';
import type { Buckets, Entry, Target } from './define.ts';
import { envoyGateway } from './envoy-gateway.ts';
import { istio } from './istio.ts';
import { linkerd } from './linkerd.ts';
import { nginx } from './nginx.ts';
import { traefik } from './traefik.ts';

/** The only list of gateways. */
export const catalogue: Readonly<Record<Gateway, Entry>> = {
  traefik,
  'envoy-gateway': envoyGateway,
  istio,
  contour,
  linkerd,
  nginx,
  app,
};

export type Resolved = { ok: true; sli: Sli; arms: ArmSplit } | { ok: false; problem: string };

/** As much as a Release records. */
const MAX_PATTERN = 1024;

/** The selectors of a built-in SLI for one Rollout, or why there are none, with the fix. */
export function resolveBuiltin({ kind, gateway, thresholdMs }: BuiltinSli, target: Target): Resolved {
  const entry = catalogue[gateway];
  const how = entry.kinds[kind];
  if ('cannot' in how) return { ok: false, problem: `${gateway} cannot tell ${kind} per arm: ${how.cannot}` };
  // A route that is not there, attached to nothing or not leading to the Service is told of by the pre-flight.
  const routes = target.routes.filter(({ parents, rules }) => parents.length > 0 && rules.length > 0);
  if (entry.traffic === 'Route' && routes.length === 0) {
    const problem = `${gateway} counts by HTTPRoute, and no route of spec.traffic leads to the Service: attach an HTTPRoute, or use gateway: app`;
    return { ok: false, problem };
  }
  const given = { ...target, routes, ...(thresholdMs === undefined ? {} : { thresholdMs }) };
  const arms = entry.arms(given);
  if (arms.by === 'Label' && Math.max(arms.stable.length, arms.canary.length) > MAX_PATTERN) {
    const problem = `the routes are attached in too many ways to be told apart at ${gateway}: split fewer, or use gateway: app`;
    return { ok: false, problem };
  }
  const clash = entry.clash?.(given);
  if (clash !== undefined) return { ok: false, problem: clash };
  if (how.buckets !== undefined) {
    const problem = thresholdProblem(gateway, how.buckets, thresholdMs);
    if (problem !== undefined) return { ok: false, problem };
  }
  return { ok: true, sli: how.sli(given), arms };
}

/** Only bounds that nobody can change are known here: others are checked when the histogram is read. */
function thresholdProblem(
  gateway: Gateway,
  { unit, bounds, change }: Buckets,
  thresholdMs: number | undefined,
): string | undefined {
  if (thresholdMs === undefined) return 'http-latency needs a threshold, such as 250ms';
  const scale = unit === 'seconds' ? 1000 : 1;
  const known = bounds.map((bound) => bound * scale);
  if (change !== undefined || known.includes(thresholdMs)) return undefined;
  const list = known.map((bound) => `${bound}ms`).join(', ');
  return `the threshold must be a bucket bound, and ${gateway} has only ${list}`;
}
