import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OperatorError } from '#lib/errors.ts';
import type { Clock } from '#ports/clock.ts';
import { createPrometheusSource, type PrometheusOptions, sourceUrlProblem } from '#sources/prometheus.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    return () => clearTimeout(timer);
  },
};

let server: Server;
let url: string;
let answer: Answer;
let sockets: number;
const sources: { close(): void }[] = [];

beforeEach(async () => {
  sockets = 0;
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => answer(request, response, body));
  });
  server.on('connection', () => {
    sockets += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  for (const source of sources.splice(0)) source.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function sourceOf(options: Partial<PrometheusOptions> = {}) {
  const source = createPrometheusSource({ name: 'main', url, clock, ...options });
  sources.push(source);
  return source;
}

function says(text: string, status = 200, headers: Record<string, string> = {}): Answer {
  return (_request, response) => response.writeHead(status, headers).end(text);
}

function vector(...series: unknown[]): string {
  return JSON.stringify({ status: 'success', data: { resultType: 'vector', result: series } });
}

async function failureOf(promise: Promise<unknown>): Promise<OperatorError> {
  try {
    await promise;
  } catch (error) {
    return error as OperatorError;
  }
  throw new Error('did not fail');
}

describe('values', () => {
  test.each([
    { text: '+Inf', value: Number.POSITIVE_INFINITY, because: 'as NaN it would slip below every limit' },
    { text: '-Inf', value: Number.NEGATIVE_INFINITY, because: 'the other end' },
    { text: 'NaN', value: Number.NaN, because: 'no traffic: 0/0' },
    { text: '1e+06', value: 1_000_000, because: 'Go prints large numbers so' },
    { text: '17', value: 17, because: 'a counter' },
  ])('$text: $because', async ({ text, value }) => {
    answer = says(vector({ metric: { pod: 'a' }, value: [1700000000.123, text] }));
    const { result } = await sourceOf().query('x', { at: 1 });
    // kills: `new Date(seconds * 1000)`, which cuts 1700000000.123 to …122
    expect(result).toEqual({
      kind: 'vector',
      samples: [{ labels: { pod: 'a' }, value, at: 1_700_000_000_123 }],
      histograms: [],
    });
  });

  test('a native histogram neither throws nor counts as a number', async () => {
    const histogram = [1, { count: '5', sum: '2.5', buckets: [] }];
    answer = says(vector({ metric: { pod: 'a' }, histogram }, { metric: { pod: 'b' }, value: [1, '2'] }));
    const { result } = await sourceOf().query('x', { at: 1 });
    expect(result).toEqual({
      kind: 'vector',
      samples: [{ labels: { pod: 'b' }, value: 2, at: 1000 }],
      histograms: [{ labels: { pod: 'a' }, count: 5, sum: 2.5, buckets: [], at: 1000 }],
    });
  });

  test.each([
    { type: 'scalar', result: [2, '5'], want: { kind: 'scalar', at: 2000, value: 5 } },
    { type: 'string', result: [2, 'hello'], want: { kind: 'string', at: 2000, value: 'hello' } },
  ])('a $type is a kind of its own', async ({ type, result, want }) => {
    answer = says(JSON.stringify({ status: 'success', data: { resultType: type, result } }));
    expect((await sourceOf().query('x', { at: 1 })).result).toEqual(want);
  });

  test('a range is a matrix, with the step in seconds', async () => {
    let asked = '';
    answer = (_request, response, body) => {
      asked = body;
      const series = {
        metric: { pod: 'a' },
        values: [
          [1, '2'],
          [2, '+Inf'],
        ],
        histograms: [[3, { count: '1', sum: '1' }]],
      };
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [series] } }));
    };
    const { result } = await sourceOf().range('x', { from: 0, to: 3000, stepMs: 500 });
    expect(new URLSearchParams(asked).get('start')).toBe('0');
    expect(new URLSearchParams(asked).get('step')).toBe('0.5');
    expect(result.series).toEqual([
      {
        labels: { pod: 'a' },
        points: [
          { at: 1000, value: 2 },
          { at: 2000, value: Number.POSITIVE_INFINITY },
        ],
        histograms: [{ at: 3000, count: 1, sum: 1, buckets: [] }],
      },
    ]);
  });
});

