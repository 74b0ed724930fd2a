import { hasCode, OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import { type Clock, sleep } from '#ports/clock.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import type { Random } from '#ports/random.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { type Backoff, backoffDelay } from './backoff.ts';
import {
  type Change,
  type Event,
  type FailureReason,
  initialState,
  type Operation,
  operationFor,
  type State,
  step,
  type Wait,
  type WatchLine,
} from './list-watch.ts';

/** Where a reflector reads from: the API server, one kind, one namespace or all. */
export interface WatchSource {
  /** One page. Throws OperatorError. */
  list(query: { next: string | undefined; signal: AbortSignal }): Promise<Page>;
  /** Opens a watch, or a streaming list when there is no resourceVersion. Throws OperatorError. */
  watch(
    query: WatchQuery,
  ): Promise<AsyncIterable<WatchLine | { type: 'STALLED' } | { type: 'GARBAGE'; message: string }>>;
}

export interface Page {
  items: KubeObject[];
  resourceVersion: string;
  next: string | undefined;
}

export interface WatchQuery {
  resourceVersion: string | undefined;
  /** The server ends the watch after this long. */
  timeoutSeconds: number;
  signal: AbortSignal;
}

export interface ReflectorOptions {
  /** The kind's plural, for logs and metrics. */
  name: string;
  source: WatchSource;
  /** Takes each change in order. What it throws is logged and does not stop the reflector. */
  apply: (change: Change) => void;
  clock: Clock;
  random: Random;
  log: Log;
  telemetry: Telemetry;
  /** What the store keeps of an object; managedFields are dropped by default, for they are half of its bytes. */
  transform?: (object: KubeObject) => KubeObject;
  /**
   * The kind may be missing from the cluster, or we may lack the right to read it: then the store is empty, and we ask
   * again every half minute. A right that is taken away later empties nothing.
   */
  optional?: boolean;
  backoff?: Backoff;
}

export interface Reflector {
  /** Runs until the signal aborts; resolves then and never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves once the store has held one whole list. */
  readonly synced: Promise<void>;
  /** What the watch tells is not what is there: everything is listed anew, at most once a minute. */
  relist(): void;
  /** Monotonic time of the last good answer of the server, bookmarks included. */
  lastHeard(): Millis;
}

const DEFAULT_BACKOFF: Backoff = { baseMs: 800, capMs: 30_000 };
const ABSENT_MS = 30_000;
/** An API server that lags hides writes of many objects, and lists are what it needs least. */
const RELIST_APART_MS = 60_000;
/** A watch that ends this soon without a word is no watch: opening the next at once would hammer the server. */
const EARLY_MS = 1000;

const ANSWERS: ReadonlySet<Event['kind']> = new Set(['line', 'page', 'opened', 'absent']);

/** Drops managedFields. */
export function withoutManagedFields(object: KubeObject): KubeObject {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Drives the state machine of list-watch.ts against a source, and never gives up. */
export function createReflector(options: ReflectorOptions): Reflector {
  const { clock, telemetry, name } = options;
  const { promise: synced, resolve: markSynced } = Promise.withResolvers<void>();
  let state = initialState;
  let heardAt = clock.monotonic();
  let leave = new AbortController();
  let relistedAt = Number.NEGATIVE_INFINITY;
  let listed = false;
  let forbidden = false;

  const take = (event: Event): ReturnType<typeof step> => {
    // That a kind is not there is an answer too.
    if (ANSWERS.has(event.kind)) heardAt = clock.monotonic();
    const result = step(state, trim(event, options.transform ?? withoutManagedFields));
    state = result.state;
    for (const change of result.changes) {
      deliver(change, options);
      if (change.kind !== 'commit') continue;
      listed ||= event.kind !== 'absent';
      if (change.forbidden === true && !forbidden) warnOfRight(operationFor(state), options);
      forbidden = change.forbidden === true;
      markSynced();
    }
    return result;
  };

  return {
    synced,
    lastHeard: () => heardAt,
    relist() {
      if (state.name !== 'Watching' || clock.monotonic() - relistedAt < RELIST_APART_MS) return;
      relistedAt = clock.monotonic();
      leave.abort(new OperatorError('KUBE_EXPIRED', `the watch of ${name} does not show what was written`));
    },
    async run(signal) {
      while (!signal.aborted) {
        leave = new AbortController();
        const end = await perform(operationFor(state), { ...options, take, signal, leave, isListed: () => listed });
        if (signal.aborted) return;
        const { wait } = take(end);
        if (end.kind === 'page' && wait.kind === 'none') continue;
        report(end, state, options);
        telemetry.count('headgate_watch_restarts_total', { resource: name, reason: reasonOf(end) });
        if (wait.kind !== 'none') await sleep(clock, waitMs(wait, state, options), signal).catch(() => undefined);
      }
    },
  };
}

function waitMs(
  wait: Exclude<Wait, { kind: 'none' }>,
  { failures }: State,
  { backoff, random }: ReflectorOptions,
): Millis {
  const atLeastMs = wait.kind === 'absent' ? ABSENT_MS : wait.atLeastMs;
  return Math.max(atLeastMs, backoffDelay(backoff ?? DEFAULT_BACKOFF, failures, random));
}

type Performance = ReflectorOptions & {
  take: (event: Event) => ReturnType<typeof step>;
  signal: AbortSignal;
  /** Leaving a watch, for whatever reason, must also end its request. */
  leave: AbortController;
  /** It has been read once. */
  isListed: () => boolean;
};

/** Does one operation to its end and says how it ended. Lines are taken as they come. */
async function perform(
  operation: Operation,
  { source, take, signal, leave, clock, random, telemetry, name, optional = false, isListed }: Performance,
): Promise<Event> {
  const either = AbortSignal.any([signal, leave.signal]);
  try {
    if (operation.kind === 'list')
      return { kind: 'page', ...(await source.list({ next: operation.next, signal: either })) };
    const resourceVersion = operation.kind === 'watch' ? operation.resourceVersion : undefined;
    // Spread over almost five minutes, so that the watches of a fleet never all end together.
    const timeoutSeconds = 290 + Math.floor(random() * 290);
    const lines = await source.watch({ resourceVersion, timeoutSeconds, signal: either });
    const openedAt = clock.monotonic();
    take({ kind: 'opened' });
    let heard = false;
    for await (const line of lines) {
      telemetry.count('headgate_watch_events_total', { resource: name, type: line.type });
      const end = endOf(line, heard, take);
      if (end !== undefined) return end;
      heard = true;
    }
    return { kind: 'closed', early: !heard && clock.monotonic() - openedAt < EARLY_MS };
  } catch (error) {
    // What a request throws that was left differs; why it was left is known.
    return failure(leave.signal.aborted ? leave.signal.reason : error, { optional, listed: isListed() });
  } finally {
    leave.abort();
  }
}

type Heard = Awaited<ReturnType<WatchSource['watch']>> extends AsyncIterable<infer Line> ? Line : never;

/** Takes a line; says how the watch ends where it ends with it. */
function endOf(line: Heard, heard: boolean, take: Performance['take']): Event | undefined {
  if (line.type === 'STALLED') return { kind: 'stalled', mute: !heard };
  if (line.type === 'GARBAGE') return { kind: 'failed', reason: 'garbage', error: line.message };
  if (line.type === 'ERROR') return { kind: 'line', line };
  const { leave } = take({ kind: 'line', line });
  return leave === undefined ? undefined : { kind: 'failed', reason: leave };
}

function failure(error: unknown, { optional, listed }: { optional: boolean; listed: boolean }): Event {
  if (optional && hasCode(error, 'KUBE_NOT_FOUND')) return { kind: 'absent' };
  // What was seen once is still there when we may not look any more.
  if (optional && !listed && hasCode(error, 'KUBE_FORBIDDEN')) return { kind: 'absent', forbidden: true };
  const retryAfterMs = error instanceof OperatorError ? error.retryAfterMs : undefined;
  return { kind: 'failed', reason: failureReason(error), retryAfterMs, error };
}

function failureReason(error: unknown): FailureReason {
  if (hasCode(error, 'KUBE_EXPIRED')) return 'expired';
  return hasCode(error, 'KUBE_INVALID') ? 'refused' : 'error';
}

function trim(event: Event, transform: (object: KubeObject) => KubeObject): Event {
  if (event.kind === 'page') return { ...event, items: event.items.map(transform) };
  // A bookmark says by an annotation that the list is whole: what an informer keeps of objects is none of its business.
  if (event.kind !== 'line' || event.line.type === 'ERROR' || event.line.type === 'BOOKMARK') return event;
  return { kind: 'line', line: { ...event.line, object: transform(event.line.object) } };
}

function deliver(change: Change, { apply, log, name }: ReflectorOptions): void {
  try {
    apply(change);
  } catch (error) {
    log.error('a change could not be applied to the store', { resource: name, change: change.kind, error });
  }
}

function reasonOf(event: Event): string {
  // A page alone ends nothing, but when it tells of the past.
  if (event.kind === 'page') return 'lagging';
  if (event.kind === 'failed') return event.reason;
  if (event.kind === 'absent' && event.forbidden === true) return 'forbidden';
  return event.kind === 'line' ? 'error-event' : event.kind;
}

/** Once until it has changed: every half minute, for every kind, would bury everything else. */
function warnOfRight(operation: Operation, { log, name }: ReflectorOptions): void {
  const verb = operation.kind === 'list' ? 'list' : 'watch';
  log.warn(`no right to ${verb} ${name}: taken for absent; apply the roles of this version`, { resource: name, verb });
}

function report(end: Event, { failures, name: position }: State, { log, name }: ReflectorOptions): void {
  const fields = { resource: name, reason: reasonOf(end), position, failures };
  if (end.kind === 'failed')
    log.warn('watch interrupted', { ...fields, ...(end.error === undefined ? {} : { error: end.error }) });
  else if (end.kind === 'page') log.warn('watch interrupted', fields);
  else if (end.kind === 'line' && end.line.type === 'ERROR')
    log.warn('watch interrupted', { ...fields, error: end.line.message });
  else log.debug('watch ended', fields);
}
