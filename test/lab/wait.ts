import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** Gives up after this long. The default suits a loaded two-core machine, not an idle one. */
  readonly withinMs?: number;
  /** Time between two probes. */
  readonly everyMs?: number;
  /** Ends the wait early with the reason, for example because the process waited for has exited. */
  readonly given?: () => string | undefined;
}

/**
 * Probes until the answer is neither undefined nor an error, and returns it.
 *
 * Every wait of the lab goes through here, so that none is unbounded and each says what was missing.
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  options: WaitOptions = {},
): Promise<T> {
  const { withinMs = 90_000, everyMs = 50, given } = options;
  const deadline = performance.now() + withinMs;
  let last = 'the probe gave no answer';
  do {
    try {
      const answer = await probe();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = messageOf(error);
    }
    const hopeless = given?.();
    if (hopeless !== undefined) throw new Error(`waited for ${what}, but ${hopeless}`);
    await delay(everyMs);
  } while (performance.now() < deadline);
  throw new Error(`waited ${withinMs / 1000} s for ${what}; last seen: ${last}`);
}

/** undici says only "fetch failed" at the top; the reason (refused, certificate) is in the cause. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
