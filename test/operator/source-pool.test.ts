import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { METRIC_SOURCE, SECRET } from '#kube/resources.ts';
import { OperatorError } from '#lib/errors.ts';
import { isBound } from '#operator/source-credentials.ts';
import { createSourcePool, type SourcePool } from '#operator/source-pool.ts';
import type { KubeObject, ObjectRef } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import { createStore } from '#runtime/cache.ts';
import { createMemoryApi } from '#test/support/memory-api.ts';
import { json, type ScriptedServer, startScriptedServer } from '#test/support/scripted-server.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

const empty = json(200, { status: 'success', data: { resultType: 'vector', result: [] } });
const pools: SourcePool[] = [];
let server: ScriptedServer;
afterEach(async () => {
  for (const pool of pools.splice(0)) pool.close();
  await server?.[Symbol.asyncDispose]();
});

/** A server, a MetricSource that leads to it with a bearer token, and the Secret, bound to `hosts`. */
async function world({ hosts = '' } = {}) {
  server = await startScriptedServer(empty);
  const host = new URL(server.url).host;
  const clock = createVirtualClock();
  const warnings: string[] = [];
  const log: Log = {
    ...{ debug() {}, info() {}, error() {} },
    warn: (message, fields) => warnings.push(`${message}: ${String(fields?.['error'])}`),
    with: () => log,
  };
  let secret: KubeObject | undefined;
  let failure: OperatorError | undefined;
  const asked: ObjectRef[] = [];
  const api = {
    ...createMemoryApi(),
    async get(ref: ObjectRef) {
      asked.push(ref);
      if (failure !== undefined) throw failure;
      if (secret === undefined || ref.resource !== SECRET) throw new OperatorError('KUBE_NOT_FOUND', 'not found');
      return secret;
    },
  };
  const setSecret = (token: string, bound = hosts.replace('HOST', host)) => {
    secret = {
      ...{ apiVersion: 'v1', kind: 'Secret' },
      metadata: { name: 'reader', namespace: 'monitoring', annotations: { 'headgate.dev/hosts': bound } },
      data: { token: Buffer.from(token).toString('base64') },
    };
  };
  const store = createStore({ resource: METRIC_SOURCE, clock, log });
  const object = (url: string): KubeObject => ({
    ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'MetricSource', metadata: { name: 'main' } },
    spec: {
      default: true,
      prometheus: { url, auth: { bearer: { namespace: 'monitoring', name: 'reader', key: 'token' } } },
    },
  });
  store.apply({ kind: 'put', object: object(server.url) });
  const pool = createSourcePool({ api, store, clock, log });
  pools.push(pool);
  return {
    ...{ pool, clock, warnings, asked, host, setSecret },
    lose: () => {
      secret = undefined;
    },
    fail: (error: OperatorError | undefined) => {
      failure = error;
    },
    /** What the source says now: the credentials that arrived, or why it cannot be asked. */
    async ask(): Promise<string | undefined> {
      const source = pool.sourceFor(undefined);
      if (source === undefined) return undefined;
      try {
        await source.query('x', { at: 1 });
      } catch (error) {
        return inspect(error, { depth: 10 }).split('\n')[0];
      }
      return server.requests.at(-1)?.headers.authorization;
    },
    /** Lets half a minute pass, and the reading that the next use of the source begins. */
    async later() {
      await clock.advance(30_000);
      pool.sourceFor(undefined);
      await pool.refresh();
    },
  };
}

describe('a Secret goes to the hosts that it names, and nowhere else', () => {
  test.each([
    { hosts: 'prometheus.example:9090', url: 'http://prometheus.example:9090/x', bound: true },
    { hosts: 'other:1, PROMETHEUS.example:9090', url: 'http://prometheus.EXAMPLE:9090', bound: true },
    { hosts: 'prometheus.example', url: 'https://prometheus.example', bound: true },
    { hosts: 'prometheus.example:443', url: 'https://prometheus.example', bound: true },
    { hosts: 'prometheus.example', url: 'http://prometheus.example:9090', bound: false },
    { hosts: 'prometheus.example:9090', url: 'http://prometheus.example:9091', bound: false },
    { hosts: 'example', url: 'http://prometheus.example', bound: false },
    { hosts: 'prometheus.example', url: 'http://prometheus.example.evil', bound: false },
    { hosts: '*', url: 'http://prometheus.example', bound: false },
    { hosts: '', url: 'http://prometheus.example', bound: false },
  ])('$hosts and $url: $bound', ({ hosts, url, bound }) => {
    expect(isBound(hosts, url)).toBe(bound);
  });

  test('a Secret without the annotation is not sent, and what to do is said once', async () => {
    const { pool, ask, setSecret, warnings, host } = await world();
    setSecret('t0ken');
    await pool.refresh();
    await pool.refresh();
    const said = await ask();
    // kills: a MetricSource that has somebody's Secret sent to a server of its own
    expect(server.requests).toEqual([]);
    expect(said).toContain(`Secret monitoring/reader is not bound to ${host}`);
    expect(said).toContain(`headgate.dev/hosts: ${host}`);
    expect(said).not.toContain('t0ken');
    expect(warnings).toHaveLength(1);
  });

  test('once it is bound, it is sent', async () => {
    const { pool, ask, later, setSecret, host } = await world();
    setSecret('t0ken');
    await pool.refresh();
    setSecret('t0ken', `other:1 ${host}`);
    await later();
    expect(await ask()).toBe('Bearer t0ken');
  });
});

describe('rotation', () => {
  test('a new token is taken up within half a minute of use, and an unused source reads nothing', async () => {
    const { pool, ask, later, setSecret, clock, asked } = await world({ hosts: 'HOST' });
    setSecret('one');
    await pool.refresh();
    expect(await ask()).toBe('Bearer one');
    setSecret('two');
    const before = asked.length;
    await clock.advance(600_000);
    expect(asked).toHaveLength(before); // kills: a timer that polls Secrets of sources that nobody asks
    await later();
    expect(await ask()).toBe('Bearer two');
  });

  test('an API server that is away closes nothing; a Secret that is gone does', async () => {
    const { pool, ask, later, setSecret, fail, lose } = await world({ hosts: 'HOST' });
    setSecret('one');
    await pool.refresh();
    fail(new OperatorError('KUBE_UNAVAILABLE', 'no answer'));
    await later();
    expect(await ask()).toBe('Bearer one');
    fail(undefined);
    lose();
    await later();
    expect(await ask()).toContain('Secret monitoring/reader does not exist');
    fail(new OperatorError('KUBE_FORBIDDEN', 'no'));
    await later();
    expect(await ask()).toContain('may not get Secret monitoring/reader; grant it');
  });

  test('an empty token is not sent', async () => {
    const { pool, ask, setSecret } = await world({ hosts: 'HOST' });
    setSecret(' ');
    await pool.refresh();
    expect(await ask()).toContain('Secret monitoring/reader has nothing under token');
    expect(server.requests).toEqual([]);
  });
});
