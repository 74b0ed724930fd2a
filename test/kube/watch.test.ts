import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fixedConfig } from '#kube/config.ts';
import { HTTP_ROUTE } from '#kube/resources.ts';
import { createTransport } from '#kube/transport.ts';
import { createWatchSource, splitLines } from '#kube/watch.ts';
import { OperatorError } from '#lib/errors.ts';
import { createInformers } from '#runtime/informers.ts';
import { silentLog } from '#runtime/json-log.ts';
import { systemClock } from '#runtime/system-clock.ts';
import { json, lines, type Reply, startScriptedServer } from '#test/support/scripted-server.ts';
import { added, bookmark, thing } from '#test/support/scripted-source.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';
import { seededRandom } from '#test/support/virtual-clock.ts';

async function collect(chunks: AsyncIterable<Buffer>, limit = 1000): Promise<string[]> {
  const all: string[] = [];
  for await (const line of splitLines(chunks, limit)) all.push(line);
  return all;
}

test('law: lines survive any cutting, within characters too', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'grapheme', minLength: 1 }).filter((line) => !line.includes('\n'))),
      fc.integer({ min: 1, max: 9 }),
      async (texts, size) => {
        const bytes = Buffer.from(texts.map((line) => `${line}\n`).join(''));
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
          bytes.subarray(at * size, (at + 1) * size),
        );
        expect(await collect(Readable.from(chunks))).toEqual(texts);
      },
    ),
    { numRuns: 50 },
  );
});

test('a line without end is refused', async () => {
  const chunks = Array.from({ length: 20 }, () => Buffer.alloc(100, 'x'));
  await expect(collect(Readable.from(chunks))).rejects.toThrow('longer than 1000');
});

async function watchOnce(reply: Reply, { stallMs = 5000 } = {}) {
  await using server = await startScriptedServer(reply);
  const transport = createTransport({
    config: fixedConfig(server.url),
    clock: systemClock,
    telemetry: recordTelemetry(),
  });
  const source = createWatchSource(
    transport,
    { resource: HTTP_ROUTE, namespace: 'shop', labelSelector: 'a=b' },
    { stallMs },
  );
  const seen: string[] = [];
  const signal = new AbortController().signal;
  try {
    for await (const line of await source.watch({ resourceVersion: undefined, timeoutSeconds: 300, signal }))
      seen.push(line.type);
  } catch (error) {
    seen.push(error instanceof OperatorError ? error.code : 'connection lost');
  } finally {
    await transport.close();
  }
  return { seen, requests: server.requests };
}

test('a watch asks for a streaming list, bookmarks and its end', async () => {
  const { requests } = await watchOnce(lines([]));
  expect(requests[0]?.path).toBe('/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes');
  expect(Object.fromEntries(requests[0]?.query ?? [])).toEqual({
    watch: 'true',
    sendInitialEvents: 'true',
    resourceVersionMatch: 'NotOlderThan',
    allowWatchBookmarks: 'true',
    timeoutSeconds: '300',
    labelSelector: 'a=b',
  });
});

const one = added(thing('a', '1'));

test.each<{ name: string; reply: Reply; seen: string[] }>([
  { name: 'a clean end', reply: lines([one]), seen: ['ADDED'] },
  { name: 'a reset', reply: lines([one], 'reset'), seen: ['ADDED', 'connection lost'] },
  {
    name: 'an error status in a good answer',
    reply: lines([{ type: 'ERROR', object: { kind: 'Status', code: 410 } }]),
    seen: ['ERROR'],
  },
  { name: 'not JSON', reply: lines([one, '<html>', one]), seen: ['ADDED', 'GARBAGE'] },
  { name: 'JSON that is no watch line', reply: lines([{ type: 'NEWS', object: {} }]), seen: ['GARBAGE'] },
  { name: 'a line cut off', reply: (_, response) => void response.end('{"type":"ADDED","obj'), seen: ['GARBAGE'] },
  {
    name: 'a status that refuses',
    reply: json(422, { message: 'sendInitialEvents is forbidden' }),
    seen: ['KUBE_INVALID'],
  },
])('$name', async ({ reply, seen }) => {
  expect((await watchOnce(reply)).seen).toEqual(seen);
});

test('silence is noticed and is no error', async () => {
  expect((await watchOnce(lines([one], 'silence'), { stallMs: 50 })).seen).toEqual(['ADDED', 'STALLED']);
});

test('informers over HTTP: refused streaming, pages, a reset, a resumed watch', async () => {
  const page = (name: string, more: string) =>
    json(200, {
      metadata: { resourceVersion: '5', continue: more },
      items: [{ metadata: { name, namespace: 'shop', uid: name, resourceVersion: '1' } }],
    });
  await using server = await startScriptedServer(
    json(422, { message: 'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled' }),
    page('a', 'more'),
    page('b', ''),
    lines([bookmark('6')], 'reset'),
    lines([added({ ...thing('c', '7'), kind: 'HTTPRoute' })], 'silence'),
  );
  const transport = createTransport({
    config: fixedConfig(server.url),
    clock: systemClock,
    telemetry: recordTelemetry(),
  });
  const informers = createInformers({
    kinds: [{ resource: HTTP_ROUTE }],
    namespace: 'shop',
    sourceFor: (target) => createWatchSource(transport, target),
    clock: systemClock,
    random: seededRandom(1),
    log: silentLog,
    telemetry: recordTelemetry(),
  });
  const store = informers.store(HTTP_ROUTE);
  const stop = new AbortController();
  const third = new Promise<void>((resolve) => {
    store.watch({ add: ({ metadata }) => metadata.name === 'c' && resolve() });
  });
  const running = informers.run(stop.signal);
  await informers.synced;
  await third;
  expect(store.list('shop').map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
    'HTTPRoute a',
    'HTTPRoute b',
    'HTTPRoute c',
  ]);
  expect(server.requests.at(-1)?.query.get('resourceVersion')).toBe('6');
  stop.abort();
  await running;
  await transport.close();
});