describe('requests', () => {
  test('asks by POST, for complete answers, with a server-side limit, and means 0 when it says 0', async () => {
    const seen: { method?: string; url?: string; body?: string } = {};
    answer = (request, response, body) => {
      Object.assign(seen, { method: request.method, url: request.url, body });
      response.end(vector());
    };
    await sourceOf({ url: `${url}/prefix/` }).query('up{a="b"}', { at: 0 });
    expect(seen.method).toBe('POST');
    expect(seen.url).toBe('/prefix/api/v1/query');
    // kills: passing the number instead of a Date; the library reads 0 as now
    expect(Object.fromEntries(new URLSearchParams(seen.body))).toEqual({
      query: 'up{a="b"}',
      time: '0',
      timeout: '10000ms',
      partial_response: 'false',
    });
  });

  test.each([
    { auth: { kind: 'bearer', token: 't0ken' } as const, header: 'Bearer t0ken' },
    { auth: { kind: 'basic', username: 'u', password: 'p:ä' } as const, header: 'Basic dTpwOsOk' },
  ])('sends $auth.kind credentials', async ({ auth, header }) => {
    let seen: string | undefined;
    answer = (request, response) => {
      seen = request.headers.authorization;
      response.end(vector());
    };
    await sourceOf({ auth }).query('x', { at: 1 });
    expect(seen).toBe(header);
  });

  test.each([
    { flavour: 'Thanos' as const, sends: { partial_response: 'false', dedup: 'true', max_source_resolution: '0s' } },
    { flavour: 'Mimir' as const, sends: { partial_response: 'false' } },
    {
      flavour: 'VictoriaMetrics' as const,
      sends: { deny_partial_response: '1', nocache: '1', latency_offset: '1s', max_lookback: '5m' },
    },
  ])('asks $flavour in its own way', async ({ flavour, sends }) => {
    let asked = '';
    let tenant: unknown;
    answer = (request, response, body) => {
      asked = body;
      tenant = request.headers['x-scope-orgid'];
      response.end(vector());
    };
    const source = sourceOf({ flavour, ...(flavour === 'Mimir' ? { tenant: 'team-a|team-b' } : {}) });
    await source.query('x', { at: 0 });
    expect(Object.fromEntries(new URLSearchParams(asked))).toEqual({
      query: 'x',
      time: '0',
      timeout: '10000ms',
      ...sends,
    });
    expect(tenant).toBe(flavour === 'Mimir' ? 'team-a|team-b' : undefined);
    expect(source.rules).toMatchObject(
      flavour === 'VictoriaMetrics' ? { maxQueryLength: 16_000, window: '5m' } : { maxQueryLength: 60_000 },
    );
  });

  test('many queries share four connections', async () => {
    answer = says(vector());
    const source = sourceOf();
    await Promise.all(Array.from({ length: 60 }, () => source.query('x', { at: 1 })));
    // kills: no agent, which opens one connection per query
    expect(sockets).toBeLessThanOrEqual(4);
  });

  test('a kept connection that the server closed is replaced without a word', async () => {
    answer = says(vector());
    const source = sourceOf();
    await source.query('x', { at: 1 });
    let closed = false;
    answer = (request, response) => {
      if (closed) response.end(vector());
      else request.socket.resetAndDestroy();
      closed = true;
    };
    await expect(source.query('x', { at: 1 })).resolves.toMatchObject({ result: { kind: 'vector' } });
  });

  test('a certificate is trusted when the given one has signed it, and not without', async () => {
    const pem = (name: string) => readFileSync(new URL(`fixtures/localhost-${name}.pem`, import.meta.url), 'utf8');
    const secure = createSecureServer({ key: pem('key'), cert: pem('cert') }, (_, response) => response.end(vector()));
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const address = `https://127.0.0.1:${(secure.address() as AddressInfo).port}`;
    try {
      await expect(sourceOf({ url: address, ca: pem('cert') }).query('x', { at: 1 })).resolves.toBeDefined();
      // kills: rejectUnauthorized switched off where a certificate is given
      const error = await failureOf(sourceOf({ url: address }).query('x', { at: 1 }));
      expect(error.message).toBe(`main: no answer from ${address} (DEPTH_ZERO_SELF_SIGNED_CERT)`);
    } finally {
      secure.closeAllConnections();
      await new Promise((resolve) => secure.close(resolve));
    }
  });

  test('the environment cannot put a proxy in between', async () => {
    answer = says(vector());
    process.env['HTTP_PROXY'] = 'http://127.0.0.1:1';
    try {
      // kills: `proxy: null`, which lets HTTP_PROXY win
      await expect(sourceOf().query('x', { at: 1 })).resolves.toBeDefined();
    } finally {
      delete process.env['HTTP_PROXY'];
    }
  });
});

