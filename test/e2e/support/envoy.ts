import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolPaths } from '../../lab/tools.ts';
import { waitFor } from '../../lab/wait.ts';

/** An Envoy of a test's own, on loopback, which splits traffic as a gateway built on it would have it do. */
export interface OwnEnvoy {
  port: number;
  /** Of `/stats/prometheus`. */
  adminPort: number;
  stop(): Promise<void>;
}

/** A virtual host whose requests are split between two clusters. */
export interface SplitHost {
  domain: string;
  stable: string;
  canary: string;
  /** Percent. */
  weight: number;
  /** The cluster, of the canary too, that gets a copy of each request. */
  copies?: string;
}

export interface Backends {
  /** Ports on loopback. */
  stable: number;
  canary: number;
}

/** Requests that take longer are answered by Envoy, with 504. */
const TIMEOUT = '0.3s';

export async function startEnvoy(hosts: readonly SplitHost[], backends: Backends): Promise<OwnEnvoy> {
  const dir = mkdtempSync(join(tmpdir(), 'hg-envoy-'));
  const file = join(dir, 'envoy.json');
  writeFileSync(file, JSON.stringify(configOf(hosts, backends)));
  const flags = [
    '-c',
    file,
    '--concurrency',
    '1',
    '-l',
    'error',
    '--use-dynamic-base-id',
    '--admin-address-path',
    join(dir, 'admin'),
  ];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', toolPaths().envoy, ...flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const given = () => (child.exitCode === null ? undefined : `Envoy has exited with ${child.exitCode}`);
  const adminPort = await waitFor('the admin port of Envoy', async () => portIn(join(dir, 'admin')), { given });
  const port = await waitFor('the listener of Envoy', () => listenerPort(adminPort), { given });
  return {
    port,
    adminPort,
    async stop() {
      await ended(child);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Envoy writes the port that it was given: no port is assumed to be free. */
async function portIn(file: string): Promise<number | undefined> {
  return Number(/:(\d+)/.exec(readFileSync(file, 'utf8'))?.[1]) || undefined;
}

async function listenerPort(adminPort: number): Promise<number | undefined> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/listeners?format=json`);
  const { listener_statuses: all = [] } = (await answer.json()) as {
    listener_statuses?: { local_address: { socket_address: { port_value: number } } }[];
  };
  return all[0]?.local_address.socket_address.port_value;
}

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
const HTTP = 'type.googleapis.com/envoy.extensions.filters';

function configOf(hosts: readonly SplitHost[], backends: Backends): object {
  const manager = {
    '@type': `${HTTP}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    route_config: { name: 'routes', virtual_hosts: hosts.map(virtualHost) },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': `${HTTP}.http.router.v3.Router` } }],
  };
  const filter = { name: 'envoy.filters.network.http_connection_manager', typed_config: manager };
  return {
    admin: { address: address(0) },
    // Histograms are only seen after a flush; the default of 5 s would be most of the test.
    stats_flush_interval: '1s',
    static_resources: {
      listeners: [{ name: 'in', address: address(0), filter_chains: [{ filters: [filter] }] }],
      clusters: hosts.flatMap(({ stable, canary, copies }) => [
        cluster(stable, backends.stable),
        ...[canary, copies].flatMap((name) => (name === undefined ? [] : [cluster(name, backends.canary)])),
      ]),
    },
  };
}

function virtualHost({ domain, stable, canary, weight, copies }: SplitHost): object {
  const clusters = [
    { name: stable, weight: 100 - weight },
    { name: canary, weight },
  ];
  const mirror = copies === undefined ? {} : { request_mirror_policies: [{ cluster: copies }] };
  const route = { match: { prefix: '/' }, route: { weighted_clusters: { clusters }, timeout: TIMEOUT, ...mirror } };
  return { name: domain, domains: [domain], routes: [route] };
}

function cluster(name: string, port: number): object {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }];
  return { name, connect_timeout: '1s', type: 'STATIC', load_assignment: { cluster_name: name, endpoints } };
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
