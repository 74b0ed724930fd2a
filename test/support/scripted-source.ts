import type { KubeObject } from '#ports/kube-api.ts';
import type { WatchLine } from '#runtime/list-watch.ts';
import type { Page, WatchQuery, WatchSource } from '#runtime/reflector.ts';

type Line = WatchLine | { type: 'STALLED' } | { type: 'GARBAGE'; message: string };

/** What the server does next: a page, the lines of a watch and then its end, or an error at once. */
export type Turn = { page: Page } | { lines: Line[]; end?: 'close' | 'hang' | Error } | { error: Error };

export interface ScriptedSource extends WatchSource {
  /** What was asked, in order: `list`, `list <token>`, `watchList`, `watch <version>`. */
  asked: string[];
}

/** A source for reflectors that answers as it is told, then hangs. */
export function scriptSource(turns: Turn[]): ScriptedSource {
  const asked: string[] = [];
  const left = [...turns];
  const next = (what: string): Turn => {
    asked.push(what);
    return left.shift() ?? { lines: [], end: 'hang' };
  };
  return {
    asked,
    async list({ next: token, signal }) {
      const turn = next(token === undefined ? 'list' : `list ${token}`);
      if ('error' in turn) throw turn.error;
      if ('page' in turn) return turn.page;
      return aborted(signal);
    },
    async watch({ resourceVersion, signal }: WatchQuery) {
      const turn = next(resourceVersion === undefined ? 'watchList' : `watch ${resourceVersion}`);
      if ('error' in turn) throw turn.error;
      if ('page' in turn) throw new Error('a page was scripted, a watch was asked for');
      return play(turn, signal);
    },
  };
}

async function* play({ lines, end = 'close' }: { lines: Line[]; end?: 'close' | 'hang' | Error }, signal: AbortSignal) {
  for (const line of lines) yield line;
  if (end === 'hang') await aborted(signal);
  if (end instanceof Error) throw end;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** An object of a made-up kind. */
export function thing(name: string, version: string, { uid = `uid-${name}` }: { uid?: string } = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { name, namespace: 'shop', uid, resourceVersion: version, managedFields: [{}] },
  };
}

export const added = (object: KubeObject): WatchLine => ({ type: 'ADDED', object });
export const modified = (object: KubeObject): WatchLine => ({ type: 'MODIFIED', object });
export const deleted = (object: KubeObject): WatchLine => ({ type: 'DELETED', object });

export function bookmark(version: string, { end = false } = {}): WatchLine {
  const annotations = end ? { 'k8s.io/initial-events-end': 'true' } : {};
  return {
    type: 'BOOKMARK',
    object: { apiVersion: 'v1', kind: 'Thing', metadata: { name: '', resourceVersion: version, annotations } },
  };
}