describe('refusals', () => {
  test.each([
    {
      name: '400',
      send: says('{"status":"error","error":"parse error"}', 400),
      code: 'SOURCE_QUERY',
      text: 'parse error',
    },
    {
      name: '422',
      send: says('{"status":"error","error":"found duplicate series"}', 422),
      code: 'SOURCE_QUERY',
      text: 'duplicate',
    },
    ...[
      'query processing would load too many samples into memory in query execution',
      'the query exceeded the maximum number of series (limit: 100000 series) (err-mimir-max-series-per-query)',
      'cannot select more than -search.maxUniqueTimeseries=300000 time series',
    ].map((error) => ({
      name: `422 ${error.slice(0, 20)}`,
      send: says(JSON.stringify({ status: 'error', error }), 422),
      code: 'SOURCE_TOO_LARGE',
      text: error,
    })),
    {
      name: 'bad_data with 200',
      send: says('{"status":"error","errorType":"bad_data"}'),
      code: 'SOURCE_QUERY',
      text: 'bad_data',
    },
    { name: '429', send: says('slow', 429), code: 'SOURCE_THROTTLED', text: '429' },
    {
      name: '503 with Retry-After',
      send: says('', 503, { 'retry-after': '7' }),
      code: 'SOURCE_THROTTLED',
      text: '503',
    },
    { name: '503', send: says('query timed out', 503), code: 'SOURCE_UNREACHABLE', text: 'query timed out' },
    { name: '500 with a page', send: says('<html>oops</html>', 500), code: 'SOURCE_UNREACHABLE', text: 'an HTML page' },
    { name: '401', send: says('', 401), code: 'SOURCE_UNREACHABLE', text: 'check the Secret' },
    { name: '404', send: says('', 404), code: 'SOURCE_ANSWER', text: 'check its path' },
    {
      name: '302',
      send: says('', 302, { location: 'http://login.example/?t=s' }),
      code: 'SOURCE_ANSWER',
      text: 'login.example (302)',
    },
    { name: 'HTML with 200', send: says('<!doctype html><p>Log in'), code: 'SOURCE_ANSWER', text: 'HTML' },
    { name: 'half a JSON', send: says(vector().slice(0, 20)), code: 'SOURCE_ANSWER', text: 'not JSON' },
    { name: 'no body', send: says(''), code: 'SOURCE_ANSWER', text: 'not JSON' },
    { name: 'no data', send: says('{"status":"success"}'), code: 'SOURCE_ANSWER', text: 'data' },
    {
      name: 'odd type',
      send: says('{"status":"success","data":{"resultType":"tree"}}'),
      code: 'SOURCE_ANSWER',
      text: 'resultType',
    },
    {
      name: 'word as value',
      send: says(vector({ metric: {}, value: [1, 'many'] })),
      code: 'SOURCE_ANSWER',
      text: 'value',
    },
    {
      name: 'hex as value',
      send: says(vector({ metric: {}, value: [1, '0x10'] })),
      code: 'SOURCE_ANSWER',
      text: 'value',
    },
    { name: 'value missing', send: says(vector({ metric: {} })), code: 'SOURCE_ANSWER', text: 'pair' },
    {
      name: 'label not text',
      send: says(vector({ metric: { a: 1 }, value: [1, '1'] })),
      code: 'SOURCE_ANSWER',
      text: 'label a',
    },
    {
      name: 'closed halfway',
      send: (_q, r) => r.writeHead(200, { 'content-length': '99' }).write('{', () => r.destroy()),
      code: 'SOURCE_UNREACHABLE',
      text: 'no answer',
    },
  ] satisfies { name: string; send: Answer; code: string; text: string }[])(
    '$name → $code',
    async ({ send, code, text }) => {
      answer = send;
      const error = await failureOf(sourceOf().query('x', { at: 1 }));
      expect(error).toMatchObject({ name: 'OperatorError', code });
      expect(error.message).toContain(text);
      expect(error.message).toMatch(/^main: /);
      expect(error.cause).toBeUndefined();
    },
  );

  test.each([
    { value: '7', min: 7000, max: 7000 },
    { value: new Date(Date.now() + 60_000).toUTCString(), min: 50_000, max: 61_000 },
    { value: new Date(0).toUTCString(), min: 0, max: 0 },
  ])('Retry-After $value', async ({ value, min, max }) => {
    answer = says('', 429, { 'retry-after': value });
    const { retryAfterMs } = await failureOf(sourceOf().query('x', { at: 1 }));
    expect(retryAfterMs).toBeGreaterThanOrEqual(min);
    expect(retryAfterMs).toBeLessThanOrEqual(max);
  });

  test('a redirect is not followed', async () => {
    const paths: (string | undefined)[] = [];
    answer = (request, response) => {
      paths.push(request.url);
      response.writeHead(307, { location: `${url}/elsewhere` }).end();
    };
    await failureOf(sourceOf().query('x', { at: 1 }));
    expect(paths).toEqual(['/api/v1/query']); // kills: maxRedirects left at five
  });

  test('a part of a cluster that did not answer is an error, not less traffic', async () => {
    answer = says(JSON.stringify({ status: 'success', isPartial: true, data: { resultType: 'vector', result: [] } }));
    const error = await failureOf(sourceOf({ flavour: 'VictoriaMetrics' }).query('x', { at: 1 }));
    expect(error).toMatchObject({ code: 'SOURCE_ANSWER' });
    expect(error.message).toContain('may be incomplete');
  });

  test('a warning means that stores may be missing, and an info does not', async () => {
    const body = { status: 'success', data: { resultType: 'vector', result: [] } };
    answer = says(JSON.stringify({ ...body, warnings: ['store 10.0.0.1 is down'] }));
    const error = await failureOf(sourceOf().query('x', { at: 1 }));
    expect(error).toMatchObject({ code: 'SOURCE_ANSWER' });
    expect(error.message).toContain('store 10.0.0.1 is down');
    answer = says(JSON.stringify({ ...body, warnings: ['PromQL info: no _total'], infos: ['fine'] }));
    expect((await sourceOf().query('x', { at: 1 })).warnings).toEqual(['PromQL info: no _total', 'fine']);
  });

  test('a port where nobody listens', async () => {
    const error = await failureOf(sourceOf({ url: 'http://127.0.0.1:1' }).query('x', { at: 1 }));
    expect(error).toMatchObject({
      code: 'SOURCE_UNREACHABLE',
      message: 'main: no answer from http://127.0.0.1:1 (ECONNREFUSED)',
    });
  });

  test.each([
    { address: 'prometheus:9090', text: 'http://' },
    { address: 'nonsense', text: 'is not a URL' },
    { address: 'http://u:p@prom', text: 'credentials' },
    { address: 'http://prom/?a=b', text: 'without ?' },
  ])('the address $address is refused', async ({ address, text }) => {
    expect(sourceUrlProblem(address)).toContain(text);
    const error = await failureOf(sourceOf({ url: address }).query('x', { at: 1 }));
    expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    expect(error.message).toContain(text);
  });
});

