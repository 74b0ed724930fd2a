import { expect, test } from 'vitest';
import { runGarbageCollector } from '#sandbox/garbage-collector.ts';
import { runNamespaceController } from '#sandbox/namespace-controller.ts';
import type { Reply, Request } from '#sandbox/request.ts';
import { createSandbox } from '#sandbox/sandbox.ts';
import { createVirtualClock, seededRandom } from '#test/support/virtual-clock.ts';
import { cases } from './cases.ts';
import { loadGolden } from './golden.ts';
import { type Answer, type Ask, play, type Subject, type WatchLine } from './play.ts';

/** The sandbox against what the real API server said to the same requests. */

const golden = loadGolden();

function subject(): Subject {
  const clock = createVirtualClock();
  const sandbox = createSandbox({ clock, random: seededRandom(1) });
  runGarbageCollector(sandbox);
  runNamespaceController(sandbox);
  const reply = (ask: Ask): Reply => sandbox.handle(requestOf(ask));
  return {
    async ask(ask) {
      return answerOf(reply(ask));
    },
    async watch(ask, count, act) {
      const lines: WatchLine[] = [];
      const opened = reply(ask);
      if (!('watch' in opened)) throw new Error(`no watch: ${JSON.stringify(opened.body)}`);
      const stop = opened.watch({
        line: (line) => void lines.push(JSON.parse(JSON.stringify(line))),
        end: () => undefined,
      });
      await act();
      stop();
      return lines.slice(0, count);
    },
    async until(done) {
      for (let look = 0; look < 50 && !(await done()); look += 1) await clock.advance(100);
    },
  };
}

function requestOf({ method, path, query = {}, body, contentType, userAgent }: Ask): Request {
  const type = contentType ?? 'application/json';
  return { method, path, query: new URLSearchParams(query), body, contentType: type, userAgent };
}

function answerOf(reply: Reply): Answer {
  if ('watch' in reply) throw new Error('a watch where an answer was due');
  return { code: reply.code, body: JSON.parse(JSON.stringify(reply.body)) };
}

test.each([...cases])('$name', async (one) => {
  const server = subject();
  await server.ask({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: 'conform' } } });
  expect(await play(server, one, 'conform'), one.because).toEqual(golden[one.name]);
});
