/** Pure: what a Pod's status says about one lab process. */

import { createHash } from 'node:crypto';
import type { Millis } from '#lib/units.ts';
import type { Condition, Container, Pod } from './pod-object.ts';

/** The application container as the kubelet knows it. */
export interface ContainerView {
  state: ContainerState;
  ready: boolean;
  restartCount: number;
  /** How the run before this one ended. */
  last: { exitCode: number; startedAt: Millis; finishedAt: Millis; message?: string | undefined } | undefined;
}

export type ContainerState =
  | { kind: 'waiting'; reason: string; message?: string }
  | { kind: 'running'; startedAt: Millis };

export interface StatusInput {
  pod: Pod;
  container: ContainerView;
  address: string | undefined;
  hostAddress: string;
  /** When the kubelet took the pod. */
  startedAt: Millis;
  /** The conditions written last, for their transition times. */
  previous: readonly Condition[];
  now: Millis;
}

export interface PodStatus {
  phase: 'Pending' | 'Running';
  conditions: Condition[];
  [field: string]: unknown;
}

export function podStatus(input: StatusInput): PodStatus {
  const { pod, container, address, hostAddress, startedAt } = input;
  const phase = hasRun(container) ? 'Running' : 'Pending';
  const addresses = address === undefined ? {} : { podIP: address, podIPs: [{ ip: address }] };
  return {
    phase,
    ...addresses,
    hostIP: hostAddress,
    hostIPs: [{ ip: hostAddress }],
    startTime: timestamp(startedAt),
    conditions: conditions(input),
    containerStatuses: pod.spec.containers.map((spec) => containerStatus(spec, container)),
  };
}

/** Once a container has run, its pod stays Running while it waits to be restarted. */
function hasRun({ state, restartCount, last }: ContainerView): boolean {
  return state.kind === 'running' || restartCount > 0 || last !== undefined;
}

/** A digest that the image's name fixes: the same tag is the same digest everywhere in the lab. */
export function imageDigest(image: string): string {
  return `sha256:${createHash('sha256').update(image).digest('hex')}`;
}

function containerStatus({ name, image }: Container, view: ContainerView): Record<string, unknown> {
  const { state, ready, restartCount, last } = view;
  const running = state.kind === 'running';
  const { kind: _, ...waiting } = state;
  return {
    name,
    image,
    imageID: hasRun(view) ? imageDigest(image) : '',
    ready,
    restartCount,
    started: running,
    state: running ? { running: { startedAt: timestamp(state.startedAt) } } : { waiting },
    lastState: last === undefined ? {} : { terminated: terminated(last) },
  };
}

function terminated(last: NonNullable<ContainerView['last']>): Record<string, unknown> {
  const { exitCode, startedAt, finishedAt, message } = last;
  const times = { startedAt: timestamp(startedAt), finishedAt: timestamp(finishedAt) };
  return { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', message, ...times };
}

function conditions({ pod, container, previous, now }: StatusInput): Condition[] {
  const ours = [
    { type: 'PodScheduled', holds: true },
    { type: 'Initialized', holds: true },
    { type: 'ContainersReady', holds: container.ready },
    { type: 'Ready', holds: container.ready },
  ].map(({ type, holds }) => {
    const status = holds ? 'True' : 'False';
    const before = previous.find((condition) => condition.type === type);
    const since = before?.status === status ? before.lastTransitionTime : undefined;
    const why = holds ? {} : { reason: 'ContainersNotReady', message: 'the application container is not ready' };
    return { type, status, lastTransitionTime: since ?? timestamp(now), ...why };
  });
  // A merge patch replaces the list: what others wrote (readiness gates, disruption targets) is carried along.
  const types = new Set(ours.map(({ type }) => type));
  return [...ours, ...(pod.status?.conditions ?? []).filter(({ type }) => !types.has(type))];
}

/** RFC 3339 with whole seconds, as metav1.Time is. */
export function timestamp(at: Millis): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