describe('limits', () => {
  test('a body that trickles for ever ends at the deadline', async () => {
    answer = (_request, response) => {
      const drip = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(drip));
    };
    // kills: axios' `timeout`, which starts anew with every byte
    const error = await failureOf(sourceOf({ limits: { timeoutMs: 100 } }).query('x', { at: 1 }));
    expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE', message: 'main: no complete answer within 100 ms' });
  });

  test('a server that never answers, too', async () => {
    answer = () => {};
    const error = await failureOf(sourceOf({ limits: { timeoutMs: 50 } }).query('x', { at: 1 }));
    expect(error.message).toBe('main: no complete answer within 50 ms');
  });

  test('the caller can give up', async () => {
    const caller = new AbortController();
    answer = () => caller.abort();
    const error = await failureOf(sourceOf().query('x', { at: 1, signal: caller.signal }));
    expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
  });

  test('a body of 50 MB is cut off while it streams', async () => {
    let sent = 0;
    const chunk = Buffer.alloc(1_000_000, 0x20);
    answer = (_request, response) => {
      const write = () => {
        while (sent < 50 && !response.destroyed) {
          sent += 1;
          if (!response.write(chunk)) return;
        }
        response.end();
      };
      response.on('drain', write);
      write();
    };
    const error = await failureOf(sourceOf({ limits: { maxBytes: 2_000_000 } }).query('x', { at: 1 }));
    expect(error).toMatchObject({ code: 'SOURCE_TOO_LARGE' });
    expect(sent).toBeLessThan(50);
  });

  test('a gzip bomb counts as what it unpacks to', async () => {
    const bomb = gzipSync(Buffer.alloc(30_000_000, 0x20));
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    const error = await failureOf(sourceOf().query('x', { at: 1 }));
    expect(error).toMatchObject({ code: 'SOURCE_TOO_LARGE' });
  });

  test('too many series', async () => {
    answer = says(vector(...Array.from({ length: 3 }, () => ({ metric: {}, value: [1, '1'] }))));
    const error = await failureOf(sourceOf({ limits: { maxSeries: 2 } }).query('x', { at: 1 }));
    expect(error).toMatchObject({ code: 'SOURCE_TOO_LARGE' });
  });
});

