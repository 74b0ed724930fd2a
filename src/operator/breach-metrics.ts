import type { BreachRecord } from '#core/breach.ts';
import type { ReleaseState } from '#core/model.ts';
import type { Millis } from '#lib/units.ts';
import type { Telemetry } from '#ports/telemetry.ts';

/** One decision about a release, and how long its writes took. */
interface Turn {
  was: ReleaseState | undefined;
  is: ReleaseState | undefined;
  tookMs: Millis;
}

/** Bad pods whose replacement was decided in this turn, each once, by the gate that named them. */
export function measureReplaced(telemetry: Telemetry, { was, is }: Pick<Turn, 'was' | 'is'>): void {
  const known = was?.name === is?.name ? (was?.replaced?.length ?? 0) : 0;
  for (const { gate } of is?.replaced?.slice(known) ?? [])
    telemetry.count('headgate_bad_pods_replaced_total', { gate });
}

/** What a breach was, how long it took to see and to mend, and what it had cost when it was seen. Each is told once. */
export function measureBreach(telemetry: Telemetry, { was, is, tookMs }: Turn): void {
  if (is === undefined) return;
  const { breach, ending } = is;
  const found = breach !== undefined && (was?.name !== is.name || was.breach?.at !== breach.at);
  const ended = ending?.cause !== undefined && was?.ending === undefined;
  if (found) measureFound(telemetry, breach);
  else if (ended) telemetry.count('headgate_breaches_total', { cause: ending.cause ?? '' });
  if (ended) telemetry.observe('headgate_lower_seconds', tookMs / 1000);
  const remediedAt = ending?.remediedAt;
  if (breach !== undefined && remediedAt !== undefined && was?.ending?.remediedAt === undefined)
    telemetry.observe('headgate_remedy_seconds', secondsBetween(breach.at, remediedAt));
}

function measureFound(telemetry: Telemetry, { at, cause, raisedAt, exposure }: BreachRecord): void {
  telemetry.count('headgate_breaches_total', { cause });
  telemetry.observe('headgate_detect_requests', exposure.requests);
  telemetry.observe('headgate_detect_excess_requests', exposure.excess);
  if (raisedAt !== undefined) telemetry.observe('headgate_detect_seconds', secondsBetween(raisedAt, at));
}

/** Never negative: the clocks of two operators differ. */
function secondsBetween(from: Millis, to: Millis): number {
  return Math.max(0, to - from) / 1000;
}
