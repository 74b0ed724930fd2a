import { record, text } from '#core/raw.ts';
import { isRecord } from '#lib/json.ts';
import { failed, type Parsed, readValue } from './parse.ts';
import type { RolloutSpec } from './rollout.ts';
import { template } from './rollout-pods.ts';

/** A spec whose pods are known, wherever they are described. */
export type PodSource = Omit<RolloutSpec, 'template' | 'replicas'> & {
  template: NonNullable<RolloutSpec['template']>;
  replicas: number;
};

/** Members of a Deployment that a Rollout with `workloadRef` goes by. */
export interface DeploymentShape {
  template: PodSource['template'];
  replicas: number;
  minReadySeconds: number;
}

/** The pods of a spec: its own, or those of the Deployment that it names. `replicas` stands in where it has none. */
export function podSourceOf(
  given: RolloutSpec,
  { deployment, replicas }: { deployment?: unknown; replicas?: number },
): Parsed<PodSource> {
  const { workloadRef, template: own } = given;
  if (workloadRef === undefined) {
    // The schema has refused one without: this is for the compiler.
    if (own === undefined) return failed('spec.template', 'is missing: give template and selector, or workloadRef');
    return { ok: true, value: { ...given, template: own, replicas: given.replicas ?? replicas ?? 1 } };
  }
  const read = readDeployment(deployment);
  if (read === undefined)
    return failed(
      'spec.workloadRef',
      `Deployment ${workloadRef.name} does not exist: create it, or delete the Rollout`,
    );
  if (!read.ok) return read;
  const { value } = read;
  const minReadySeconds = Math.max(given.minReadySeconds, value.minReadySeconds);
  const wanted = given.replicas ?? replicas ?? value.replicas;
  return { ok: true, value: { ...given, template: value.template, minReadySeconds, replicas: wanted } };
}

/** Undefined when there is none. */
export function readDeployment(object: unknown): Parsed<DeploymentShape> | undefined {
  if (!isRecord(object)) return undefined;
  const { replicas, minReadySeconds } = record(object, 'spec');
  const pods = readValue(templateOf(object), 'Deployment.spec.template', template);
  if (!pods.ok) return pods;
  return {
    ok: true,
    value: { template: pods.value, replicas: whole(replicas, 1), minReadySeconds: whole(minReadySeconds, 0) },
  };
}

/** Its pod template without labels of ours, which come and go with the arms. */
function templateOf(object: unknown): unknown {
  const { metadata, spec } = record(object, 'spec', 'template');
  const { annotations } = record(metadata);
  const own = Object.entries(record(metadata, 'labels')).filter(([key]) => !key.startsWith('headgate.dev/'));
  return {
    metadata: { labels: Object.fromEntries(own), ...(annotations === undefined ? {} : { annotations }) },
    spec,
  };
}

function whole(given: unknown, missing: number): number {
  return typeof given === 'number' ? given : missing;
}

/** The Deployment that a Rollout names, read from any object: its spec may not have been checked. */
export function deploymentNameOf(rollout: unknown): string | undefined {
  return text(record(rollout, 'spec', 'workloadRef')['name']);
}
