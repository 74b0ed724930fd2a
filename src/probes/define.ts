import type { ProbeRequest } from '#core/probe.ts';
import type { Millis } from '#lib/units.ts';

/**
 * A probe sends one typed request to one pod and says whether the answer was right.
 * Laws: it never rejects; it ends within the request's timeout; it reads at most BODY_LIMIT bytes; it connects to
 * nothing but the address handed in; the same outcome gives the same `reason`, byte for byte.
 */
export type Probe = (call: ProbeCall) => Promise<ProbeResult>;

export interface ProbeCall {
  request: ProbeRequest;
  target: ProbeTarget;
  /** Name of the release: marks the request, so that it can be told from users' requests. */
  release: string;
  /** Addresses of the pods that this release may probe. Anything else is refused. */
  allowed: readonly string[];
}

export interface ProbeTarget {
  pod: string;
  ip: string;
  /** Where a request without a port of its own goes. */
  port: number;
}

export interface ProbeResult {
  ok: boolean;
  latencyMs: Millis;
  status?: number;
  /** `ok`, or what was wrong, without figures that differ from run to run. */
  reason: string;
}

/** Bytes of a body that are read; the rest is not asked for. */
export const BODY_LIMIT = 65_536;
