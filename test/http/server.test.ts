import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBoard } from '#http/board.ts';
import type { FeedSnapshot } from '#http/feed.ts';
import { createServer } from '#http/server.ts';
import { follow, MAX_STREAMS } from '#http/stream.ts';
import type { Clock } from '#ports/clock.ts';
import { systemClock } from '#runtime/system-clock.ts';
import { fleet } from '../core/fleet.ts';
import { rollout } from '../core/objects.ts';

const SECRET = 'open-sesame';
const authorized = { host: '127.0.0.1:1', authorization: `Bearer ${SECRET}` };

function createFeed() {
  let snapshot: FeedSnapshot = { ...fleet(), synced: true };
  const listeners = new Set<() => void>();
  return {
    snapshot: () => snapshot,
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    change(next: Partial<FeedSnapshot>) {
      snapshot = { ...snapshot, ...next };
      for (const listener of listeners) listener();
    },
  };
}

/** Timers fire when the test says so. */
function createClock(): Clock & { fire(delayMs: number): void } {
  const timers = new Set<{ delayMs: number; fire: () => void }>();
  return {
    now: () => 0,
    monotonic: () => 0,
    timer(delayMs, fire) {
      const timer = { delayMs, fire };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    fire(delayMs) {
      for (const timer of [...timers].filter((candidate) => candidate.delayMs === delayMs)) {
        timers.delete(timer);
        timer.fire();
      }
    },
  };
}

let feed: ReturnType<typeof createFeed>;
let app: FastifyInstance;
beforeEach(() => {
  feed = createFeed();
  const assets = new Map([['/', { type: 'text/html', body: '<!doctype html>' }]]);
  app = createServer({ feed, secret: SECRET, assets, clock: systemClock });
});
afterEach(() => app.close());

describe('who gets an answer', () => {
  test.each([
    { name: 'with the secret', because: 'it is the page', url: '/api/rollouts', headers: authorized, code: 200 },
    {
      name: 'without the secret',
      because: 'other users of the machine reach loopback too',
      url: '/api/rollouts',
      headers: { host: '127.0.0.1:1' },
      code: 401,
    },
    {
      name: 'with another secret',
      because: 'a guess is no secret',
      url: '/api/stream',
      headers: { ...authorized, authorization: 'Bearer open-sesam' },
      code: 401,
    },
    {
      name: 'the page itself',
      because: 'it holds nothing secret',
      url: '/',
      headers: { host: 'localhost:80' },
      code: 200,
    },
    // kills: checking the secret alone, or only the start of the host
    {
      name: 'by another name',
      because: 'a foreign page may point its name at 127.0.0.1',
      url: '/api/rollouts',
      headers: { ...authorized, host: 'evil.example:80' },
      code: 421,
    },
    {
      name: 'by a name that begins like ours',
      because: 'localhost.evil.example is not localhost',
      url: '/',
      headers: { ...authorized, host: 'localhost.evil.example' },
      code: 421,
    },
    {
      name: 'for what is not there',
      because: 'unknown paths are errors',
      url: '/api/nothing',
      headers: authorized,
      code: 404,
    },
    {
      name: 'for a Rollout that is not there',
      because: 'so are unknown names',
      url: '/api/rollouts/shop/nobody',
      headers: authorized,
      code: 404,
    },
  ])('$name: $code', async ({ url, headers, code, because }) => {
    // A stream that is let in never ends: only refusals of it are asked for here.
    const answer = await app.inject({ url, headers });
    expect(answer.statusCode, because).toBe(code);
    if (code >= 400) expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  test('nothing can be written', async () => {
    const answer = await app.inject({ method: 'POST', url: '/api/rollouts', headers: authorized, payload: {} });
    expect(answer.statusCode).toBe(404);
  });
});

test('every answer forbids what is inline or foreign', async () => {
  const { headers } = await app.inject({ url: '/', headers: { host: '127.0.0.1' } });
  expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(headers['content-security-policy']).not.toContain('unsafe');
  expect(headers['x-content-type-options']).toBe('nosniff');
});

test('one rollout comes with its history', async () => {
  const answer = await app.inject({ url: '/api/rollouts/shop/checkout', headers: authorized });
  const { rollout: view, history } = answer.json() as { rollout: { name: string }; history: { name: string }[] };
  expect(view.name).toBe('checkout');
  expect(history.map(({ name }) => name)).toEqual(['checkout-4', 'checkout-3', 'checkout-2']);
});

describe('stream', () => {
  function client(accepts: () => boolean = () => true) {
    const got: string[] = [];
    let drained = () => {};
    return {
      got,
      drain: () => drained(),
      changes: () =>
        got
          .filter((text) => text.startsWith('event'))
          .map(
            (text) => JSON.parse(text.split('data: ')[1] ?? '{}') as { changed: { name: string }[]; gone: string[] },
          ),
      sink: {
        write: (text: string) => {
          got.push(text);
          return accepts();
        },
        onDrain: (then: () => void) => {
          drained = then;
        },
      },
    };
  }

  test('tells everything first, then only what changed, at most once a quarter second', () => {
    const clock = createClock();
    const board = createBoard({ feed, clock });
    const one = client();
    follow(board, clock, one.sink);
    expect(one.changes()[0]?.changed).toHaveLength(5);
    for (let i = 0; i < 20; i += 1) feed.change({ rollouts: [rollout('web', { phase: 'Healthy', message: `${i}` })] });
    expect(one.changes()).toHaveLength(1);
    clock.fire(250);
    expect(one.changes()).toHaveLength(2);
    expect(one.changes()[1]?.changed.map(({ name }) => name)).toEqual(['web']);
    expect(one.changes()[1]?.gone).toHaveLength(5);
  });

  test('keeps nothing for a slow client but the newest', () => {
    // kills: writing on without looking at what write() answers
    const clock = createClock();
    const board = createBoard({ feed, clock });
    let fast = false;
    const slow = client(() => fast);
    follow(board, clock, slow.sink);
    for (const message of ['first', 'second', 'third']) {
      feed.change({ rollouts: [rollout('web', { phase: 'Healthy', message })] });
      clock.fire(250);
    }
    expect(slow.changes()).toHaveLength(1);
    fast = true;
    slow.drain();
    expect(slow.changes()).toHaveLength(2);
    expect(JSON.stringify(slow.changes()[1])).toContain('third');
  });

  test('carries events over HTTP and is bounded in number', async () => {
    await app.listen({ host: '127.0.0.1', port: 0 });
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/api/stream`;
    const stop = new AbortController();
    const open = () => fetch(url, { headers: { authorization: authorized.authorization }, signal: stop.signal });
    const streams = await Promise.all(Array.from({ length: MAX_STREAMS }, open));
    const first = await streams[0]?.body?.getReader().read();
    expect(new TextDecoder().decode(first?.value)).toMatch(/^event: change\ndata: \{"changed":\[\{"namespace":"ops"/);
    expect(streams[0]?.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await open()).status).toBe(503);
    stop.abort();
  });
});
