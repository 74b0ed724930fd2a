import type { Lab } from '../../lab/connect.ts';
import { kubectl } from '../../lab/install.ts';
import type { App } from './stage.ts';

/** What a Rollout leaves behind, and what a person's own tools say of it. */

interface Item {
  kind: string;
  metadata: { name: string; labels?: Record<string, string>; managedFields?: unknown };
  spec?: unknown;
}

const KINDS = [
  'pods,replicasets,deployments,services,endpointslices,httproutes,poddisruptionbudgets',
  'rollouts,releases.headgate.dev,rolloutactions',
].join();

/**
 * Objects around an application that still say anything of Headgate, whoever made them: owned by a Rollout, labelled,
 * annotated, selecting by a label of ours, held by our finalizer. Its SLO and its probe suite are its user's.
 */
export async function tracesOf(lab: Lab, { spec: { name, namespace } }: Pick<App, 'spec'>): Promise<string[]> {
  const { items } = JSON.parse(await kubectl(lab, 'get', KINDS, '-n', namespace, '-o', 'json')) as { items: Item[] };
  const around = items.filter(
    ({ metadata, spec }) =>
      metadata.name === name ||
      metadata.name.startsWith(`${name}-`) ||
      metadata.labels?.['app'] === name ||
      (spec as { rollout?: string } | undefined)?.rollout === name,
  );
  return around
    .filter(({ kind, metadata, spec }) => {
      const { managedFields: _, ...rest } = metadata;
      return /^Rollout|^Release$/.test(kind) || JSON.stringify({ rest, spec }).includes('headgate.dev');
    })
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
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
