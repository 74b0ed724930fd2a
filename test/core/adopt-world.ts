import { decide } from '#core/decide.ts';
import type { Effect } from '#core/effect.ts';
import type { Seen } from '#core/seen.ts';
import { TICK_MS, World } from './world.ts';

/**
 * The same world with a Deployment in it, and with a Service that selects its pods and ours alike until it is narrowed.
 * A pod counts for users once the data plane has learnt of it.
 */

interface DeploymentPod {
  name: string;
  /** Somebody gave it the stable label, though its template lacks it. */
  labelled: boolean;
  revision: string;
  age: number;
  terminating: number | undefined;
}

/** Ticks after which a pod is available, and after which gateways and nodes send to it. */
const AVAILABLE = 2;
const KNOWN = 5;

export class AdoptWorld extends World {
  deployment: { replicas: number; revision: string; generation: number; manager: string } | undefined = {
    replicas: 4,
    revision: 'v1',
    generation: 1,
    manager: 'kubectl-create',
  };
  /** What its controller has seen. */
  observed = 1;
  theirs: DeploymentPod[] = [0, 1, 2, 3].map((index) => ({
    ...{ name: `web-${index}`, labelled: false },
    ...{ revision: 'v1', age: 10, terminating: undefined },
  }));
  /** The Service's text has the stable label, and somebody applies it whenever it is not as it says. */
  declares = false;
  private made = 4;
  orphaning = false;
  terminatingNamespace = false;
  /** Revisions that users may meet: the first one, and each that was promoted. */
  readonly proven = new Set(['v1']);
  /** Until somebody gives another word. */
  floor = 4;

  override seen(): Seen {
    const { deployment } = this;
    const living = this.theirs.filter(({ terminating }) => terminating === undefined);
    const workload: Seen['workload'] =
      deployment === undefined
        ? { name: 'web' }
        : {
            name: 'web',
            deployment: {
              name: 'web',
              ...deployment,
              observed: this.observed === deployment.generation,
              pods: living.length,
              updated: living.filter(({ revision }) => revision === deployment.revision).length,
              available: living.filter(({ age }) => age >= AVAILABLE).length,
              ...(this.declares
                ? { bare: living.filter(({ labelled }) => !labelled).map(({ name }) => ({ name, uid: `uid-${name}` })) }
                : {}),
            },
          };
    const seen = super.seen();
    return {
      ...seen,
      ...(seen.service === undefined
        ? {}
        : { service: { ...seen.service, ...(this.declares && this.narrowed ? { declared: true } : {}) } }),
      workload,
      ...(this.orphaning ? { orphaning: true } : {}),
      ...(this.terminatingNamespace ? { terminating: true } : {}),
    };
  }

  /** Somebody's write of its spec. */
  write(change: Partial<NonNullable<AdoptWorld['deployment']>>): void {
    const { deployment } = this;
    if (deployment === undefined) return;
    Object.assign(deployment, { manager: 'kubectl', ...change, generation: deployment.generation + 1 });
    if (change.revision !== undefined) this.spec = { ...this.spec, revision: change.revision };
  }

  protected override cluster(): void {
    super.cluster();
    if (this.declares && (this.deleting || this.finalized)) this.narrowed = true;
    for (const pod of this.theirs) pod.age++;
    this.theirs = this.theirs.filter(({ terminating }) => terminating === undefined || this.now < terminating);
    const { deployment } = this;
    // Its controller looks one tick later than we could.
    if (deployment === undefined) return;
    if (this.observed !== deployment.generation) {
      this.observed = deployment.generation;
      return;
    }
    const { replicas, revision } = deployment;
    const living = this.theirs.filter(({ terminating }) => terminating === undefined);
    const fresh = living.filter((pod) => pod.revision === revision);
    for (let missing = replicas - fresh.length; missing > 0; missing--)
      this.theirs.push({ name: `web-${this.made++}`, labelled: false, revision, age: 0, terminating: undefined });
    const carried = fresh.filter(({ age }) => age >= KNOWN).length >= replicas;
    const old = carried ? living.filter((pod) => pod.revision !== revision) : [];
    for (const pod of [...old, ...fresh.slice(replicas)]) pod.terminating = this.now + 3000;
  }

  override apply(effect: Effect): void {
    if (effect.kind === 'LabelGivenBack') {
      // The data plane learns of it from here on.
      for (const pod of this.theirs)
        if (pod.name === effect.pod) Object.assign(pod, { labelled: true, age: Math.min(pod.age, AVAILABLE) });
      return;
    }
    if (effect.kind !== 'ScaleDeployment') {
      super.apply(effect);
      return;
    }
    const { deployment } = this;
    if (deployment === undefined || deployment.replicas === effect.replicas) return;
    if (effect.replicas > 0 && !this.proven.has(deployment.revision))
      this.violations.push('the Deployment is brought up with an unproven template');
    Object.assign(deployment, { replicas: effect.replicas, generation: deployment.generation + 1 });
  }

  private oursBehind(): { revision: string; known: boolean }[] {
    const revisionOf = (set: string) => this.sets.find(({ name }) => name === set)?.revision ?? '';
    return this.pods
      .filter((pod) => this.available(pod) && (pod.arms.stable || !this.narrowed))
      .map((pod) => ({ revision: revisionOf(pod.set), known: pod.age >= KNOWN }));
  }

  /** Pods that users may meet now. */
  behind(): { revision: string; known: boolean }[] {
    const ours = this.oursBehind();
    const theirs = this.theirs
      .filter(({ age, terminating }) => age >= AVAILABLE && terminating === undefined)
      .filter(({ labelled }) => labelled || !this.narrowed)
      .map(({ revision, age }) => ({ revision, known: age >= KNOWN }));
    return [...ours, ...theirs];
  }

  protected override check(): void {
    const { stable, release } = this.state;
    if (stable !== undefined && (release === undefined || release.committed)) this.proven.add(stable);
    // The base world knows no template that served before there was a stable one, nor a Service that was given back.
    const ends = this.finalized || (this.declares && this.deleting);
    if (!ends && stable !== undefined) super.check();
    const behind = this.behind();
    const known = behind.filter((pod) => pod.known).length;
    if (known < Math.min(this.floor, this.spec.replicas)) this.violations.push(`${known} pods are behind the Service`);
    if (!this.narrowed && this.oursBehind().some(({ revision }) => !this.proven.has(revision)))
      this.violations.push('a canary pod behind the wide Service');
    if (this.narrowed && behind.some(({ revision }) => !this.proven.has(revision) && release?.ending !== undefined))
      this.violations.push('an unproven pod behind the Service');
  }

  override tick(fault: Parameters<World['tick']>[0] = 'none'): void {
    if (!this.finalized) {
      super.tick(fault);
      return;
    }
    // Nobody decides any more; owned pods are collected unless they were orphaned.
    this.now += TICK_MS;
    this.cluster();
    if (!this.orphaning) {
      this.sets = [];
      for (const pod of this.pods) pod.terminating ??= this.now + 3000;
    }
    this.check();
  }

  /** What is still to do. */
  effects(): Effect[] {
    return decide(this.state, this.seen(), this.now).effects;
  }
}

/** Taken over and at rest. */
export function adopted(): AdoptWorld {
  const world = new AdoptWorld();
  world.runUntil(({ state, narrowed }) => state.phase === 'Healthy' && narrowed);
  return world;
}
