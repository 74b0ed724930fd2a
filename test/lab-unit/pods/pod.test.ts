import { Agent, request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { createApp, errorPercentAt } from '../../lab/pods/app.ts';
import { type Behaviour, healthy } from '../../lab/pods/behaviour.ts';
import { createPod, type RunningPod } from '../../lab/pods/pod.ts';
import { lognormal, seeded } from '../../lab/pods/seeded.ts';
import { handClock } from '../hand-clock.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Started {
  pod: RunningPod;
  clock: ReturnType<typeof handClock>;
  exits: number[];
  get(
    path?: string,
    headers?: Record<string, string>,
  ): Promise<{ status: number; headers: Record<string, unknown>; text: string }>;
}

async function startPod(change: Partial<Behaviour> = {}): Promise<Started> {
  const clock = handClock();
  const exits: number[] = [];
  const behaviour = { ...healthy, latencyMs: 0, ...change };
  const identity = { image: 'lab/shop:v1', pod: 'shop-1', namespace: 'shop', seed: 'shop-1' };
  const place = { address: '127.0.0.1', port: 0 };
  const pod = createPod({ ...identity, ...place, behaviour, clock, onExit: (code) => exits.push(code) });
  const { port } = await pod.start();
  const dispatcher = new Agent();
  cleanups.push(
    () => pod.kill(),
    () => dispatcher.destroy(),
  );
  return {
    ...{ pod, clock, exits },
    async get(path = '/', headers = {}) {
      const answer = await request(`http://127.0.0.1:${port}${path}`, { dispatcher, headers });
      return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
    },
  };
}

function sample(text: string, series: string): number | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

test('an answer says which pod and image gave it', async () => {
  const { get } = await startPod();
  const { status, headers, text } = await get('/cart?item=1');
  expect(status).toBe(200);
  expect(headers).toMatchObject({ 'x-pod': 'shop-1', 'x-image': 'lab/shop:v1' });
  expect(JSON.parse(text)).toEqual({ image: 'lab/shop:v1', pod: 'shop-1', namespace: 'shop' });
});

test('users, probes and health checks are counted apart, and a series is born at its first count', async () => {
  const { get } = await startPod();
  const before = await get('/metrics');
  expect(before.text).not.toContain('http_requests_total');
  expect(sample(before.text, 'process_start_time_seconds')).toBe(1_700_000_000);
  await get('/');
  await get('/cart');
  await get('/healthz');
  await get('/', { 'x-headgate-probe': 'r1' });
  await get('/healthz/smoke', { 'x-headgate-probe': 'r1' });
  const { text } = await get('/metrics');
  // kills: counting synthetic or health requests as users', which would feed an SLI with our own traffic
  expect(sample(text, 'http_requests_total{code="200",method="get"}')).toBe(2);
  expect(sample(text, 'http_probe_requests_total{code="200",method="get"}')).toBe(2);
  expect(sample(text, 'http_request_duration_seconds_count')).toBe(2);
  expect(sample(text, 'http_request_duration_seconds_bucket{le="+Inf"}')).toBe(2);
  expect(sample(text, 'http_request_duration_seconds_bucket{le="0.005"}')).toBe(2);
});

test('orders come at the rate that the tag says, and only from requests of users that went well', () => {
  const behaviour = { ...healthy, ordersPercent: 20, errorPercent: 50 };
  const app = createApp({ image: 'i', pod: 'p', namespace: 'n', behaviour, clock: handClock(), random: seeded('a') });
  for (let index = 0; index < 10_000; index++) {
    const request = { method: 'GET', url: '/', synthetic: index % 2 === 0 };
    const answer = app.answer(request);
    if (answer !== undefined) app.finished(request, answer, 1);
  }
  const text = String(app.answer({ method: 'GET', url: '/metrics', synthetic: false })?.body);
  // 5,000 requests of users, half of them well, a fifth of those bought something.
  expect(sample(text, 'shop_orders_total')).toBeGreaterThan(430);
  expect(sample(text, 'shop_orders_total')).toBeLessThan(570);
  expect(sample(text, 'shop_revenue_total')).toBeGreaterThan(430 * 15);
});

test('errors come at the rate that the tag says, from the seed alone', () => {
  const statuses = (seed: string) => {
    const behaviour = { ...healthy, errorPercent: 5 };
    const app = createApp({
      image: 'i',
      pod: 'p',
      namespace: 'n',
      behaviour,
      clock: handClock(),
      random: seeded(seed),
    });
    const ask = () => app.answer({ method: 'GET', url: '/', synthetic: false })?.status;
    return Array.from({ length: 20_000 }, ask);
  };
  const first = statuses('a');
  const share = first.filter((status) => status === 500).length / first.length;
  expect(share).toBeGreaterThan(0.045);
  expect(share).toBeLessThan(0.055);
  expect(statuses('a')).toEqual(first);
  expect(statuses('b')).not.toEqual(first);
});

