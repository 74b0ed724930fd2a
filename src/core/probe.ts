import type { Millis } from '#lib/units.ts';
import type { Counts } from './gate.ts';

/** Typed requests that a canary pod must answer before it may meet a user. No shell, no scripts. */
export interface ProbeSuite {
  name: string;
  /** Sent in this order to one pod. */
  requests: ProbeRequest[];
  /** From the end of one round on a pod to the start of its next. */
  everyMs: Millis;
  /** How often a failing request is repeated before the failure counts. 0: the first failure counts. */
  retries: number;
}

export interface ProbeRequest {
  /** Unique within its suite. */
  name: string;
  /** Upper case, e.g. `GET`. */
  method: string;
  /** Begins with a slash; may carry a query. */
  path: string;
  /** Container port to ask; undefined: the port that the Service targets. */
  port?: number;
  headers: Record<string, string>;
  body?: string;
  /** For the whole exchange: connect, headers, body. */
  timeoutMs: Millis;
  /** Statuses that pass. Redirects are not followed: list 302 to expect one. */
  expectStatus: number[];
  /** Text that the first 64 KiB of the body must contain. */
  bodyContains?: string;
}

/** What one check was answered in one round of a gate's suite, by both arms at the same moment. */
export interface ProbeOutcome {
  at: Millis;
  /** Attempt and stay in which it was sent. */
  epoch: string;
  stepEpoch: string;
  /** Name of the request. */
  check: string;
  /** Samples that were answered, and those whose answer was wrong. Nothing, where no pod of the arm was there. */
  canary: Counts;
  stable: Counts;
  /** What was wrong with the canary's last wrong answer, for people. */
  fault?: string;
}
