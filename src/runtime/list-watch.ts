import type { Millis } from '#lib/units.ts';
import type { KubeObject } from '#ports/kube-api.ts';

/**
 * List and watch as a pure state machine: `step(state, event)` says the next state, what changes in the store and
 * how long to wait. The driver in reflector.ts does the I/O. Resource versions are kept, sent back, and compared with those
 * of the same kind alone, where they are numbers (KEP-5504, stable since Kubernetes 1.35).
 */

/** One line of a watch. ERROR carries a Status: the API server sends it inside HTTP 200. */
export type WatchLine =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: KubeObject }
  | { type: 'ERROR'; code: number; message: string; retryAfterMs?: Millis | undefined };

export type State = {
  /** Failures in a row, for the back-off. Only a line of a running watch proves health and sets it to 0. */
  failures: number;
  /** False once the server has refused a streaming list. */
  streams: boolean;
  /** The newest version at which everything was known; empty before the first list. */
  newest: string;
  /** Lists in a row that told of a time before that. */
  lagging: number;
} & Position;

type Position =
  /** Nothing is known. Next: a streaming list, or the first page of a list. */
  | { name: 'Empty' }
  /** Some pages are read, `next` fetches the one after. */
  | { name: 'InitPage'; next: string }
  /** A streaming list is open; its end is a bookmark. */
  | { name: 'InitialWatch' }
  /** Everything up to `resourceVersion` is known, no watch is open. Next: a watch from there. */
  | { name: 'InitListed'; resourceVersion: string }
  /** A watch is open and everything up to `resourceVersion` is known. */
  | { name: 'Watching'; resourceVersion: string };

export type Event =
  | { kind: 'opened' }
  | { kind: 'page'; items: KubeObject[]; resourceVersion: string; next: string | undefined }
  | { kind: 'line'; line: WatchLine }
  /** The watch ended without an error. `early`: it had just been opened and had said nothing. */
  | { kind: 'closed'; early: boolean }
  /** Nothing came for so long that the connection must be dead. `mute`: nothing came at all since it was opened. */
  | { kind: 'stalled'; mute: boolean }
  /** The kind is not served (its CRD is not installed) and may be missing; `forbidden`: nobody let us see whether it is. */
  | { kind: 'absent'; forbidden?: boolean }
  | { kind: 'failed'; reason: FailureReason; retryAfterMs?: Millis | undefined; error?: unknown };

/**
 * `refused`: the request itself is wrong (400, 422). `expired`: 410. `garbage`: an answer that is not JSON. `lagging`: a
 * list from before what is known already.
 */
export type FailureReason = 'refused' | 'expired' | 'garbage' | 'lagging' | 'error';

/**
 * What the store is told. Between `begin` and `commit` objects are staged; what was not staged is then gone. `forbidden`:
 * nothing was staged because nothing may be read.
 */
export type Change =
  | { kind: 'begin' }
  | { kind: 'stage'; object: KubeObject }
  | { kind: 'commit'; forbidden?: boolean }
  | { kind: 'put'; object: KubeObject }
  | { kind: 'remove'; object: KubeObject };

export type Wait = { kind: 'none' } | { kind: 'backoff'; atLeastMs: Millis } | { kind: 'absent' };

export interface Step {
  state: State;
  changes: Change[];
  wait: Wait;
  /** Set when what is being read is not to be believed: the driver leaves it and says that it failed for this reason. */
  leave?: FailureReason;
}

export const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/**
 * An API server that lags tells of a past that is gone, and what is decided from it goes against what is. After so many
 * such lists it is the cluster that went back: an etcd that was restored from a backup.
 */
const LAGGING_MAX = 5;

export const initialState: State = { name: 'Empty', failures: 0, streams: true, newest: '', lagging: 0 };

/** What to ask the server next. */
export type Operation =
  | { kind: 'list'; next: string | undefined }
  | { kind: 'watchList' }
  | { kind: 'watch'; resourceVersion: string };

export function operationFor(state: State): Operation {
  switch (state.name) {
    case 'InitPage':
      return { kind: 'list', next: state.next };
    case 'InitListed':
    case 'Watching':
      return { kind: 'watch', resourceVersion: state.resourceVersion };
    case 'Empty':
    case 'InitialWatch':
      return state.streams ? { kind: 'watchList' } : { kind: 'list', next: undefined };
  }
}

/** Total: every event in every state has an answer, and none of them is to stop. */
export function step(state: State, event: Event): Step {
  switch (event.kind) {
    case 'opened':
      return opened(state);
    case 'page':
      return page(state, event);
    case 'line':
      return line(state, event.line);
    case 'closed':
      return ended(state, event.early);
    case 'stalled':
      // Bookmarks come every minute. A watch without a word may be waiting for a version that an etcd restored from
      // a backup will not reach for a long time: the server opens such a watch and says nothing. Older lists are true then.
      return event.mute ? failed({ ...state, newest: '' }, 'expired') : ended(state, false);
    case 'absent':
      return {
        state: to(state, { name: 'Empty' }),
        changes: [
          { kind: 'begin' },
          event.forbidden === true ? { kind: 'commit', forbidden: true } : { kind: 'commit' },
        ],
        wait: { kind: 'absent' },
      };
    case 'failed':
      return failed(state, event.reason, event.retryAfterMs);
  }
}

