/** The ready endpoints of one Service, from its EndpointSlices, in turn: what kube-proxy gives new connections to. */

import type { KubeObject, Resource } from '#ports/kube-api.ts';
import type { WatchObjects } from '../kubelet/watch.ts';
import type { Peer } from './connection.ts';

export const endpointSliceResource: Resource = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
};

export interface EndpointSlice extends KubeObject {
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[];
  ports?: { name?: string; port?: number }[];
}

export interface ServiceTarget {
  namespace: string;
  name: string;
  /** Name of the Service's port. [the first one] */
  port?: string | undefined;
}

export interface Endpoints {
  /** The next ready endpoint, each in its turn. */
  next(): Peer | undefined;
  ready(): Peer[];
  /** Resolves when the first list is through; before it an empty answer would mean nothing. */
  synced: Promise<void>;
  close(): void;
}

export function watchEndpoints(watch: WatchObjects, { namespace, name, port }: ServiceTarget): Endpoints {
  const slices = new Map<string, EndpointSlice>();
  const stopped = new AbortController();
  let ready: Peer[] = [];
  let turn = 0;
  const changed = () => {
    ready = [...slices.values()].flatMap((slice) => readyIn(slice, port));
  };
  const synced = Promise.withResolvers<void>();
  const watched = { resource: endpointSliceResource, namespace, labelSelector: `kubernetes.io/service-name=${name}` };
  const events = {
    set(slice: KubeObject) {
      slices.set(slice.metadata.name, slice as EndpointSlice);
      changed();
    },
    gone(slice: KubeObject) {
      slices.delete(slice.metadata.name);
      changed();
    },
    synced: () => synced.resolve(),
  };
  watch(watched, events, stopped.signal);
  return {
    next() {
      turn += 1;
      return ready[turn % Math.max(1, ready.length)];
    },
    ready: () => ready,
    synced: synced.promise,
    close: () => stopped.abort(),
  };
}

/** The ready endpoints of one slice, at the port of that name or the first one. */
export function readyIn({ endpoints = [], ports = [] }: EndpointSlice, wanted: string | undefined): Peer[] {
  const port = (wanted === undefined ? ports[0] : ports.find(({ name }) => name === wanted))?.port;
  if (port === undefined) return [];
  // A missing `ready` means ready (the API's own words).
  const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
  return ready.flatMap(({ addresses }) => addresses.slice(0, 1)).map((address) => ({ address, port }));
}
