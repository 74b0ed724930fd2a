import { OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { WorkQueue } from './work-queue.ts';

/** Brings one object to where it should be, and says when to look again if nothing happens before. */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<{ requeueAfterMs?: Millis | undefined }>;

export interface ControllerOptions {
  name: string;
  queue: WorkQueue;
  reconcile: Reconcile;
  /** Keys worked on at once [4]; never one key twice. */
  concurrency?: number;
  /** How long an error waits whose cause is outside, unless it says so itself [15 s]. */
  waitMs?: Millis;
  /** A run is aborted after this long [2 min], or one hung call would hold its key for ever. */
  runLimitMs?: Millis;
  clock: Clock;
  log: Log;
  telemetry: Telemetry;
}

export interface Controller {
  /** Works until the signal aborts; resolves when the last run has ended. Runs are not aborted: see `abort`. */
  run(signal: AbortSignal): Promise<void>;
  /** Aborts the signal of every run under way. */
  abort(): void;
}

type Outcome = 'done' | 'conflict' | 'retry' | 'wait' | 'stall' | 'panic' | 'aborted';

/** Queue × reconcile × disposition: the thrower's code alone decides what happens to the key. */
export function createController(options: ControllerOptions): Controller {
  const { queue, concurrency = 4 } = options;
  const runs = new Set<AbortController>();
  const work = async (signal: AbortSignal) => {
    for (;;) {
      const key = await queue.next(signal);
      if (key === undefined) return;
      const run = new AbortController();
      runs.add(run);
      await runOnce(key, run, options);
      runs.delete(run);
    }
  };
  return {
    async run(signal) {
      await Promise.all(Array.from({ length: concurrency }, () => work(signal)));
    },
    abort() {
      for (const run of runs) run.abort(new Error('the operator is stopping'));
    },
  };
}

async function runOnce(key: string, run: AbortController, options: ControllerOptions): Promise<void> {
  const { name, queue, clock, telemetry, runLimitMs = 120_000 } = options;
  const startedAt = clock.monotonic();
  const cancel = clock.timer(runLimitMs, () => run.abort(new Error(`the run took longer than ${runLimitMs} ms`)));
  let outcome: Outcome = 'done';
  try {
    const { requeueAfterMs } = await options.reconcile(key, run.signal);
    queue.done(key);
    if (requeueAfterMs !== undefined) queue.addAfter(key, requeueAfterMs);
  } catch (error) {
    outcome = outcomeOf(error, run.signal);
    dispose(key, { outcome, error }, options);
  } finally {
    cancel();
  }
  telemetry.count('headgate_reconcile_total', { controller: name, outcome });
  telemetry.observe('headgate_reconcile_seconds', (clock.monotonic() - startedAt) / 1000, { controller: name });
}

function outcomeOf(error: unknown, signal: AbortSignal): Outcome {
  if (error instanceof OperatorError) return error.code === 'KUBE_CONFLICT' ? 'conflict' : error.disposition;
  // What an aborted run throws is the abort, in one form or another.
  return signal.aborted ? 'aborted' : 'panic';
}

function dispose(
  key: string,
  { outcome, error }: { outcome: Outcome; error: unknown },
  options: ControllerOptions,
): void {
  const { queue, log, waitMs = 15_000 } = options;
  const fields = { controller: options.name, key, error };
  const asked = error instanceof OperatorError ? error.retryAfterMs : undefined;
  const withinMs = error instanceof OperatorError ? error.retryWithinMs : undefined;
  switch (outcome) {
    case 'wait':
      log.warn('waiting for something outside', fields);
      queue.done(key);
      queue.addAfter(key, asked ?? waitMs);
      return;
    case 'stall':
      // The next event of the object wakes it; trying the same again cannot help.
      log.error('stalled until the object changes', fields);
      queue.done(key);
      return;
    case 'conflict':
      // Someone wrote first. Everyday, and nobody needs to hear of it.
      log.debug('conflict, reading again', fields);
      queue.retry(key, { withinMs });
      return;
    case 'panic':
      log.error('unexpected error, a defect', { ...fields, stack: error instanceof Error ? error.stack : undefined });
      queue.retry(key);
      return;
    default:
      log.warn('will be tried again', fields);
      queue.retry(key, { withinMs });
  }
}
