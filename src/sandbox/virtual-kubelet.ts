import { POD } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { type Actor, createActor, refOf, runController } from './actor.ts';
import { dig } from './kind.ts';
import { readySince } from './replica-set-controller.ts';
import type { Sandbox } from './sandbox.ts';
import { timestamp } from './writing.ts';

/** What a pod does with its time. */
export interface Course {
  /** From its start to readiness; undefined: never. */
  readyMs: number | undefined;
  /** How long it goes on after it was told to end. */
  stopMs: number;
}

/** Runs pods without processes, in whatever time the clock gives. */
export interface VirtualKubelet {
  /** A pod is not ready any more, or again: its node, its probe, its process. */
  setBroken(pod: string, broken: boolean): void;
  stop(): void;
}

export interface VirtualKubeletOptions {
  /** From the creation of a pod to its container's start [300 ms]. */
  startMs?: number;
  /** The course of pods with this image [ready after 200 ms, stops within 1 s]. */
  courseOf?: (image: string) => Course;
  /** What an image is by the time a pod pulls it: a tag may be moved [the same for ever]. */
  imageIdOf?: (image: string) => string;
}

const USUAL: Course = { readyMs: 200, stopMs: 1000 };

export function runVirtualKubelet(sandbox: Sandbox, options: VirtualKubeletOptions = {}): VirtualKubelet {
  const node = new Node(sandbox, options);
  const stop = runController({
    sandbox,
    delayMs: 10,
    concerns: ({ kind }) => kind === 'pods.',
    sweep: () => node.sweep(),
  });
  return { setBroken: (name, broken) => node.setBroken(name, broken), stop };
}

class Node {
  readonly #sandbox: Sandbox;
  readonly #actor: Actor;
  readonly #startMs: number;
  readonly #courseOf: (image: string) => Course;
  readonly #imageIdOf: (image: string) => string;
  readonly #broken = new Set<string>();
  readonly #addresses = new Map<string, string>();
  readonly #seenAt = new Map<string, number>();
  readonly #endsAt = new Map<string, number>();

  constructor(sandbox: Sandbox, options: VirtualKubeletOptions) {
    const { startMs = 300, courseOf = () => USUAL, imageIdOf = (image) => `sandbox/${image}` } = options;
    this.#sandbox = sandbox;
    this.#actor = createActor(sandbox, 'kubelet');
    this.#startMs = startMs;
    this.#courseOf = courseOf;
    this.#imageIdOf = imageIdOf;
  }

  sweep(): number | undefined {
    const waits = this.#actor.list(POD).map((pod) => this.#tend(pod));
    const soonest = Math.min(...waits.filter((wait) => wait !== undefined));
    return Number.isFinite(soonest) ? Math.max(1, soonest) : undefined;
  }

  setBroken(name: string, broken: boolean): void {
    if (broken) this.#broken.add(name);
    else this.#broken.delete(name);
    for (const pod of this.#actor.list(POD)) if (pod.metadata.name === name) this.#tend(pod);
  }

  /** Does what is due for a pod, and says when more is. */
  #tend(pod: KubeObject): number | undefined {
    const { uid = '', deletionTimestamp, name } = pod.metadata;
    const now = this.#sandbox.clock.monotonic();
    const bornAt = this.#seenAt.get(uid) ?? now;
    this.#seenAt.set(uid, bornAt);
    if (deletionTimestamp !== undefined) return this.#end(pod, now);
    const age = now - bornAt;
    if (age < this.#startMs) return this.#startMs - age;
    const { readyMs = Number.POSITIVE_INFINITY } = this.#course(pod);
    const readyAt = this.#startMs + readyMs;
    this.#show(pod, age >= readyAt && !this.#broken.has(name));
    return age < readyAt && Number.isFinite(readyAt) ? readyAt - age : undefined;
  }

  #course(pod: KubeObject): Course {
    return this.#courseOf(String(dig(pod, ['spec', 'containers', '0', 'image']) ?? ''));
  }

  #end(pod: KubeObject, now: number): number | undefined {
    const { uid = '' } = pod.metadata;
    const at = this.#endsAt.get(uid) ?? now + this.#course(pod).stopMs;
    this.#endsAt.set(uid, at);
    this.#show(pod, false);
    if (now < at) return at - now;
    this.#actor.remove(refOf(POD, pod), { gracePeriodSeconds: 0 });
    return undefined;
  }

  #show(pod: KubeObject, ready: boolean): void {
    const ref = refOf(POD, pod);
    if (dig(pod, ['spec', 'nodeName']) === undefined) this.#actor.merge(ref, { spec: { nodeName: 'sandbox' } });
    const started = dig(pod, ['status', 'phase']) === 'Running';
    if (started && (readySince(pod) !== undefined) === ready) return;
    const address = this.#addressOf(pod.metadata.uid ?? '');
    const now = this.#sandbox.clock.now();
    this.#actor.merge(ref, { status: statusOf(pod, { ready, address, now, imageIdOf: this.#imageIdOf }) }, 'status');
  }

  #addressOf(uid: string): string {
    const count = this.#addresses.size;
    const address = this.#addresses.get(uid) ?? `10.99.${Math.floor(count / 250)}.${(count % 250) + 1}`;
    this.#addresses.set(uid, address);
    return address;
  }
}

interface Showing {
  ready: boolean;
  address: string;
  now: number;
  imageIdOf: (image: string) => string;
}

function statusOf(pod: KubeObject, { ready, address, now, imageIdOf }: Showing): object {
  const status = ready ? 'True' : 'False';
  const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
    type,
    status: type === 'PodScheduled' || type === 'Initialized' ? 'True' : status,
    lastTransitionTime: timestamp(now),
  }));
  const { creationTimestamp } = pod.metadata;
  const containers = (dig(pod, ['spec', 'containers']) ?? []) as { name: string; image: string }[];
  return {
    phase: 'Running',
    podIP: address,
    podIPs: [{ ip: address }],
    hostIP: '10.0.0.1',
    startTime: creationTimestamp,
    conditions,
    containerStatuses: containers.map(({ name, image }, index) => ({
      name,
      image,
      // Pulled once, when it starts.
      imageID: dig(pod, ['status', 'containerStatuses', String(index), 'imageID']) ?? imageIdOf(image),
      ready,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: creationTimestamp } },
    })),
  };
}