describe('secrets', () => {
  const secret = 's3cr3t-p4ssw0rd';
  const encoded = Buffer.from(`u:${secret}`).toString('base64');
  const echoes: { name: string; send: Answer; url?: string }[] = [
    { name: 'no connection', send: says(''), url: 'http://127.0.0.1:1' },
    {
      name: 'a refusal that echoes the header',
      send: (q, r) => r.writeHead(400).end(`bad header ${q.headers.authorization}`),
    },
    {
      name: 'a secret across the cut',
      send: (q, r) => r.writeHead(500).end(`${'x'.repeat(280)}${q.headers.authorization}`),
    },
    {
      name: 'a warning that echoes',
      send: says(JSON.stringify({ status: 'success', warnings: [secret], data: { resultType: 'vector', result: [] } })),
    },
    {
      name: 'an error with 200 that echoes',
      send: says(JSON.stringify({ status: 'error', errorType: 'x', error: encoded })),
    },
    { name: 'a closed socket', send: (q) => q.socket.destroy() },
    { name: 'a label of that name', send: says(vector({ metric: { [secret]: 1 }, value: [1, '1'] })) },
  ];
  test.each(echoes)('stay out of the error after $name', async ({ send, url: other }) => {
    answer = send;
    const auth = { kind: 'basic', username: 'u', password: secret } as const;
    const error = await failureOf(
      sourceOf({ auth, ...(other === undefined ? {} : { url: other }) }).query('x', { at: 1 }),
    );
    // kills: handing the library's `original`, with axios' config in it, on as the cause
    const shown = inspect(error, { depth: 20, showHidden: true });
    expect(shown).not.toContain('s3cr');
    expect(shown).not.toContain(encoded.slice(0, 8));
    expect(error.name).toBe('OperatorError');
  });
});
