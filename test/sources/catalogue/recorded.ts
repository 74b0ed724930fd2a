import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BuiltinKind, Gateway } from '#core/builtin.ts';
import type { Millis } from '#lib/units.ts';
import type { Target } from '#sources/catalogue/define.ts';

/** Recorded exposition text of each gateway, and what it says of Service checkout in namespace shop: counted by hand. */

export const target: Target = {
  namespace: 'shop',
  service: 'checkout',
  canaryService: 'checkout-canary',
  port: 80,
  routes: [
    {
      name: 'checkout',
      parents: [{ namespace: 'lab-system', name: 'lab' }],
      rules: [
        { index: 0, backend: 0 },
        { index: 1, backend: 0 },
      ],
    },
  ],
};

/** The ReplicaSets whose pods stand in app.txt. */
export const replicaSets = { stable: 'checkout-58894cc464', canary: 'checkout-canary-567b7fb4b9' };

export function recorded(gateway: Gateway): string {
  return readFileSync(join(import.meta.dirname, 'golden', `${gateway}.txt`), 'utf8');
}

/** The sections of app.txt: what each pod exposes. */
export function podTexts(): Record<string, string> {
  const [, ...parts] = recorded('app').split(/^# POD (\S+)\n/m);
  return Object.fromEntries(parts.flatMap((name, index) => (index % 2 === 0 ? [[name, parts[index + 1] ?? '']] : [])));
}

export interface Counted {
  gateway: Gateway;
  kind: BuiltinKind;
  because: string;
  thresholdMs?: Millis;
  /** Requests and the bad ones among them. */
  stable: [total: number, bad: number];
  canary: [total: number, bad: number];
}

export const counted: Counted[] = [
  {
    gateway: 'traefik',
    kind: 'http-availability',
    because: 'GET and POST of both rules without the 499; the canary failed 13 and 3',
    stable: [272 + 48, 0],
    canary: [47 + 9 + 13 + 3, 13 + 3],
  },
  {
    gateway: 'traefik',
    kind: 'http-latency',
    because: 'the pods take 5 ms and 60 ms; the 499 are in, gone after 20 ms',
    thresholdMs: 50,
    stable: [321, 0],
    canary: [80, 80 - 12 - 8],
  },
  {
    gateway: 'traefik',
    kind: 'grpc-availability',
    because: 'a pod that sends no grpc-status is UNKNOWN to Traefik',
    stable: [24, 24],
    canary: [6, 6],
  },
  {
    gateway: 'envoy-gateway',
    kind: 'http-availability',
    because: 'both rules and the merged backends; 20 timeouts are among the 5xx',
    stable: [193 + 19 + 46 + 1 + 36 + 1, 19 + 1 + 1],
    canary: [44 + 15 + 11 + 2 + 2 + 1, 15 + 2 + 1],
  },
  {
    gateway: 'envoy-gateway',
    kind: 'http-latency',
    because: 'the unit is milliseconds; what Envoy timed out is in no bucket',
    thresholdMs: 50,
    stable: [196 + 47 + 37, 2],
    canary: [55 + 13 + 3, 55 + 13 + 3],
  },
  {
    gateway: 'contour',
    kind: 'http-availability',
    because: 'the clusters of port 80 in namespace shop',
    stable: [165 + 3, 3],
    canary: [25 + 7, 7],
  },
  {
    gateway: 'contour',
    kind: 'http-latency',
    because: 'backends answer in 2 ms and 60 ms',
    thresholdMs: 50,
    stable: [168, 0],
    canary: [32, 32],
  },
  {
    gateway: 'istio',
    kind: 'http-availability',
    because: 'seen by the caller, without code 0',
    stable: [950 + 40 + 10, 10],
    canary: [180 + 15 + 5, 15 + 5],
  },
  {
    gateway: 'istio',
    kind: 'http-latency',
    because: 'all codes, seen by the caller',
    thresholdMs: 100,
    stable: [1000, 40 + 10],
    canary: [200, 30 + 50 + 5],
  },
  {
    gateway: 'istio',
    kind: 'grpc-availability',
    because: 'NOT_FOUND is no fault, CANCELLED is not counted',
    stable: [400 + 30 + 2, 2],
    canary: [90 + 8 + 2, 8 + 2],
  },
  {
    gateway: 'linkerd',
    kind: 'http-availability',
    because: 'a timeout has no status and is bad',
    stable: [820, 4 + 1],
    canary: [200, 20 + 30],
  },
  {
    gateway: 'linkerd',
    kind: 'http-latency',
    because: 'buckets are built in; 1.0 and 1 are one bound',
    thresholdMs: 1000,
    stable: [820, 1],
    canary: [200, 20],
  },
  {
    gateway: 'nginx',
    kind: 'http-availability',
    because: 'stable has an empty canary label; the 499 are out',
    stable: [600 + 30 + 3, 3],
    canary: [110 + 9 + 1, 9 + 1],
  },
  {
    gateway: 'nginx',
    kind: 'http-latency',
    because: 'every status has a histogram of its own',
    thresholdMs: 100,
    stable: [630, 10],
    canary: [111, 41],
  },
  {
    gateway: 'app',
    kind: 'http-availability',
    because: 'the pods count gRPC requests and those whose client left as well',
    stable: [141 + 36 + 142 + 36, 0],
    canary: [24 + 6 + 8 + 1 + 7 + 23 + 4 + 5, 6 + 1 + 7 + 5],
  },
  {
    gateway: 'app',
    kind: 'http-latency',
    because: 'the pods take 5 ms and 60 ms',
    thresholdMs: 50,
    stable: [355, 0],
    canary: [78, 78 - 14],
  },
  {
    gateway: 'app',
    kind: 'grpc-availability',
    because: 'codes as Go and as Java writes them',
    stable: [500 + 20 + 1 + 510, 1],
    canary: [100 + 12 + 3 + 90 + 5 + 6, 12 + 3 + 5],
  },
];
