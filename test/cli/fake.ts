import { CliError } from '#cli/exit.ts';
import type { Cluster, World } from '#cli/world.ts';
import { OperatorError } from '#lib/errors.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import { NOW } from '../core/objects.ts';

/** A clock whose timers fire at once: time passes because somebody waits. */
export function eagerClock(): Clock {
  let now = NOW;
  return {
    now: () => now,
    monotonic: () => now,
    timer(delayMs, fire) {
      let live = true;
      queueMicrotask(() => {
        if (!live) return;
        now += delayMs;
        fire();
      });
      return () => {
        live = false;
      };
    },
  };
}

export interface FakeCluster {
  rollouts: KubeObject[];
  objectives?: KubeObject[];
  releases: KubeObject[];
  /** Groups of the person who types. */
  groups?: string[];
  /** What the operator answers to the action; undefined: nothing, ever. */
  answer?: { state: string; message?: string };
  /** Refuses this call, e.g. `create rolloutactions`. */
  refuse?: { call: string; error: OperatorError };
}

/** An API server that holds a few objects and records what is created. */
export function fakeApi(cluster: FakeCluster): { api: KubeApi; created: KubeObject[] } {
  const created: KubeObject[] = [];
  const listOf = (plural: string) => {
    if (plural === 'servicelevelobjectives') return cluster.objectives ?? [];
    return plural === 'rollouts' ? cluster.rollouts : cluster.releases;
  };
  const check = (call: string) => {
    if (cluster.refuse?.call === call) throw cluster.refuse.error;
  };
  const never = () => {
    throw new Error('the CLI does not do this');
  };
  const api: KubeApi = {
    async get({ resource: { plural }, namespace, name }) {
      check(`get ${plural}`);
      const all = plural === 'rolloutactions' ? created : listOf(plural);
      const found = all.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
      if (found === undefined)
        throw new OperatorError('KUBE_NOT_FOUND', `get ${plural} ${namespace}/${name}: not found`);
      return plural === 'rolloutactions' && cluster.answer !== undefined ? { ...found, status: cluster.answer } : found;
    },
    async list({ plural }, namespace) {
      check(`list ${plural}`);
      return listOf(plural).filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
    },
    async create({ plural }, object) {
      check(`create ${plural}`);
      if (plural === 'selfsubjectreviews')
        return { ...object, status: { userInfo: { username: 'ada', groups: cluster.groups } } };
      created.push(object);
      return object;
    },
    replace: never,
    apply: never,
    jsonPatch: never,
    mergePatch: never,
    delete: never,
  };
  return { api, created };
}

/** A terminal that keeps what was written, before a cluster. */
export function fakeWorld(
  api: KubeApi,
  {
    tty = false,
    columns,
    colour = false,
    files = {},
  }: { tty?: boolean; columns?: number; colour?: boolean; files?: Record<string, string> } = {},
) {
  const output = { out: '', err: '' };
  const cluster: Cluster = {
    api,
    namespace: 'shop',
    feed: () => Promise.reject(new Error('no feed in this test')),
    close: async () => {},
  };
  const world: World = {
    out: {
      write: (text) => {
        output.out += text;
      },
      tty,
      colour,
      ...(columns === undefined ? {} : { columns }),
    },
    err: (text) => {
      output.err += text;
    },
    errColour: colour,
    read: async (name) => {
      const text = files[name];
      if (text === undefined) throw new CliError(`cannot read ${name}: there is no such file`);
      return text;
    },
    clock: eagerClock(),
    signal: new AbortController().signal,
    connect: async () => cluster,
    serve: () => Promise.reject(new Error('no server in this test')),
  };
  return { world, output, cluster };
}
