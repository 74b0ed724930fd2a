import type { Credentials } from './credentials.ts';
import type { Place } from './network.ts';
import type { Tools } from './tools.ts';

/** What the flags of every process are made from. */
export interface Layout {
  readonly place: Place;
  readonly tools: Tools;
  readonly credentials: Credentials;
}

/**
 * Ports on the lab's own address. Every process binds that address and never all of them: a wildcard would take
 * the port from every pod address too.
 */
export const ports = {
  etcd: 2379,
  etcdPeer: 2380,
  apiServer: 6443,
  prometheus: 9090,
  gateway: 80,
  traefik: 8080,
} as const;

export function etcdUrl({ address }: Place): string {
  return `http://${address}:${ports.etcd}`;
}

export function apiServerUrl({ address }: Place): string {
  return `https://${address}:${ports.apiServer}`;
}

export function prometheusUrl({ address }: Place): string {
  return `http://${address}:${ports.prometheus}`;
}

export function gatewayUrl({ address }: Place): string {
  return `http://${address}:${ports.gateway}`;
}
