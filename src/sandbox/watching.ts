import type { Clock } from '#ports/clock.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { apiVersionOf, kindId, type SandboxKind } from './kind.ts';
import { expired } from './refused.ts';
import type { Matches } from './selectors.ts';
import type { Change, Store } from './store.ts';

/** One line of a watch. */
export interface Line {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: object;
}

/** Takes the lines of one watch; `end` comes once, after the last line. */
export interface Sink {
  line(line: Line): void;
  end(): void;
}

/** Starts to send; the returned function stops it without another word. */
export type Watch = (sink: Sink) => () => void;

export interface WatchWish {
  kind: SandboxKind;
  matches: Matches;
  /** The version to go on from; undefined: begin with what is there. */
  after: number | undefined;
  /** Ends what is there with a bookmark that says so. */
  marksInitialEnd: boolean;
  bookmarks: boolean;
  /** 0: until the other side has enough. */
  timeoutSeconds: number;
}

const BOOKMARK_EVERY_MS = 60_000;
const INITIAL_END = { 'k8s.io/initial-events-end': 'true' };

export function createWatch({ store, clock }: { store: Store; clock: Clock }, wish: WatchWish): Watch {
  return (sink) => {
    const past = wish.after === undefined ? [] : store.since(wish.after);
    if (past === undefined) {
      // The real server says so inside an answer of 200.
      const message = `too old resource version: ${wish.after} (${store.compacted})`;
      sink.line({ type: 'ERROR', object: expired(message).body });
      sink.end();
      return () => undefined;
    }
    if (wish.after === undefined) sendInitial(store, wish, sink);
    const send = (change: Change) => {
      const line = lineFor(change, wish);
      if (line !== undefined) sink.line(line);
    };
    for (const change of past) send(change);
    return follow({ store, clock }, wish, sink, send);
  };
}

function sendInitial(store: Store, wish: WatchWish, sink: Sink): void {
  for (const object of store.list(kindId(wish.kind.resource)))
    if (wish.matches(object)) sink.line({ type: 'ADDED', object });
  if (wish.marksInitialEnd) sink.line(bookmark(wish.kind, store.version, INITIAL_END));
}

function follow(
  { store, clock }: { store: Store; clock: Clock },
  wish: WatchWish,
  sink: Sink,
  send: (change: Change) => void,
): () => void {
  let over = false;
  let cancelMark = (): void => undefined;
  let cancelEnd = (): void => undefined;
  const leave = store.subscribe(send);
  const stop = () => {
    over = true;
    leave();
    cancelMark();
    cancelEnd();
  };
  const mark = () => {
    sink.line(bookmark(wish.kind, store.version));
    // Whoever takes a line may leave the watch for it.
    if (!over) cancelMark = clock.timer(BOOKMARK_EVERY_MS, mark);
  };
  if (wish.bookmarks) cancelMark = clock.timer(BOOKMARK_EVERY_MS, mark);
  if (wish.timeoutSeconds > 0)
    cancelEnd = clock.timer(wish.timeoutSeconds * 1000, () => {
      if (wish.bookmarks) sink.line(bookmark(wish.kind, store.version));
      if (over) return;
      stop();
      sink.end();
    });
  return stop;
}

function bookmark({ resource }: SandboxKind, version: number, annotations?: Record<string, string>): Line {
  const metadata = { resourceVersion: String(version), ...(annotations === undefined ? {} : { annotations }) };
  return { type: 'BOOKMARK', object: { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata } };
}

/** What a change looks like through a selector: objects come into sight and leave it. */
function lineFor({ type, kind, object, previous }: Change, wish: WatchWish): Line | undefined {
  if (kind !== kindId(wish.kind.resource)) return undefined;
  const was = previous !== undefined && wish.matches(previous);
  if (type === 'DELETED') return was ? { type, object } : undefined;
  const is = wish.matches(object);
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object };
  return was && previous !== undefined ? { type: 'DELETED', object: lastSeen(previous, object) } : undefined;
}

/** The last sight of an object, with the version at which it left. */
function lastSeen(previous: KubeObject, { metadata: { resourceVersion } }: KubeObject): KubeObject {
  const metadata = { ...previous.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  return { ...previous, metadata };
}