function opened(state: State): Step {
  const { name } = state;
  if (name === 'Empty' || name === 'InitialWatch') return go(to(state, { name: 'InitialWatch' }), [{ kind: 'begin' }]);
  if (name === 'InitListed') return go(to(state, { name: 'Watching', resourceVersion: state.resourceVersion }));
  return go(state);
}

function page(state: State, { items, resourceVersion, next }: Extract<Event, { kind: 'page' }>): Step {
  const changes: Change[] = state.name === 'InitPage' ? [] : [{ kind: 'begin' }];
  for (const object of items) changes.push({ kind: 'stage', object });
  if (next !== undefined) return go(to(state, { name: 'InitPage', next }), changes);
  if (lags(state, resourceVersion)) return { ...failed(state, 'lagging'), changes };
  changes.push({ kind: 'commit' });
  return go(whole(to(state, { name: 'InitListed', resourceVersion }), resourceVersion), changes);
}

/** A list from before what is known already, unless so many were that it is what there is now. */
function lags({ newest, lagging }: State, resourceVersion: string): boolean {
  return isOlder(resourceVersion, newest) && lagging < LAGGING_MAX;
}

const NUMBER = /^[1-9][0-9]*$/;

/** False too for versions that are no numbers: of those nobody can say. */
function isOlder(version: string, than: string): boolean {
  if (!NUMBER.test(version) || !NUMBER.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}

function whole(state: State, newest: string): State {
  return { ...state, newest, lagging: 0 };
}

function line(state: State, received: WatchLine): Step {
  if (received.type === 'ERROR') return errorLine(state, received);
  const { object } = received;
  const resourceVersion = object.metadata.resourceVersion ?? '';
  if (state.name === 'InitialWatch') {
    if (received.type !== 'BOOKMARK') return go(state, [initial(received.type, object)]);
    const isEnd = object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true';
    if (!isEnd) return go(state);
    if (lags(state, resourceVersion)) return { ...go(state), leave: 'lagging' };
    return go(whole(to(state, { name: 'Watching', resourceVersion }), resourceVersion), [{ kind: 'commit' }]);
  }
  const healthy: State = {
    ...to(state, { name: 'Watching', resourceVersion }),
    failures: 0,
    newest: isOlder(resourceVersion, state.newest) ? state.newest : resourceVersion,
  };
  if (received.type === 'BOOKMARK') return go(healthy);
  return go(healthy, [{ kind: received.type === 'DELETED' ? 'remove' : 'put', object }]);
}

function initial(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): Change {
  return { kind: type === 'DELETED' ? 'remove' : 'stage', object };
}

function errorLine(state: State, { code, retryAfterMs }: Extract<WatchLine, { type: 'ERROR' }>): Step {
  if (code === 410) return failed(state, 'expired', retryAfterMs);
  // The server's own trouble says nothing about our resource version; any other refusal may mean just that.
  if (code === 429 || code >= 500) return failed(state, 'error', retryAfterMs);
  return failed(state, 'refused', retryAfterMs);
}

/** A watch that ends is the normal course of things: the next one starts at once, where it ended. */
function ended(state: State, early: boolean): Step {
  if (state.name === 'InitialWatch') {
    // A server from before streaming lists takes the parameters for noise, sends its objects and never the end.
    const again = to({ ...state, streams: false, failures: state.failures + 1 }, { name: 'Empty' });
    return { state: again, changes: [], wait: { kind: 'backoff', atLeastMs: 0 } };
  }
  const rested =
    state.name === 'Watching' ? to(state, { name: 'InitListed', resourceVersion: state.resourceVersion }) : state;
  if (!early) return go(rested);
  return { state: { ...rested, failures: state.failures + 1 }, changes: [], wait: { kind: 'backoff', atLeastMs: 0 } };
}

function failed(state: State, reason: FailureReason, retryAfterMs = 0): Step {
  const streaming = state.streams && (state.name === 'Empty' || state.name === 'InitialWatch');
  if (streaming && reason === 'refused') {
    // 422 (the feature is off) or 400: not a failure, only an older server.
    return go(to({ ...state, streams: false }, { name: 'Empty' }));
  }
  const lagging = reason === 'lagging' ? state.lagging + 1 : state.lagging;
  const counted = { ...state, failures: state.failures + 1, lagging };
  const wait: Wait = { kind: 'backoff', atLeastMs: retryAfterMs };
  // Plain errors keep the place. After anything else it is not worth having, and lists start at their first page.
  const keeps = reason === 'error' && state.name !== 'InitialWatch';
  if (!keeps) return { state: to(counted, { name: 'Empty' }), changes: [], wait };
  if (state.name !== 'Watching') return { state: counted, changes: [], wait };
  return { state: to(counted, { name: 'InitListed', resourceVersion: state.resourceVersion }), changes: [], wait };
}

function to({ failures, streams, newest, lagging }: State, position: Position): State {
  return { failures, streams, newest, lagging, ...position };
}

function go(state: State, changes: Change[] = []): Step {
  return { state, changes, wait: { kind: 'none' } };
}
