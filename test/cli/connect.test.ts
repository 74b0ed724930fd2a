import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '#cli/connect.ts';
import { systemClock } from '#runtime/system-clock.ts';
import { fleet } from '../core/fleet.ts';

// The CLI's own path to a cluster, against a server that speaks lists and watches as the API server does.

let server: Server;
let folder: string;
let kubeconfig: string;
const watches: { path: string; answer: ServerResponse }[] = [];

beforeAll(async () => {
  server = createServer((request, answer) => {
    const url = new URL(request.url ?? '/', 'http://api');
    answer.setHeader('content-type', 'application/json');
    const plural = url.pathname.split('/').at(-1);
    const { rollouts, releases } = fleet();
    const items = (plural === 'rollouts' ? rollouts : releases) as {
      metadata: { namespace: string; resourceVersion?: string };
    }[];
    const mine = items
      .filter(({ metadata }) => metadata.namespace === 'shop')
      .map((item) => ({ ...item, metadata: { ...item.metadata, resourceVersion: '7' } }));
    if (!url.searchParams.has('watch')) {
      answer.end(JSON.stringify({ kind: 'List', metadata: { resourceVersion: '7' }, items: mine }));
      return;
    }
    if (url.searchParams.has('sendInitialEvents')) {
      for (const object of mine) answer.write(`${JSON.stringify({ type: 'ADDED', object })}\n`);
      const metadata = { resourceVersion: '7', annotations: { 'k8s.io/initial-events-end': 'true' } };
      answer.write(`${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'x', metadata } })}\n`);
    }
    watches.push({ path: url.pathname, answer });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  folder = await mkdtemp(join(tmpdir(), 'headgate-cli-'));
  kubeconfig = join(folder, 'config');
  await writeFile(kubeconfig, configFor((server.address() as AddressInfo).port));
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

function configFor(port: number): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    clusters: [{ name: 'here', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'ada', user: { token: 'secret' } }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'ada', namespace: 'shop' } }],
  });
}

test('a feed is listed, follows a watch, and ends', async () => {
  const cluster = await connect({ kubeconfig }, systemClock);
  expect(cluster.namespace).toBe('shop');
  const feed = await cluster.feed('shop');
  await feed.ready;
  expect(feed.snapshot()).toMatchObject({ synced: true });
  expect(feed.snapshot().rollouts).toHaveLength(4);
  expect(feed.snapshot().releases).toHaveLength(5);
  const changed = new Promise<void>((resolve) => feed.onChange(resolve));
  const watch = watches.find(({ path }) => path.endsWith('/namespaces/shop/rollouts'));
  const object = { metadata: { name: 'catalog', namespace: 'shop', resourceVersion: '8' } };
  watch?.answer.write(`${JSON.stringify({ type: 'DELETED', object })}\n`);
  await changed;
  expect(feed.snapshot().rollouts).toHaveLength(3);
  await feed.close();
  await cluster.close();
});

test('a context that does not exist is named', async () => {
  await expect(connect({ kubeconfig, context: 'there' }, systemClock)).rejects.toThrow('no context "there"');
});
