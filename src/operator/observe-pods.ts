import { CANARY_LABEL, QUARANTINE_LABEL, REVISION_LABEL, STABLE_LABEL } from '#core/labels.ts';
import type { Arms, SeenPod, SeenReplicaSet } from '#core/seen.ts';
import type { Millis } from '#lib/units.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { DIGESTS_MAX } from '#schema/approval.ts';

/** Pods and ReplicaSets as the core sees them. Pure: the caller hands in the objects and the time. */

interface PodStatus {
  phase?: string;
  podIP?: string;
  conditions?: { type: string; status: string; reason?: string; lastTransitionTime?: string }[];
  containerStatuses?: {
    name: string;
    restartCount?: number;
    imageID?: string;
    state?: { waiting?: { reason?: string }; running?: { startedAt?: string }; terminated?: { reason?: string } };
  }[];
}

/** A pod with what gates and probes need beyond the core's view of it. */
export interface ObservedPod extends SeenPod {
  revision: string;
  ip?: string;
  /** `state.running.startedAt` of each container that runs. */
  containers: { name: string; startedAt: Millis }[];
  port?: number;
  /** What it runs, as `container=sha256:…`; left out until the kubelet says so. */
  digests?: string[];
}

/** What every pod goes through on its way up. */
const STARTING = new Set(['ContainerCreating', 'PodInitializing']);

/** Arm labels on a pod or in a template. */
export function armsOf(labels: Record<string, string> | undefined): Arms {
  return { stable: labels?.[STABLE_LABEL] === 'true', canary: labels?.[CANARY_LABEL] === 'true' };
}

export function observePod(object: KubeObject, { minReadyMs, now }: { minReadyMs: Millis; now: Millis }): ObservedPod {
  const { metadata } = object;
  const status = (object['status'] ?? {}) as PodStatus;
  const containers = status.containerStatuses ?? [];
  const trouble = troubleOf(status);
  const running = containers.map(({ name, state }) => ({
    name,
    startedAt: Date.parse(state?.running?.startedAt ?? ''),
  }));
  const port = portOf(object);
  const terminating = metadata.deletionTimestamp !== undefined;
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    revision: metadata.labels?.[REVISION_LABEL] ?? '',
    arms: armsOf(metadata.labels),
    available: !terminating && readyFor(status, now) >= minReadyMs,
    ready: !terminating && readyFor(status, now) >= 0,
    terminating,
    containers: running.filter(({ startedAt }) => Number.isFinite(startedAt)),
    ...nodeOf(object),
    ...digestsOf(containers),
    ...(trouble === undefined ? {} : { trouble }),
    ...(status.podIP === undefined ? {} : { ip: status.podIP }),
    ...(port === undefined ? {} : { port }),
  };
}

/** The image's digest where the kubelet gives one, else whatever it names it by. */
function digestsOf(containers: NonNullable<PodStatus['containerStatuses']>): { digests?: string[] } {
  const digests = containers.flatMap(({ name, imageID = '' }) =>
    imageID === '' ? [] : [`${name}=${/sha256:[0-9a-f]{64}/.exec(imageID)?.[0] ?? imageID}`.slice(0, 512)],
  );
  return digests.length === 0 ? {} : { digests };
}

function nodeOf(object: KubeObject): { node?: string } {
  const { nodeName } = (object['spec'] ?? {}) as { nodeName?: string };
  return nodeName === undefined ? {} : { node: nodeName };
}

/** Why the pod does not serve, in the kubelet's and the scheduler's own words where they have one. */
function troubleOf({ containerStatuses = [], conditions = [] }: PodStatus): string | undefined {
  const reasons = containerStatuses.map(({ state }) => state?.waiting?.reason ?? state?.terminated?.reason);
  const said = reasons.find((reason) => reason !== undefined && !STARTING.has(reason));
  if (said !== undefined) return said;
  const placed = conditions.find(({ type }) => type === 'PodScheduled');
  if (placed?.status === 'False') return placed.reason ?? 'Unschedulable';
  // All of it runs and the readiness probe still fails: nobody else has a word for that.
  const runs = containerStatuses.length > 0 && containerStatuses.every(({ state }) => state?.running !== undefined);
  return runs && !conditions.some(({ type, status }) => type === 'Ready' && status === 'True') ? 'NotReady' : undefined;
}

/** How long the pod has been ready; −1 when it is not. */
function readyFor(status: PodStatus, now: Millis): Millis {
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True') return -1;
  const since = Date.parse(ready.lastTransitionTime ?? '');
  // The API server's clock may run ahead of ours: a pod is never ready for less than no time.
  return Number.isFinite(since) ? Math.max(0, now - since) : 0;
}

/** The first declared port: what a probe without a port of its own goes to. */
function portOf(object: KubeObject): number | undefined {
  const spec = object['spec'] as { containers?: { ports?: { containerPort?: number }[] }[] } | undefined;
  return spec?.containers?.flatMap(({ ports }) => ports ?? []).find(({ containerPort }) => containerPort !== undefined)
    ?.containerPort;
}

export function isQuarantined({ metadata }: KubeObject): boolean {
  return metadata.labels?.[QUARANTINE_LABEL] !== undefined;
}

interface SetSpec {
  replicas?: number;
  template?: { metadata?: { labels?: Record<string, string> }; spec?: { containers?: { image?: string }[] } };
}

interface SetStatus {
  conditions?: { type: string; status: string; message?: string }[];
}

/** Longest that somebody else's sentence may be. */
const REFUSED_MAX = 300;

/**
 * Why the missing pods cannot be made, by the condition that the ReplicaSet controller sets. Without the name of the
 * pod, which is another one at every try.
 */
function refusedOf({ conditions = [] }: SetStatus): string | undefined {
  const failure = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  return failure?.message?.replace(/^pods "[^"]*" is forbidden: /, '').slice(0, REFUSED_MAX);
}

export function observeSet(object: KubeObject, pods: ObservedPod[]): SeenReplicaSet {
  const { replicas = 0, template } = (object['spec'] ?? {}) as SetSpec;
  const revision = object.metadata.labels?.[REVISION_LABEL] ?? '';
  const image = template?.spec?.containers?.[0]?.image;
  const refused = refusedOf((object['status'] ?? {}) as SetStatus);
  const mine = pods.filter((pod) => pod.revision === revision);
  const digests = [...new Set(mine.flatMap((pod) => (pod.terminating ? [] : (pod.digests ?? []))))].sort();
  return {
    name: object.metadata.name,
    revision,
    replicas,
    arms: armsOf(template?.metadata?.labels),
    createdAt: Date.parse(object.metadata.creationTimestamp ?? '') || 0,
    ...(image === undefined ? {} : { image }),
    ...(refused === undefined ? {} : { refused }),
    ...(digests.length === 0 ? {} : { digests: digests.slice(0, DIGESTS_MAX) }),
    pods: mine,
  };
}
