import { expectOk } from '../../lab/api.ts';
import type { Lab } from '../../lab/connect.ts';
import { waitFor } from '../../lab/wait.ts';
import type { App } from './stage.ts';

/** What a Rollout leaves behind, and what a person's own tools say of it. */

interface Item {
  metadata: { name: string; labels?: Record<string, string>; managedFields?: unknown };
  spec?: unknown;
}

const HEADGATE = '/apis/headgate.dev/v1alpha1';
const OURS = ['rollouts', 'releases', 'rolloutactions'].map((kind) => [HEADGATE, kind] as const);
const KINDS = [
  ...OURS,
  ...['pods', 'services'].map((kind) => ['/api/v1', kind] as const),
  ...['replicasets', 'deployments'].map((kind) => ['/apis/apps/v1', kind] as const),
  ['/apis/discovery.k8s.io/v1', 'endpointslices'],
  ['/apis/gateway.networking.k8s.io/v1', 'httproutes'],
] as const;

/**
 * Objects around an application that still say anything of Headgate, whoever made them: owned by a Rollout, labelled,
 * annotated, selecting by a label of ours, held by our finalizer. Its SLO and its probe suite are its user's.
 */
export async function tracesOf(lab: Lab, { spec }: Pick<App, 'spec'>): Promise<string[]> {
  const lists = await Promise.all(
    KINDS.map(([group, kind]) => listed(lab, `${group}/namespaces/${spec.namespace}/${kind}`)),
  );
  return KINDS.flatMap(([group, kind], index) =>
    (lists[index] ?? [])
      .filter((item) => isAround(item, spec.name) && (group === HEADGATE || speaksOfUs(item)))
      .map(({ metadata }) => `${kind}/${metadata.name}`),
  );
}

export async function leavesNoTrace(lab: Lab, app: Pick<App, 'spec'>): Promise<void> {
  await waitFor(
    'nothing to be left',
    async () => {
      const traces = await tracesOf(lab, app);
      if (traces.length > 0) throw new Error(traces.join(', '));
      return true;
    },
    { everyMs: 250 },
  );
}

/** Kinds that were removed have no objects. */
async function listed(lab: Lab, path: string): Promise<Item[]> {
  const answer = await lab.api<{ items: Item[] }>({ path });
  if (answer.status === 404) return [];
  return (await expectOk(Promise.resolve(answer), `list ${path}`)).items;
}

function isAround({ metadata, spec }: Item, name: string): boolean {
  return (
    metadata.name === name ||
    metadata.name.startsWith(`${name}-`) ||
    metadata.labels?.['app'] === name ||
    (spec as { rollout?: string } | undefined)?.rollout === name
  );
}

function speaksOfUs({ metadata, spec }: Item): boolean {
  const { managedFields: _, ...rest } = metadata;
  return JSON.stringify({ rest, spec }).includes('headgate.dev');
}

/** Lines that `kubectl diff` would change, without its temporary files and what every dry run counts up. */
export async function differences(
  lab: Lab,
  objects: Record<string, unknown>[],
  args: readonly string[],
): Promise<string[]> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const { code, stdout, stderr } = await lab.kubectl(['diff', ...args, '-f', '-'], list);
  if (code > 1) throw new Error(`kubectl diff: ${stderr}`);
  return stdout.split('\n').filter((line) => /^[+-](?![+-]{2} )/.test(line) && !/^[+-] {2}generation: \d+$/.test(line));
}
