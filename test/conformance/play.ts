/**
 * Requests as data, and answers as they can be compared: what no two servers share (versions, UIDs, times, the
 * namespace's name) is named by what it means.
 */

export interface Ask {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `{ns}` stands for the namespace of the case. */
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  contentType?: string;
  userAgent?: string;
}

export interface Answer {
  code: number;
  body: Record<string, unknown>;
}

/** One line of a watch. */
export interface WatchLine {
  type: string;
  object: Record<string, unknown>;
}

/** A server under test. */
export interface Subject {
  ask(request: Ask): Promise<Answer>;
  /** The next `count` lines of a watch, while `act` runs once it is open. */
  watch(request: Ask, count: number, act: () => Promise<void>): Promise<WatchLine[]>;
  /** Lets controllers work: returns when `done` says so. */
  until(done: () => Promise<boolean>): Promise<void>;
}

/** What earlier steps left for later ones. */
export type Memory = Record<string, Record<string, unknown>>;

export interface Step {
  ask: Ask | ((memory: Memory) => Ask);
  /** Remembers the answer's body under this name. */
  keep?: string;
  /** Members of the answer that count; the default is `metadata` without owners and `spec`, `status`, `data`. */
  show?: string[];
  /** Repeats the request until its answer has this code: controllers take their time. */
  until?: number;
  /** Controllers write the object too: whether it is a new version says nothing. */
  loose?: boolean;
  /** Opens this watch first, does the step, and notes so many lines. */
  watching?: { ask: Ask | ((memory: Memory) => Ask); count: number };
}

export interface Case {
  name: string;
  because: string;
  steps: Step[];
}

/** What is noted of a case: one entry a step. */
export type Transcript = unknown[];

export async function play(subject: Subject, { steps }: Case, namespace: string): Promise<Transcript> {
  const memory: Memory = {};
  const transcript: Transcript = [];
  const versions = new Map<string, string>();
  for (const step of steps) {
    const ask = placed(step.ask, memory, namespace);
    let answer: Answer = { code: 0, body: {} };
    const act = async () => {
      answer = await perform(subject, ask, step);
    };
    const lines = await seen(subject, step.watching, act, (given) => placed(given, memory, namespace));
    if (step.keep !== undefined) memory[step.keep] = answer.body;
    transcript.push(noted(answer, { step, versions, namespace, lines }));
  }
  return transcript;
}

/** Does the step, inside a watch where one is wanted. */
async function seen(
  subject: Subject,
  watching: Step['watching'],
  act: () => Promise<void>,
  place: (ask: Step['ask']) => Ask,
): Promise<WatchLine[]> {
  if (watching !== undefined) return await subject.watch(place(watching.ask), watching.count, act);
  await act();
  return [];
}

async function perform(subject: Subject, ask: Ask, { until }: Step): Promise<Answer> {
  let answer = await subject.ask(ask);
  if (until === undefined) return answer;
  await subject.until(async () => {
    answer = await subject.ask(ask);
    return answer.code === until;
  });
  return answer;
}

function placed(ask: Step['ask'], memory: Memory, namespace: string): Ask {
  const given = typeof ask === 'function' ? ask(memory) : ask;
  const body = given.body === undefined ? {} : { body: named(given.body, '{ns}', namespace) };
  return { ...given, path: given.path.replaceAll('{ns}', namespace), ...body };
}

function named<T>(value: T, from: string, to: string): T {
  return JSON.parse(JSON.stringify(value).replaceAll(from, to)) as T;
}

interface Noting {
  step: Step;
  /** The last version seen, by UID: the transcript says whether a write made a new one. */
  versions: Map<string, string>;
  namespace: string;
  lines: WatchLine[];
}

function noted({ code, body }: Answer, { step, versions, namespace, lines }: Noting): unknown {
  const { uid = '', resourceVersion } = (body['metadata'] ?? {}) as { uid?: string; resourceVersion?: string };
  const before = versions.get(uid);
  const version =
    uid === '' || before === undefined || step.loose === true
      ? {}
      : { version: before === resourceVersion ? 'same' : 'new' };
  if (uid !== '' && resourceVersion !== undefined) versions.set(uid, resourceVersion);
  const shown = Object.fromEntries((step.show ?? DEFAULT).flatMap((path) => pick(body, path)));
  const seen = lines.map(({ type, object }) => ({ type, object: lineOf(object) }));
  return named(canonical({ code, ...version, ...shown, ...(seen.length > 0 ? { seen } : {}) }), namespace, '{ns}');
}

const DEFAULT = ['kind', 'reason', 'message', 'details', 'metadata', 'spec', 'status', 'data', 'items'];

function pick(body: unknown, path: string): [string, unknown][] {
  const value = path
    .split('.')
    .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], body);
  if (path === 'items' && Array.isArray(value)) return [[path, value.map((item) => nameOf(item))]];
  return value === undefined ? [] : [[path, value]];
}

function nameOf(item: { metadata?: { name?: string } }): string {
  return item.metadata?.name ?? '';
}

/** Of a watched object: who it is and what it carries. Bookmarks have nothing but annotations. */
function lineOf(object: Record<string, unknown>): unknown {
  const { name, labels, annotations, deletionTimestamp } = (object['metadata'] ?? {}) as Record<string, unknown>;
  const { data, code, reason } = object;
  return JSON.parse(JSON.stringify({ name, labels, annotations, deletionTimestamp, data, code, reason }));
}

const DROPPED = new Set(['selfLink']);
const VAGUE: Record<string, string> = {
  uid: '<uid>',
  resourceVersion: '<version>',
  creationTimestamp: '<time>',
  deletionTimestamp: '<time>',
  time: '<time>',
  continue: '<token>',
  'metadata.continue': '<token>',
};
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** The same value with keys in order and without what differs from run to run. */
function canonical(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(UUID, '<uid>');
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([key]) => !DROPPED.has(key));
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, vague(key, member)]));
}

function vague(key: string, member: unknown): unknown {
  // Entries of one second have no order, and some errors are said twice.
  if (OWNERS.has(key) && Array.isArray(member)) return ordered(member.map(ownership));
  if (key === 'causes' && Array.isArray(member)) return ordered(member.map(canonical));
  if (VAGUE[key] !== undefined && typeof member === 'string' && member !== '' && !member.startsWith('{'))
    return VAGUE[key];
  return canonical(member);
}

const OWNERS = new Set(['managedFields', 'metadata.managedFields']);

function ordered(list: unknown[]): unknown[] {
  const texts = new Set(list.map((entry) => JSON.stringify(entry)));
  return [...texts].sort().map((text) => JSON.parse(text));
}

/** Who owns what. `.` beside other members says nothing more. */
function ownership(entry: unknown): unknown {
  const { manager, operation, subresource, fieldsV1 } = entry as Record<string, unknown>;
  return JSON.parse(JSON.stringify({ manager, operation, subresource, fields: trimmed(fieldsV1) }));
}

function trimmed(node: unknown): unknown {
  const members = Object.entries((node ?? {}) as object).filter(([key]) => key !== '.');
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([key, member]) => [key, trimmed(member)]));
}
