import type { FastifyInstance } from 'fastify';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { Board, BoardChange } from './board.ts';
import { HttpProblem } from './problem.ts';

export const MAX_STREAMS = 16;
/** A comment this often keeps the connection open and tells the page that we live. */
const BEAT_MS: Millis = 10_000;

/** A client of the stream: what takes its bytes, and says when it can take more. */
export interface Sink {
  /** False: the client is slow; nothing is kept for it until it drained. */
  write(text: string): boolean;
  onDrain(drained: () => void): void;
}

/** `GET /api/stream`: everything at once, then what changed. Read with fetch, so that it carries the secret. */
export function streamRoute(app: FastifyInstance, { board, clock }: { board: Board; clock: Clock }): void {
  let open = 0;
  app.get('/api/stream', (request, reply) => {
    if (open >= MAX_STREAMS) {
      throw new HttpProblem({
        status: 503,
        title: 'Too many streams',
        detail: `At most ${MAX_STREAMS} pages can be live at once: close one.`,
      });
    }
    open += 1;
    reply.hijack();
    reply.raw.writeHead(200, {
      ...reply.getHeaders(),
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    } as Record<string, string>);
    const stop = follow(board, clock, {
      write: (text) => reply.raw.write(text),
      onDrain: (drained) => reply.raw.once('drain', drained),
    });
    request.raw.socket.once('close', () => {
      open -= 1;
      stop();
    });
  });
}

/** Keeps one client up to date. A slow client misses what lies between, and gets the newest when it is ready. */
export function follow(board: Board, clock: Clock, sink: Sink): () => void {
  const held = new Map<string, string>();
  let slow = false;
  let last = '';
  const put = (text: string) => {
    if (slow || text === '') return;
    if (sink.write(text)) return;
    slow = true;
    sink.onDrain(() => {
      slow = false;
      send();
    });
  };
  const send = () => {
    if (slow) return;
    const change = board.changesFor(held);
    const state = `${change.synced} ${change.trouble ?? ''}`;
    if (change.changed.length === 0 && change.gone.length === 0 && state === last) return;
    last = state;
    put(frame(change));
  };
  let cancel = () => {};
  const beat = () => {
    put(': beat\n\n');
    // Trouble ends in silence, without a change that would wake us.
    send();
    cancel = clock.timer(BEAT_MS, beat);
  };
  send();
  beat();
  const unsubscribe = board.subscribe(send);
  return () => {
    unsubscribe();
    cancel();
  };
}

/** The views are JSON already: they are put together, never parsed and printed again for each client. */
function frame({ changed, gone, synced, trouble }: BoardChange): string {
  const rest = JSON.stringify({ gone, synced, trouble }).slice(1);
  return `event: change\ndata: {"changed":[${changed.join(',')}],${rest}\n\n`;
}
