import { pluralOf } from './writes.ts';

/** Faults between a client and the API server as data, and the pure question which requests they are about. */

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** One request as a fault sees it. */
export interface Call {
  client: string;
  verb: Verb;
  resource: string;
  subresource: string | undefined;
  /** What the write says; undefined for what is no write. */
  label: string | undefined;
  /** The request asks for what exists before it asks for what changes. */
  initial: boolean;
}

/** What befalls one request and its answer. */
export type CallFault =
  /** The connection ends before the request was passed on. */
  | { kind: 'lost' }
  /** The API server has done it, and the connection ends without a word. */
  | { kind: 'answer lost' }
  /** The API server has done it, and this code comes back: an etcd that is slow makes a 504 of it. */
  | { kind: 'belied'; code: number }
  /** Answered here with a Status; the API server never hears of it. */
  | { kind: 'refused'; code: number; retryAfterSeconds?: number; reason?: string }
  /** The request, or the answer to it, waits on its way. */
  | { kind: 'slow'; ms: number; side: 'request' | 'answer' }
  /** Nobody answers, and nobody hangs up. With `answer` the API server has done it. */
  | { kind: 'half-open'; side: 'request' | 'answer' }
  /** The first half of the body, as a whole answer. */
  | { kind: 'truncated' }
  /** A page in HTML with code 200, as a captive proxy would send it. The API server never hears of it. */
  | { kind: 'garbage' }
  /** What existed at the last listing is told as if it were now; what changed since follows `ms` later. */
  | { kind: 'stale'; ms: number };

/** What befalls a watch that is open. */
export type LineFault =
  /** The connection ends in the middle of a line. */
  | { kind: 'cut' }
  /** The API server says 410 and ends the watch. */
  | { kind: 'expired' }
  /** Not another word, for good; the connection stays. */
  | { kind: 'silent' }
  | { kind: 'doubled' }
  /** Events are left out; a bookmark past them follows. */
  | { kind: 'dropped' }
  /** Events come so much later, in their order. */
  | { kind: 'late'; ms: number }
  /** A line that is no JSON. */
  | { kind: 'garbled' };

/** Everything of a client: its calls are lost, its watches cut; or, silently, nothing moves any more. */
export type LineDown = { kind: 'outage' } | { kind: 'black hole' };

export type Ill = CallFault | LineFault | LineDown;

export interface Fault {
  does: Ill;
  /** Left out: every request of every client. */
  to?: Aim;
  /** Opens when the API server has accepted a write of which this is a part of the label [at once]. */
  from?: string;
  /** Closes after so many hits. */
  times?: number;
  /** Closes so long after it opened. */
  forMs?: number;
  /** Share of the requests that are hit [1]. */
  chance?: number;
}

export interface Aim {
  /** Who led when the fault opened, or who did not. */
  client?: 'leader' | 'other';
  verbs?: readonly Verb[];
  resources?: readonly string[];
  /** The subresource `status` alone, or everything but it. */
  status?: boolean;
  /** A part of the write's label. */
  label?: string;
}

const LINES = new Set<Ill['kind']>(['cut', 'expired', 'silent', 'doubled', 'dropped', 'late', 'garbled']);

/** Happens to the lines of a watch, not to the call that opens it. */
export function isLineFault(ill: Ill): ill is LineFault {
  return LINES.has(ill.kind);
}

export function isLineDown(ill: Ill): ill is LineDown {
  return ill.kind === 'outage' || ill.kind === 'black hole';
}

export function isAimedAt({ verbs, resources, status, label }: Aim, call: Call): boolean {
  if (verbs !== undefined && !verbs.includes(call.verb)) return false;
  if (resources !== undefined && !resources.includes(call.resource)) return false;
  if (status !== undefined && status !== (call.subresource === 'status')) return false;
  return label === undefined || (call.label ?? '').includes(label);
}

export function callOf(client: string, method: string, url: string, label: string | undefined): Call {
  const { pathname, searchParams } = new URL(url, 'http://api');
  const { name, subresource } = addressOf(pathname);
  return {
    ...{ client, label, subresource, resource: pluralOf(pathname) },
    verb: verbOf(method, { watch: searchParams.get('watch') === 'true', named: name !== undefined }),
    initial: searchParams.get('sendInitialEvents') === 'true',
  };
}

const WRITES: Record<string, Verb> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

function verbOf(method: string, { watch, named }: { watch: boolean; named: boolean }): Verb {
  return WRITES[method] ?? (watch ? 'watch' : named ? 'get' : 'list');
}

function addressOf(pathname: string): { name: string | undefined; subresource: string | undefined } {
  const parts = pathname.split('/').filter((part) => part !== '');
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  const [, name, subresource] = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest;
  return { name, subresource };
}
