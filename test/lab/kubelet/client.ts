/**
 * A small client of the API server for the lab's own processes: the KubeApi port plus list-and-watch, on undici with
 * pooled HTTP/1.1 connections. It is deliberately not the operator's transport: the thing under test must not be
 * tested by itself.
 *
 *   const client = createLabClient({ server: 'https://10.99.0.1:6443', token, ca });
 *   client.watch({ resource: pods }, { set: (pod) => …, gone: (pod) => … }, signal);
 */

import { Agent, type Dispatcher, request } from 'undici';
import { type ErrorCode, OperatorError } from '#lib/errors.ts';
import type { KubeApi, KubeObject, ListOptions, ObjectRef, Resource, WriteOptions } from '#ports/kube-api.ts';
import { systemClock, systemRandom } from '#runtime/system-clock.ts';
import { lines, type WatchObjects, watchWith } from './watch.ts';

export interface LabConnection {
  /** `https://…` or `http://…`, no path. */
  server: string;
  token?: string | undefined;
  /** PEM. */
  ca?: string | undefined;
  /** PEM, for client certificates. */
  cert?: string | undefined;
  key?: string | undefined;
}

export interface LabClient extends KubeApi {
  watch: WatchObjects;
  close(): Promise<void>;
}

const CALL_TIMEOUT_MS = 15_000;
/** Longer than the API server's bookmark period of 60 s: silence past it is a dead stream. */
const SILENCE_MS = 90_000;

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Call {
  method: Method;
  path: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal | undefined;
}

export function createLabClient(connection: LabConnection): LabClient {
  const { ca, cert, key } = connection;
  const tls = Object.fromEntries(Object.entries({ ca, cert, key }).filter(([, pem]) => pem !== undefined));
  const calls = new Agent({ connections: 32, allowH2: false, headersTimeout: CALL_TIMEOUT_MS, connect: tls });
  // Apart, so that a page of watches never waits for a call or the other way round.
  const streams = new Agent({ allowH2: false, bodyTimeout: SILENCE_MS, connect: tls });

  async function send(dispatcher: Dispatcher, call: Call): Promise<Dispatcher.ResponseData> {
    const url = urlOf(connection, call);
    const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'headgate-lab' };
    if (connection.token !== undefined) headers['authorization'] = `Bearer ${connection.token}`;
    if (call.body !== undefined) headers['content-type'] = call.contentType ?? 'application/json';
    const body = call.body === undefined ? null : JSON.stringify(call.body);
    try {
      return await request(url, { dispatcher, method: call.method, headers, body, signal: call.signal ?? null });
    } catch (cause) {
      throw new OperatorError('KUBE_UNAVAILABLE', `${call.method} ${call.path}: ${String(cause)}`, { cause });
    }
  }
  async function ask<T = KubeObject>(call: Call): Promise<T> {
    const response = await send(calls, call);
    if (response.statusCode < 300) return (await response.body.json()) as T;
    throw failure(`${call.method} ${call.path}`, response.statusCode, await response.body.text());
  }
  async function* stream(call: Call): AsyncGenerator<string> {
    const response = await send(streams, call);
    if (response.statusCode >= 300) throw failure(call.path, response.statusCode, await response.body.text());
    yield* lines(response.body);
  }

  return {
    ...verbs(ask),
    watch: watchWith({
      list: (path, query, signal) => ask({ method: 'GET', path, query, signal }),
      ...{ stream, pathOf, clock: systemClock, random: systemRandom },
    }),
    async close() {
      await Promise.all([calls.destroy(), streams.destroy()]);
    },
  };
}

function urlOf({ server }: LabConnection, { path, query = {} }: Call): URL {
  const url = new URL(path, server);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

type Ask = <T = KubeObject>(call: Call) => Promise<T>;

function verbs(ask: Ask): KubeApi {
  const patch = (ref: ObjectRef, { body, type, options }: { body: unknown; type: string; options: WriteOptions }) =>
    ask({ ...write(options), method: 'PATCH', path: pathOf(ref, options), body, contentType: `application/${type}` });
  return {
    get: (ref, options = {}) => ask({ method: 'GET', path: pathOf(ref), signal: options.signal }),
    async list(resource, namespace, { labelSelector, fieldSelector, signal }: ListOptions = {}) {
      const query = { labelSelector, fieldSelector };
      const page = await ask<{ items: KubeObject[] }>({
        method: 'GET',
        path: pathOf({ resource, namespace }),
        query,
        signal,
      });
      return page.items;
    },
    create: (resource, object, options = {}) =>
      ask({
        ...write(options),
        method: 'POST',
        path: pathOf({ resource, namespace: object.metadata.namespace }),
        body: object,
      }),
    replace: (resource, object, options = {}) =>
      ask({ ...write(options), method: 'PUT', path: pathOf(refOf(resource, object), options), body: object }),
    apply(resource, object, options) {
      const force = options.force === true ? 'true' : undefined;
      const call = write(options);
      const query = { ...call.query, force };
      const path = pathOf(refOf(resource, object), options);
      return ask({ ...call, query, method: 'PATCH', path, body: object, contentType: 'application/apply-patch+yaml' });
    },
    jsonPatch: (ref, body, options = {}) => patch(ref, { body, type: 'json-patch+json', options }),
    mergePatch: (ref, body, options = {}) => patch(ref, { body, type: 'merge-patch+json', options }),
    async delete(ref, { uid, propagation, graceSeconds, signal } = {}) {
      const body = {
        ...(uid === undefined ? {} : { preconditions: { uid } }),
        ...(propagation === undefined ? {} : { propagationPolicy: propagation }),
        ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
      };
      await ask({ method: 'DELETE', path: pathOf(ref), body, signal });
    },
  };
}

function write({ fieldManager, dryRun, signal }: WriteOptions): Pick<Call, 'query' | 'signal'> {
  return { query: { fieldManager, dryRun: dryRun === true ? 'All' : undefined }, signal };
}

function refOf(resource: Resource, { metadata: { name, namespace } }: KubeObject): ObjectRef {
  return { resource, name, ...(namespace === undefined ? {} : { namespace }) };
}

interface Place {
  resource: Resource;
  namespace?: string | undefined;
  name?: string;
}

function pathOf({ resource, namespace, name }: Place, { subresource }: { subresource?: string } = {}): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const within = namespace === undefined ? '' : `/namespaces/${namespace}`;
  const one = name === undefined ? '' : `/${name}`;
  return `${root}${within}/${resource.plural}${one}${subresource === undefined ? '' : `/${subresource}`}`;
}

const codes: Record<number, ErrorCode> = {
  401: 'KUBE_UNAUTHORIZED',
  403: 'KUBE_FORBIDDEN',
  404: 'KUBE_NOT_FOUND',
  409: 'KUBE_CONFLICT',
  410: 'KUBE_EXPIRED',
  422: 'KUBE_INVALID',
};

function failure(what: string, status: number, text: string): OperatorError {
  const answer = parse(text) as { reason?: string; message?: string } | undefined;
  const code = answer?.reason === 'AlreadyExists' ? 'KUBE_EXISTS' : (codes[status] ?? 'KUBE_UNAVAILABLE');
  return new OperatorError(code, `${what}: ${status} ${answer?.message ?? text.slice(0, 200)}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
