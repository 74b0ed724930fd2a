import { spawn } from 'node:child_process';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ground, sandboxGround } from '../../scripts/demo/ground.ts';
import { failedDuring } from '../../scripts/demo/report.ts';
import { follow } from '../../scripts/demo/screen.ts';
import { openShop, type Shop } from '../../scripts/demo/shop.ts';
import { STEPS, threeThings } from '../../scripts/demo/stay.ts';
import type { LoadReport } from '../lab/load/recorder.ts';
import { waitFor } from '../lab/wait.ts';

/**
 * The demo on the sandbox: real pods, requests, Prometheus, gateway and operator around an API server in this process.
 * It asks nothing of the lab.
 */

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

let ground: Ground;
let shop: Shop;
let browser: Browser;
let page: Page;
const said: string[] = [];
const say = (line: string) => void said.push(line);
const complaints: string[] = [];

beforeAll(async () => {
  ground = await sandboxGround(say);
  shop = await openShop(ground);
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  page = await browser.newPage();
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(shop.page);
});

afterAll(async () => {
  await browser?.close();
  await shop?.close();
  await ground?.stop();
});

/** Requests that failed, by the image that answered them. */
function failedBy({ results }: LoadReport): Record<string, number> {
  const failed = results.filter(({ result }) => result !== '2xx');
  const images = [...new Set(failed.map(({ image }) => image))];
  return Object.fromEntries(images.map((image) => [image, sum(failed.filter((row) => row.image === image))]));
}

const sum = (rows: readonly { count: number }[]) => rows.reduce((total, { count }) => total + count, 0);

function servedBy({ images }: LoadReport, wanted: string): Record<string, number> {
  const rows = images.filter(({ image }) => image === wanted);
  return Object.fromEntries(rows.map(({ client, count }) => [client, count]));
}

test('a good release reaches everybody and fails not one request', async () => {
  const image = 'lab/shop:v2-slowstop-3s';
  const before = await shop.counts();
  const release = await follow(shop, { image }, { say });
  const after = await shop.counts();
  expect(release.outcome, said.join('\n')).toBe('Promoted');
  expect(failedDuring({ before, after }), JSON.stringify(failedBy(after))).toBe(0);
  // Both kinds of clients: through the gateway by weight, and in the cluster as pods join the Service.
  expect(servedBy(after, image)).toEqual({ gateway: expect.any(Number), service: expect.any(Number) });
  expect(servedBy(after, image)['gateway']).toBeGreaterThan(100);
});

test('a bad release is caught, and only its own answers failed', async () => {
  const image = 'lab/shop:v3-errors-5';
  const release = await follow(shop, { image }, { say });
  expect(release.reason, said.join('\n')).toBe('Worse');
  const failed = failedBy(await shop.counts());
  expect(Object.keys(failed)).toEqual([image]);
  expect(failed[image]).toBeGreaterThanOrEqual(2);
  expect(await live()).toBe(0);
});

test('the page shows it, live', async () => {
  await page.getByText('live', { exact: true }).waitFor();
  await page.locator('a.row', { hasText: 'checkout' }).click();
  await page.getByRole('heading', { name: 'checkout shop' }).waitFor();
  expect(await page.locator('.climb-card .ladder li.stopped').textContent()).toContain('stopped here');
  expect(complaints).toEqual([]);
});

test('the three things to try do what they promise', async () => {
  const [promote, breakIt, stop, go] = commandsOf(threeThings(ground, shop));
  const played = follow(shop, { image: 'lab/shop:v4-slowstop-3s', steps: STEPS }, { say });
  await until('it waits at 20 %', ({ phase, weight }) => phase === 'Paused' && weight === '20%');
  await run(stop);
  expect(await run(promote)).toMatch(/^promote checkout: /);
  await until('a person’s word raises it', ({ weight }) => weight === '50%');
  expect(await weightsDuring(1600), 'silence is no evidence').toEqual(new Set(['50%']));
  await run(go);
  expect(await run(breakIt)).toMatch(/checkout-/);
  expect((await played).reason, said.join('\n')).toBe('Worse');
  expect(await live()).toBe(0);
});

type Status = Awaited<ReturnType<Shop['status']>>;

function until(what: string, done: (status: Status) => boolean): Promise<true> {
  return waitFor(what, async () => (done(await shop.status()) ? true : undefined));
}

/** The weights seen while so many requests are sent. */
async function weightsDuring(requests: number): Promise<Set<string | undefined>> {
  const sent = async () => offered(await shop.counts());
  const end = (await sent()) + requests;
  const seen = new Set<string | undefined>();
  await waitFor(`${requests} more requests`, async () => {
    seen.add((await shop.status()).weight);
    return (await sent()) >= end ? true : undefined;
  });
  return seen;
}

const offered = ({ offered: { gateway, service } }: LoadReport) => gateway + service;

/** The lines that are meant to be copied: those that begin deeper than what explains them. */
function commandsOf(text: string): string[] {
  return text.split('\n').flatMap((line) => /^ {5}(\S.*)$/.exec(line)?.slice(1) ?? []);
}

/** As a person does, in a shell with nothing set. */
async function run(command = ''): Promise<string> {
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: '/usr/bin:/bin' } });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code, `${command}\n${text}`).toBe(0);
  return text;
}

/** What of the route is the canary's. */
async function live(): Promise<number> {
  const path = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/checkout';
  const { body } = await ground.api<{ spec: { rules: { backendRefs: { name: string; weight: number }[] }[] } }>({
    path,
  });
  const refs = body.spec.rules.flatMap(({ backendRefs }) => backendRefs);
  return sum(refs.filter(({ name }) => name.endsWith('-canary')).map(({ weight }) => ({ count: weight })));
}
