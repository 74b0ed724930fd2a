import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import type { GateContext, GateReading } from '#core/gate.ts';
import { createGateEngine } from '#operator/gate-engine.ts';
import type { Log } from '#ports/log.ts';
import { systemClock } from '#runtime/system-clock.ts';
import { createPrometheusSource } from '#sources/prometheus.ts';
import { json, type Reply, type Seen, startScriptedServer } from '#test/support/scripted-server.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';

/** Two gates on one source over real HTTP: the questions of one are answered badly, and the other must not notice. */

const TOKEN = 's3cr3t-t0ken';
const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function context(metric: string): GateContext {
  const total = { metric, matchers: [] };
  const bad = { metric, matchers: [{ label: 'code', op: '=~' as const, value: '5..' }] };
  const slo = {
    ...{ name: metric, sli: { kind: 'events' as const, total, bad }, arms: { by: 'Pod' as const } },
    ...{ objective: 0.99, windowMs: 2_419_200_000 },
  };
  return {
    gate: { name: metric, role: 'Guardrail', slo, tolerate: 0.01, maxWaitMs: 1_800_000 },
    ...{ epoch: 'a/1', stepEpoch: 'a/1/step0/1', attempt: 1, weight: 10_000, nextWeight: 30_000, arrived: true },
    ...{ reactionMs: 20_000, tickMs: 10_000, targetSpend: 0.001, maxSpend: 0.01 },
  };
}

const process = { namespace: 'shop', pod: 'web-a-1', container: 'app', instance: '10.0.0.1:80' };

/** One process that was scraped just now. */
function wellAnswered(seen: Seen, response: ServerResponse): void {
  const query = new URLSearchParams(seen.body);
  const time = Number(query.get('time') ?? query.get('end'));
  const value = [time, query.get('query')?.includes('timestamp(') === true ? String(time - 1) : '100'];
  const range = seen.path.endsWith('_range');
  const result = [{ metric: process, ...(range ? { values: [value] } : { value }) }];
  void json(200, { status: 'success', data: { resultType: range ? 'matrix' : 'vector', result } })(seen, response);
}

const success = (data: unknown, rest = {}) => json(200, { status: 'success', data, ...rest });
const body =
  (text: string | Buffer, headers = {}): Reply =>
  (_, response) =>
    void response.writeHead(200, headers).end(text);

/** Sends as much as it can until nobody takes it any more. */
function flood(chunk: Buffer, most: number): Reply & { sent: number } {
  const reply = (_: Seen, response: ServerResponse) => {
    reply.sent = 0;
    const write = () => {
      while (reply.sent < most && !response.destroyed) {
        reply.sent += 1;
        if (!response.write(chunk)) return;
      }
      response.end();
    };
    response.on('drain', write);
    write();
  };
  reply.sent = 0;
  return reply;
}

const megabyte = Buffer.alloc(1_000_000, 0x20);
const fifty = flood(megabyte, 50);
const series = { metric: { ...process, shard: '1' }, value: [1, '1'] };
const many = Array.from({ length: 100_000 }, (_, index) => ({ metric: { pod: `web-${index}` }, value: [1, '1'] }));

