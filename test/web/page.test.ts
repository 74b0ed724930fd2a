import { existsSync, mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FeedSnapshot, RolloutFeed } from '#http/feed.ts';
import { loadAssets } from '#http/page.ts';
import { createServer } from '#http/server.ts';
import { systemClock } from '#runtime/system-clock.ts';
import { fleet } from '../core/fleet.ts';
import { NOW } from '../core/objects.ts';

// The page as a person sees it, in a real browser, fed by a script. With PICTURES=1 it writes those of docs/images.

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let snapshot: FeedSnapshot = { ...fleet(), synced: true };
const listeners = new Set<() => void>();
const feed: RolloutFeed = {
  snapshot: () => snapshot,
  onChange: (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
function change(next: Partial<FeedSnapshot>): void {
  snapshot = { ...snapshot, ...next };
  for (const listener of listeners) listener();
}

let app: FastifyInstance;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`no browser at ${CHROMIUM}: install it (apt-get install chromium) or name another with CHROMIUM=`);
  }
  app = createServer({ feed, secret: 'for-this-test', assets: await loadAssets(), clock: systemClock });
  await app.listen({ host: '127.0.0.1', port: 0 });
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  page = await browser.newPage({
    viewport: { width: 1180, height: 760 },
    deviceScaleFactor: 1.5,
    reducedMotion: 'reduce',
  });
  await page.clock.setFixedTime(NOW);
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/#for-this-test`);
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await app?.close();
});

test('lists what needs a person first, and hides the key', async () => {
  await page.getByText('live', { exact: true }).waitFor();
  const names = await page.locator('.row strong').allTextContents();
  expect(names).toEqual(['search', 'basket', 'checkout', 'mailer', 'catalog']);
  expect(page.url()).not.toContain('for-this-test');
  await shoot('list');
});

test('opens one release by keyboard and shows ladder, gates and timeline', async () => {
  await page.locator('a.row', { hasText: 'checkout' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'checkout shop' }).waitFor();
  await page.getByRole('region', { name: 'Releases before' }).waitFor();
  expect(await page.locator('.climb-card .ladder li.current').textContent()).toContain('20%');
  expect(await page.getByRole('region', { name: 'Gate checkout-availability' }).textContent()).toContain('4,812');
  await shoot('release');
});

test('follows a change without a reload', async () => {
  const { rollouts } = fleet();
  const moved = structuredClone(rollouts) as {
    metadata: { name: string };
    status: { step: string; state: { release: { step: number; weight: number } } };
  }[];
  for (const { metadata, status } of moved) {
    if (metadata.name !== 'checkout') continue;
    status.step = '3/3';
    Object.assign(status.state.release, { step: 2, weight: 50_000 });
  }
  change({ rollouts: moved });
  await page.locator('.climb-card .ladder li.current', { hasText: '50%' }).waitFor();
});

test('warns when the picture may be old', async () => {
  change({ trouble: 'watch interrupted: connection refused' });
  await page.getByText('What you see may be old').waitFor();
  snapshot = { ...fleet(), synced: true };
  change({});
  await page.getByText('What you see may be old').waitFor({ state: 'detached' });
});

test('shows a breach in words and glyphs, in the dark as well', async () => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(`${page.url().split('#')[0]}#/shop/search`);
  await page.getByRole('heading', { name: 'search shop' }).waitFor();
  expect(await page.locator('.climb-card .ladder li.stopped').textContent()).toContain('stopped here');
  await shoot('breach');
});

test('breaks no rule of the content security policy and logs no error', () => {
  // kills: an inline style or script anywhere in the page
  expect(complaints).toEqual([]);
});

async function shoot(name: string): Promise<void> {
  if (process.env['PICTURES'] !== '1') return;
  const folder = new URL('../../docs/images/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: new URL(`${name}.png`, folder).pathname, fullPage: true });
}