test('latency is lognormal around its median', () => {
  const random = seeded('a');
  const times = Array.from({ length: 20_001 }, () => lognormal(random, { median: 200, spread: 0.3 })).sort(
    (a, b) => a - b,
  );
  expect(times[10_000]).toBeGreaterThan(195);
  expect(times[10_000]).toBeLessThan(205);
  expect(times[0]).toBeGreaterThan(0);
});

test.each([
  { ageMs: 0, want: 0, because: 'it starts clean' },
  { ageMs: 60_000, want: 0, because: 'the leak begins here' },
  { ageMs: 90_000, want: 50, because: 'half way' },
  { ageMs: 120_000, want: 100, because: 'full' },
  { ageMs: 999_000, want: 100, because: 'no more than everything' },
])('a leak of 60 s at $ageMs ms is $want %: $because', ({ ageMs, want, because }) => {
  expect(errorPercentAt({ ...healthy, leakAfterMs: 60_000 }, ageMs), because).toBe(want);
});

test('a slow start answers 503 until it has started, and never-ready always', async () => {
  const slow = await startPod({ slowStartMs: 5000 });
  expect([(await slow.get('/')).status, (await slow.get('/healthz')).status, slow.pod.ready()]).toEqual([
    503,
    503,
    false,
  ]);
  slow.clock.advance(5000);
  expect([(await slow.get('/')).status, (await slow.get('/healthz')).status, slow.pod.ready()]).toEqual([
    200,
    200,
    true,
  ]);
  const never = await startPod({ neverReady: true });
  never.clock.advance(1e9);
  expect([(await never.get('/')).status, never.pod.ready()]).toEqual([503, false]);
});

test('smokefail fails the smoke path alone, dark hides the counters alone', async () => {
  const smoke = await startPod({ smokeFail: true });
  expect([(await smoke.get('/healthz/smoke')).status, (await smoke.get('/healthz')).status]).toEqual([500, 200]);
  const dark = await startPod({ dark: true });
  expect((await dark.get('/')).status).toBe(200);
  const { status, text } = await dark.get('/metrics');
  expect(status).toBe(200);
  expect(text).toContain('process_start_time_seconds');
  expect(text).not.toContain('http_request');
});

test('a hanging pod answers its health checks, and its users once it is mended', async () => {
  const { pod, get } = await startPod({ hang: true });
  const user = get('/');
  expect((await get('/healthz')).status).toBe(200);
  expect((await get('/metrics')).text, 'what is never answered is never counted').not.toContain('http_requests_total');
  pod.behave({ ...healthy, latencyMs: 0 });
  expect((await user).status).toBe(200);
});

test('a frozen pod answers nothing at all until it is woken', async () => {
  const { pod, get } = await startPod({ freeze: true });
  const all = Promise.all([get('/'), get('/healthz'), get('/metrics')]);
  pod.behave({ ...healthy, latencyMs: 0 });
  expect((await all).map(({ status }) => status)).toEqual([200, 200, 200]);
});

test('crashes exit with code 1, at once or later, and never after a stop', async () => {
  const now = await startPod({ crash: true });
  expect(now.pod.ready()).toBe(false);
  now.clock.advance(0);
  expect(now.exits).toEqual([1]);
  await expect(now.get('/')).rejects.toThrow('ECONNREFUSED');
  const later = await startPod({ crashAfterMs: 10_000 });
  expect(later.pod.ready()).toBe(true);
  later.clock.advance(10_000);
  expect(later.exits).toEqual([1]);
  const killed = await startPod({ crashAfterMs: 10_000 });
  killed.pod.kill();
  killed.clock.advance(10_000);
  expect(killed.exits).toEqual([]);
});

test('a graceful stop serves on with Connection: close, then closes', async () => {
  const { pod, clock, get } = await startPod({ slowStopMs: 3000 });
  expect((await get('/')).headers['connection']).toBe('keep-alive');
  const stopped = pod.stop(30_000);
  expect(pod.ready()).toBe(false);
  // kills: closing at once, which resets clients that hold a connection or have not heard yet
  const last = await get('/');
  expect([last.status, last.headers['connection']]).toEqual([200, 'close']);
  expect((await get('/healthz')).status).toBe(503);
  clock.advance(3000);
  await stopped;
  await expect(get('/')).rejects.toThrow('ECONNREFUSED');
});

test('a graceful stop waits for what is in flight, and cuts it when the grace ends', async () => {
  const busy = await startPod({ latencyMs: 4000, slowStopMs: 1000 });
  const answer = busy.get('/');
  await expect.poll(() => busy.pod.behaviour().latencyMs).toBe(4000);
  const health = await busy.get('/healthz');
  expect(health.status).toBe(200);
  const stopped = busy.pod.stop(30_000);
  busy.clock.advance(1000);
  busy.clock.advance(20_000);
  expect((await answer).status).toBe(200);
  await stopped;
  const stuck = await startPod({ hang: true, slowStopMs: 1000 });
  const never = stuck.get('/').catch(() => 'cut');
  await stuck.get('/healthz');
  const cut = stuck.pod.stop(5000);
  stuck.clock.advance(1000);
  await Promise.resolve();
  stuck.clock.advance(4000);
  expect(await never).toBe('cut');
  await cut;
});
