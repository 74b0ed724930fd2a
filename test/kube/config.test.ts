import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { loadConfig } from '#kube/config.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

const dir = mkdtempSync(join(tmpdir(), 'headgate-config-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Parts {
  server?: string;
  user?: object;
  cluster?: object;
}

function kubeconfig({ server = 'http://127.0.0.1:8001/', user = {}, cluster = {} }: Parts = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'one',
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'one', context: { cluster: 'c', user: 'u', namespace: 'shop' } },
      { name: 'two', context: { cluster: 'c', user: 'u', namespace: 'other' } },
    ],
  });
}

const load = (parts: Parts = {}, context?: string) =>
  loadConfig({ clock: createVirtualClock(), text: kubeconfig(parts), ...(context === undefined ? {} : { context }) });

test('plain http is allowed, and the address loses its last slash', async () => {
  expect(await load().credentials()).toMatchObject({ server: 'http://127.0.0.1:8001', headers: {} });
});

test('namespace and context', async () => {
  expect(await load().namespace()).toBe('shop');
  expect(await load({}, 'two').namespace()).toBe('other');
  await expect(load({}, 'three').namespace()).rejects.toThrow('no context "three"');
});

test('a token, basic authentication', async () => {
  expect((await load({ user: { token: 'secret' } }).credentials()).headers).toEqual({ authorization: 'Bearer secret' });
  expect((await load({ user: { username: 'me', password: 'pw' } }).credentials()).headers).toEqual({
    authorization: `Basic ${Buffer.from('me:pw').toString('base64')}`,
  });
});

test('another CA or client certificate is another fingerprint, another token is not', async () => {
  const server = 'https://127.0.0.1:6443';
  const pem = (text: string) => Buffer.from(text).toString('base64');
  const fingerprint = async (parts: Parts) => (await load({ server, ...parts }).credentials()).fingerprint;
  const plain = await fingerprint({});
  expect(await fingerprint({ user: { token: 'a' } })).toBe(plain);
  expect(await fingerprint({ cluster: { 'certificate-authority-data': pem('ca') } })).not.toBe(plain);
  expect(await fingerprint({ cluster: { 'insecure-skip-tls-verify': true } })).not.toBe(plain);
});

describe('an exec plug-in', () => {
  const script = join(dir, 'plugin.sh');
  const counter = join(dir, 'count');
  writeFileSync(counter, '');
  writeFileSync(
    script,
    `#!/bin/sh\nprintf x >> ${counter}\nprintf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t%s"}}' "$(wc -c < ${counter})"\n`,
  );
  chmodSync(script, 0o755);
  const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: script, interactiveMode: 'Never' } };

  test('is asked once, and again when its token is refused', async () => {
    // kills: `fresh` that keeps what the plug-in said
    const config = load({ user });
    const token = async (fresh = false) => (await config.credentials({ fresh })).headers['authorization'];
    expect([await token(), await token(), await token(true)]).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t2']);
  });

  test('that fails is a clear error', async () => {
    const broken = { exec: { ...user.exec, command: join(dir, 'missing') } };
    await expect(load({ user: broken }).credentials()).rejects.toMatchObject({ code: 'KUBE_UNAUTHORIZED' });
  });
});

test('a token file is read again after a minute or when refused, without its line break', async () => {
  const tokenFile = join(dir, 'token');
  const file = join(dir, 'kubeconfig');
  writeFileSync(file, kubeconfig({ user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } }));
  const clock = createVirtualClock();
  const config = loadConfig({ clock, file });
  const token = async (fresh = false) => (await config.credentials({ fresh })).headers['authorization'];
  // The library looks at the wall clock for this.
  vi.useFakeTimers({ toFake: ['Date'] });
  writeFileSync(tokenFile, 'one\n');
  expect(await token()).toBe('Bearer one');
  writeFileSync(tokenFile, 'two\n');
  expect(await token()).toBe('Bearer one');
  vi.advanceTimersByTime(61_000);
  clock.freeze(61_000);
  expect(await token()).toBe('Bearer two');
  writeFileSync(tokenFile, 'three\n');
  expect(await token(true)).toBe('Bearer three');
  vi.useRealTimers();
});

test('what cannot be read names the file', async () => {
  const missing = loadConfig({ clock: createVirtualClock(), file: join(dir, 'nowhere') });
  await expect(missing.credentials()).rejects.toThrow(`kubeconfig: cannot read ${join(dir, 'nowhere')}`);
  const empty = loadConfig({ clock: createVirtualClock(), text: '{}' });
  await expect(empty.credentials()).rejects.toThrow('no current cluster');
});
