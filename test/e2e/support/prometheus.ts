import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../../lab/wait.ts';

/** A Prometheus of a test's own, on loopback. */
export interface OwnPrometheus {
  url: string;
  stop(): Promise<void>;
}

/** Scrapes every second. `setpriv` lets the kernel end it with the test, however that ends. */
export async function startPrometheus(scrapeConfigs: readonly object[]): Promise<OwnPrometheus> {
  const dir = mkdtempSync(join(tmpdir(), 'hg-prometheus-'));
  const config = join(dir, 'prometheus.json');
  const global = { scrape_interval: '1s', scrape_timeout: '1s' };
  writeFileSync(config, JSON.stringify({ global, scrape_configs: scrapeConfigs }));
  const address = `127.0.0.1:${await freePort()}`;
  const flags = [`--config.file=${config}`, `--storage.tsdb.path=${dir}/data`, `--web.listen-address=${address}`];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '/usr/bin/prometheus', ...flags, '--log.level=error'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://${address}`;
  const given = () => (child.exitCode === null ? undefined : `Prometheus has exited with ${child.exitCode}`);
  await waitFor('Prometheus to be ready', async () => ((await fetch(`${url}/-/ready`)).ok ? true : undefined), {
    given,
  });
  return {
    url,
    async stop() {
      await ended(child);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** A crash is quick, and nothing of the data is wanted. */
function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
