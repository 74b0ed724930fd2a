import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { INITIAL_EVENTS_END } from '#runtime/list-watch.ts';
import type { Call, Ill, LineFault } from './faults.ts';
import { begin } from './forward.ts';
import type { Storm } from './storm.ts';

/** What existed when a watch was opened, as it was told, and the version to go on from. */
export interface Listing {
  lines: string[];
  resourceVersion: string;
}

export interface WatchRelay {
  call: Call;
  answer: IncomingMessage;
  response: ServerResponse;
  storm: Storm;
  /** Told once what existed at the opening, when that was asked for. */
  listed?: (listing: Listing) => void;
}

const EXPIRED = {
  type: 'ERROR',
  object: {
    ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code: 410, reason: 'Expired' },
    message: 'too old resource version',
  },
};

/** Passes a watch on line by line, with what befalls its lines. Ends with the client, the API server or a fault. */
export async function relayWatch(relay: WatchRelay): Promise<void> {
  const { call, answer, response, storm } = relay;
  if (!response.headersSent) begin(answer, response);
  const lane = createLane(response);
  let silent = false;
  const end = (why: Ill['kind']) => {
    if (why === 'expired') response.end(`${JSON.stringify(EXPIRED)}\n`);
    else response.destroy();
    answer.destroy();
  };
  const befall: Record<LineFault['kind'], (text: string, ms: number) => void> = {
    cut(text) {
      response.write(text.slice(0, text.length / 2));
      end('cut');
    },
    expired: () => end('expired'),
    silent() {
      silent = true;
    },
    late: (text, ms) => lane.say(text, ms),
    doubled(text) {
      for (const again of [text, text]) lane.say(again);
    },
    dropped: (text) => lane.say(bookmarkPast(text)),
    garbled: (text) => lane.say(`<html>${text.slice(0, 40)}`),
  };
  const over = storm.opened({ call, end });
  const lists = takeListing(relay);
  try {
    for await (const text of linesOf(answer)) {
      silent ||= storm.isDown(call.client) === 'black hole';
      if (silent) continue;
      const ill = lists(text) || isBookmark(text) ? undefined : storm.meetLine(call);
      if (ill === undefined) lane.say(text);
      else befall[ill.kind](text, ill.kind === 'late' ? ill.ms : 0);
    }
    await lane.said();
    if (!silent) response.end();
  } finally {
    over();
  }
}

/** True while a line belongs to what existed at the opening; tells it when it is whole. */
function takeListing({ call, listed }: WatchRelay): (text: string) => boolean {
  let lists = call.initial;
  const lines: string[] = [];
  return (text) => {
    if (!lists) return false;
    lines.push(text);
    const resourceVersion = endOfListing(text);
    lists = resourceVersion === undefined;
    if (resourceVersion !== undefined) listed?.({ lines, resourceVersion });
    return true;
  };
}

/** Says lines in their order, each not before its time. */
function createLane(response: ServerResponse): { say(text: string, afterMs?: number): void; said(): Promise<void> } {
  let queue = Promise.resolve();
  const write = (text: string) => {
    if (!response.writableEnded && !response.destroyed) response.write(`${text}\n`);
  };
  let waiting = 0;
  return {
    say(text, afterMs = 0) {
      // Most lines wait for nothing: they leave at once.
      if (waiting === 0 && afterMs === 0) return write(text);
      const due = performance.now() + afterMs;
      waiting += 1;
      queue = queue.then(async () => {
        await delay(Math.max(0, due - performance.now()));
        waiting -= 1;
        write(text);
      });
    },
    said: () => queue,
  };
}

async function* linesOf(answer: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  answer.setEncoding('utf8');
  for await (const chunk of answer) {
    const pieces = (rest + String(chunk)).split('\n');
    rest = pieces.pop() ?? '';
    for (const piece of pieces) if (piece !== '') yield piece;
  }
}

interface Line {
  type: string;
  object: {
    apiVersion?: string;
    kind?: string;
    metadata?: { resourceVersion?: string; annotations?: Record<string, string> };
  };
}

/** Events are long and many: only what may be a bookmark is parsed. */
function isBookmark(text: string): boolean {
  return text.startsWith('{"type":"BOOKMARK"');
}

function endOfListing(text: string): string | undefined {
  if (!isBookmark(text)) return undefined;
  const { metadata } = (JSON.parse(text) as Line).object;
  return metadata?.annotations?.[INITIAL_EVENTS_END] === 'true' ? metadata.resourceVersion : undefined;
}

function bookmarkPast(text: string): string {
  const { apiVersion, kind, metadata } = (JSON.parse(text) as Line).object;
  const object = { apiVersion, kind, metadata: { resourceVersion: metadata?.resourceVersion } };
  return JSON.stringify({ type: 'BOOKMARK', object });
}
