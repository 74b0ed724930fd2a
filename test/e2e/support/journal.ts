import { readFileSync } from 'node:fs';
import { REVISION_LABEL } from '#core/labels.ts';
import type { State } from '#core/model.ts';
import { HTTP_ROUTE, POD, ROLLOUT } from '#kube/resources.ts';
import type { KubeObject, Resource } from '#ports/kube-api.ts';
import { readFence } from '#routers/fence.ts';
import type { Lab } from '../../lab/connect.ts';
import { createLabClient } from '../../lab/kubelet/client.ts';
import { waitFor } from '../../lab/wait.ts';

/**
 * Every version of the Rollout, its route and its pods, in the order in which the API server stored them: resource
 * versions of one etcd count through all kinds, so "the grant was stored before the raise" is a comparison of numbers.
 */
export interface Journal {
  /** The newest resource version written down: pass it as `since` to look at what comes after this moment. */
  mark(): number;
  /** Waits until everything that is stored now is written down. */
  catchUp(): Promise<void>;
  /** Weights of the route in the order it had them, repeats left out; the first is the one at `since`. */
  ladder(since: number): number[];
  /** Route weights that nothing stored before them allowed, as sentences. */
  overgrants(since: number): string[];
  /** How many pods of each revision came to be. */
  podsStarted(since: number): Record<string, number>;
  close(): Promise<void>;
}

interface Grant {
  version: number;
  release: string | undefined;
  weight: number;
}

interface Move {
  version: number;
  release: string | undefined;
  weight: number;
}

interface Birth {
  version: number;
  revision: string;
}

interface Pages {
  grants: Grant[];
  moves: Move[];
  births: Birth[];
}

export function openJournal(lab: Lab, { namespace, name }: { namespace: string; name: string }): Journal {
  const client = createLabClient({
    server: lab.apiServer,
    token: lab.adminToken,
    ca: readFileSync(lab.caFile, 'utf8'),
  });
  const over = new AbortController();
  const pages: Pages = { grants: [], moves: [], births: [] };
  const seen = new Map<string, number>();
  const born = new Set<string>();
  let newest = 0;
  const watch = (resource: Resource, note: (object: KubeObject, version: number) => void) =>
    client.watch(
      { resource, namespace },
      {
        set(object) {
          const version = Number(object.metadata.resourceVersion);
          const key = `${resource.plural}/${object.metadata.name}`;
          // A relist repeats what is known.
          if (version <= (seen.get(key) ?? 0)) return;
          seen.set(key, version);
          newest = Math.max(newest, version);
          note(object, version);
        },
        gone: () => undefined,
      },
      over.signal,
    );
  watch(ROLLOUT, (object, version) => {
    if (object.metadata.name === name) pages.grants.push({ version, ...grantOf(object) });
  });
  watch(HTTP_ROUTE, (object, version) => {
    if (object.metadata.name !== name) return;
    pages.moves.push({
      version,
      release: readFence(object)?.release,
      weight: canaryShare({ spec: object['spec'] }, name),
    });
  });
  watch(POD, ({ metadata }, version) => {
    const revision = metadata.labels?.[REVISION_LABEL];
    if (revision === undefined || born.has(metadata.uid ?? '')) return;
    born.add(metadata.uid ?? '');
    pages.births.push({ version, revision });
  });
  return {
    mark: () => newest,
    async catchUp() {
      for (const resource of [ROLLOUT, HTTP_ROUTE]) {
        const { metadata } = await client.get({ resource, namespace, name });
        const stored = Number(metadata.resourceVersion);
        const known = async () => ((seen.get(`${resource.plural}/${name}`) ?? 0) >= stored ? true : undefined);
        await waitFor(`the journal to know ${resource.plural}/${name} ${stored}`, known);
      }
    },
    ladder: (since) => ladder(pages, since),
    overgrants: (since) => overgrants(pages, since),
    podsStarted: (since) => counts(pages.births.filter(({ version }) => version > since)),
    async close() {
      over.abort();
      await client.close();
    },
  };
}

function grantOf(rollout: KubeObject): Omit<Grant, 'version'> {
  const state = (rollout['status'] as { state?: State } | undefined)?.state;
  return { release: state?.release?.name, weight: state?.release?.weight ?? 0 };
}

interface BackendRef {
  name: string;
  weight?: number;
}

/** The canary's share in 1/100,000: the largest of all rules. */
export function canaryShare(route: { spec?: unknown }, service: string): number {
  const rules = (route.spec as { rules?: { backendRefs?: BackendRef[] }[] } | undefined)?.rules ?? [];
  const shares = rules.map(({ backendRefs = [] }) => {
    const whole = backendRefs.reduce((sum, { weight = 1 }) => sum + weight, 0);
    const canary = backendRefs.filter((ref) => ref.name === `${service}-canary`);
    const part = canary.reduce((sum, { weight = 1 }) => sum + weight, 0);
    return whole === 0 ? 0 : Math.round((part / whole) * 100_000);
  });
  return Math.max(0, ...shares);
}

function ladder({ moves }: Pages, since: number): number[] {
  const before = moves.findLast(({ version }) => version <= since);
  const weights = [before?.weight ?? 0, ...moves.filter(({ version }) => version > since).map(({ weight }) => weight)];
  return weights.filter((weight, index) => weight !== weights[index - 1]);
}

/**
 * Two laws. A raise: the newest record before it grants as much. Any weight: some record of this release before it
 * granted as much, because a lowering and its record are stored side by side.
 */
function overgrants({ grants, moves }: Pages, since: number): string[] {
  const found: string[] = [];
  moves.forEach(({ version, weight, release }, index) => {
    if (version <= since || weight === 0) return;
    const earlier = grants.filter((grant) => grant.version < version);
    const last = earlier.at(-1);
    const raised = weight > (moves[index - 1]?.weight ?? 0);
    const most = Math.max(0, ...earlier.filter((grant) => grant.release === release).map((grant) => grant.weight));
    if (raised && weight > (last?.weight ?? 0)) found.push(`raised to ${weight} where ${last?.weight} was stored last`);
    if (weight > most) found.push(`weight ${weight} where ${release} was never granted more than ${most}`);
  });
  return found;
}

function counts(births: Birth[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const { revision } of births) all[revision] = (all[revision] ?? 0) + 1;
  return all;
}