test.each([
  {
    name: 'PromQL that does not parse',
    reply: json(400, { status: 'error', errorType: 'bad_data', error: '1:9: parse error' }),
    cause: 'BadQuery',
    text: '1:9: parse error',
  },
  {
    name: 'a scalar',
    reply: success({ resultType: 'scalar', result: [1, '2'] }),
    cause: 'BadQuery',
    text: 'got a scalar',
  },
  {
    name: 'a string',
    reply: success({ resultType: 'string', result: [1, 'x'] }),
    cause: 'BadQuery',
    text: 'got a string',
  },
  {
    name: '100,000 series',
    reply: success({ resultType: 'vector', result: many }),
    cause: 'BadQuery',
    text: 'more than 50000 series',
  },
  { name: 'a body of 50 MB', reply: fifty, cause: 'BadQuery', text: 'longer than 20000000 bytes' },
  {
    name: 'a gzip bomb',
    reply: body(gzipSync(Buffer.alloc(60_000_000, 0x20)), { 'content-encoding': 'gzip' }),
    cause: 'BadQuery',
    text: 'longer than 20000000 bytes',
  },
  { name: 'HTML', reply: body('<!doctype html><p>Log in'), cause: 'BadQuery', text: 'the body is HTML' },
  {
    name: 'a redirect',
    reply: ((_, response) => void response.writeHead(302, { location: 'http://evil.example/?token=1' }).end()) as Reply,
    cause: 'BadQuery',
    text: 'redirects to evil.example (302)',
  },
  {
    name: 'half an answer',
    reply: body('{"status":"success","data":{"resultType":"vector","result":[{"metric"'),
    cause: 'BadQuery',
    text: 'not JSON',
  },
  {
    name: 'a partial answer',
    reply: success({ resultType: 'vector', result: [] }, { warnings: ['store-1 is down'] }),
    cause: 'BadQuery',
    text: 'may be incomplete: store-1 is down',
  },
  {
    name: 'a partial answer in VictoriaMetrics’ words',
    reply: success({ resultType: 'vector', result: [] }, { isPartial: true }),
    cause: 'BadQuery',
    text: 'may be incomplete',
  },
  {
    name: 'an endless trickle',
    reply: ((_, response) => {
      const drip = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(drip));
    }) as Reply,
    cause: 'SourceDown',
    text: 'no complete answer within 300 ms',
    timeoutMs: 300,
  },
  {
    name: 'our own credentials',
    reply: ((seen, response) => void response.writeHead(400).end(`bad header ${seen.headers.authorization}`)) as Reply,
    cause: 'BadQuery',
    text: '[redacted]',
  },
  {
    name: 'NaN',
    reply: success({ resultType: 'vector', result: [{ metric: process, value: [1, 'NaN'] }] }),
    cause: 'BadQuery',
    text: 'is NaN',
  },
  {
    name: 'several series where one is due',
    reply: success({ resultType: 'vector', result: [series, { ...series, metric: process }] }),
    cause: 'BadQuery',
    text: 'is there twice',
  },
  {
    name: 'a native histogram where a counter is due',
    reply: success({
      resultType: 'vector',
      result: [{ metric: process, histogram: [1, { count: '1', sum: '1', buckets: [] }] }],
    }),
    cause: 'BadQuery',
    text: 'bad_total is a native histogram',
  },
] as { name: string; reply: Reply; cause: string; text: string; timeoutMs?: number }[])(
  '$name: an Error that says so, and another gate goes on',
  async ({ reply, cause, text, timeoutMs = 10_000 }) => {
    const server = await startScriptedServer((seen, response) => {
      const query = new URLSearchParams(seen.body).get('query') ?? '';
      const spoilt = query.startsWith('sum by') && query.includes('bad_total');
      return spoilt ? reply(seen, response) : wellAnswered(seen, response);
    });
    const source = createPrometheusSource({
      ...{ name: 'main', url: server.url, clock: systemClock, limits: { timeoutMs } },
      auth: { kind: 'bearer', token: TOKEN },
    });
    const heard = new Map(['shop/bad', 'shop/good'].map((key) => [key, Promise.withResolvers<void>()]));
    const engine = createGateEngine({
      ...{ clock: systemClock, log: silent, telemetry: recordTelemetry(), sourceFor: () => source },
      onReading: (key) => heard.get(key)?.resolve(),
    });
    closing.push(
      () => server[Symbol.asyncDispose](),
      () => source.close(),
      () => engine.stop(),
    );
    for (const key of heard.keys()) {
      engine.watch(key, {
        contexts: [context(`${key.slice(5)}_total`)],
        scope: { namespace: 'shop', replicaSets: ['web-a', 'web-b'] },
        pods: () => [{ pod: 'web-a-1', arm: 'stable', available: true, containers: [{ name: 'app', startedAt: 0 }] }],
        scrapeMs: 5000,
      });
    }
    await Promise.all([...heard.values()].map(({ promise }) => promise));
    const [bad] = engine.readings('shop/bad');
    const [good] = engine.readings('shop/good');
    expect(bad).toMatchObject({ verdict: 'Error', cause });
    expect(bad?.message).toContain(text);
    // kills: one bad answer that fails the pass; a shared query that takes its neighbours with it
    expect(good?.verdict).not.toBe('Error');
    expect(good?.evidence.at).toBeGreaterThan(0);
    const said = JSON.stringify([bad, good] satisfies (GateReading | undefined)[]);
    expect(said).not.toContain(TOKEN);
    expect(fifty.sent).toBeLessThan(50);
  },
);
