import type { Millis } from '#lib/units.ts';
import { servingOf, setOf } from './capacity.ts';
import type { Effect } from './effect.ts';
import { STABLE_LABEL } from './labels.ts';
import type { Adopted, State } from './model.ts';
import { abandoned, hasOwnFence } from './routes.ts';
import type { Seen, SeenDeployment } from './seen.ts';

/**
 * A Deployment becomes a Rollout, and one again. Taking over: our pods join the Service as it is, the Deployment goes
 * to 0, and only when its pods are gone is the Service narrowed. Giving back: the canary goes, the Service is widened,
 * the Deployment comes up and serves, and only then do our pods go. At every moment one side carries everything.
 */

/** So often within this time somebody sets the replicas up again before we let it be. */
export const CONTEST_RESETS = 3;
export const CONTEST_WINDOW_MS: Millis = 600_000;

/** The default of settle, for a spec that cannot be read. */
const BLIND_SETTLE_MS: Millis = 10_000;

/** What keeps our pods from being made beside those of the Deployment; undefined: nothing does. */
export function notYetTaken({ workload, problems, spec }: Seen): string | undefined {
  if (workload === undefined) return undefined;
  const [problem] = problems;
  if (problem !== undefined) return `${problem.field}: ${problem.message}`;
  const { name, deployment } = workload;
  if (deployment === undefined || spec === undefined) return `Waiting for Deployment ${name}`;
  // In the middle of its own rollout nobody knows yet whether its newest template serves.
  if (isSettled(deployment)) return undefined;
  return `Waiting for Deployment ${name}: ${deployment.available} of ${deployment.replicas} pods of its template are available`;
}

function isSettled({ observed, replicas, updated, pods, available }: SeenDeployment): boolean {
  return observed && updated === replicas && pods === replicas && available >= replicas;
}

/** What is recorded the moment that our pods serve: from here on the Deployment may go to 0. */
export function takenOver({ workload }: Seen, now: Millis): { adopted?: Adopted } {
  if (workload?.deployment === undefined) return {};
  return { adopted: { deployment: workload.name, replicas: workload.deployment.replicas, at: now } };
}

/** Until the Service is narrowed a canary pod would meet users at once. */
export function isTakingOver({ workload, service }: Seen): boolean {
  return workload !== undefined && service?.narrowed !== true;
}

/** For people, while it takes over; undefined when that is done. */
export function takingOver(state: State, seen: Seen): string | undefined {
  if (!isTakingOver(seen) || seen.workload === undefined) return undefined;
  const { name, deployment } = seen.workload;
  const left = deployment === undefined ? '' : `: ${deployment.pods} of its pods are left`;
  const contested = state.adopted?.contested;
  return contested === undefined
    ? `Taking over from Deployment ${name}${left}`
    : `Waiting for Deployment ${name} to go to 0: ${contested} sets its replicas up again`;
}

/**
 * Counts how often somebody works against us. One generation of the Deployment is one time, however often it is seen.
 * Whoever takes it down to 0 again has yielded.
 */
export function noteReplicas(state: State, seen: Seen, now: Millis): State {
  const { adopted } = state;
  const deployment = seen.workload?.deployment;
  if (adopted === undefined || deployment === undefined || seen.deleting) return state;
  if (deployment.replicas === 0) return yielded(state, adopted);
  if (adopted.emptied !== true || adopted.contested !== undefined) return state;
  const resets = (adopted.resets ?? []).filter(({ at }) => now - at < CONTEST_WINDOW_MS);
  if (resets.some(({ generation }) => generation === deployment.generation)) return state;
  const noted = [...resets, { at: now, generation: deployment.generation }];
  const contested = noted.length >= CONTEST_RESETS ? { contested: deployment.manager ?? 'somebody' } : {};
  return { ...state, adopted: { ...adopted, resets: noted, ...contested } };
}

function yielded(state: State, adopted: Adopted): State {
  if (adopted.emptied === true && adopted.contested === undefined) return state;
  const { deployment, replicas, at } = adopted;
  const kept = adopted.contested === undefined && adopted.resets !== undefined ? { resets: adopted.resets } : {};
  return { ...state, adopted: { deployment, replicas, at, emptied: true, ...kept } };
}

/** Replicas that the Deployment should have; undefined: whatever it has. */
export function deploymentWish(next: State, seen: Seen, now: Millis): number | undefined {
  const { adopted } = next;
  if (adopted === undefined || seen.workload?.deployment === undefined) return undefined;
  if (seen.deleting) {
    const step = handover(next, seen, now);
    return step.kind === 'Raise' ? step.replicas : undefined;
  }
  if (adopted.contested !== undefined) return undefined;
  // Behind a narrowed Service its pods serve nobody.
  if (seen.service?.narrowed === true) return 0;
  const settled = adopted.emptied === true || now - adopted.at >= settleOf(seen);
  return settled && carries(next, adopted, seen) ? 0 : undefined;
}

/** Our pods do all the work alone, if need be. */
function carries(next: State, adopted: Adopted, seen: Seen): boolean {
  return servingOf(seen, next.stable).length >= Math.max(1, wantedOf(adopted, seen));
}

function wantedOf({ replicas }: Adopted, { spec }: Seen): number {
  return spec?.replicas ?? replicas;
}

function settleOf({ spec }: Seen): Millis {
  return spec?.settleMs ?? BLIND_SETTLE_MS;
}

/** Narrowing takes every pod without our label out of the Service: those of the Deployment must be gone by themselves. */
export function mayNarrow(seen: Seen): boolean {
  const deployment = seen.workload?.deployment;
  if (deployment === undefined) return true;
  return deployment.observed && deployment.replicas === 0 && deployment.pods === 0;
}

/** Where a give-back stands. Each step waits for what the one before it brings about. */
export type Handover =
  /** Nothing was taken over, or there is nobody to give it back to. */
  | { kind: 'None' }
  /** The canary still has traffic or pods, or a route our fence. */
  | { kind: 'Clear' }
  /** The Deployment would start pods that no release has proven. */
  | { kind: 'Hold' }
  | { kind: 'Widen' }
  | { kind: 'Raise'; replicas: number }
  /** The Service stays narrowed, because its owner wants it so: its pods get the label instead. */
  | { kind: 'Label'; pods: { name: string; uid: string }[] }
  /** Its pods come up, or the data plane still learns of them. */
  | { kind: 'Wait' }
  | { kind: 'Leave' }
  | { kind: 'Done' };

export function handover(next: State, seen: Seen, now: Millis): Handover {
  const { adopted } = next;
  const deployment = seen.workload?.deployment;
  if (adopted === undefined || deployment === undefined) return { kind: 'None' };
  if (!isCleared(next, seen)) return { kind: 'Clear' };
  const narrowed = seen.service?.narrowed === true;
  // Once it serves users again its template is its own business.
  if (deployment.revision !== next.stable && (narrowed || deployment.replicas === 0)) return { kind: 'Hold' };
  if (narrowed && !isOfOneTemplate(deployment)) return { kind: 'Wait' };
  if (narrowed && !isDeclared(seen)) return { kind: 'Widen' };
  return raised(adopted, deployment, seen, now) ?? { kind: oursAreLeft(next, seen) ? 'Leave' : 'Done' };
}

/** What is done until the Deployment serves; undefined once it does. */
function raised(adopted: Adopted, deployment: SeenDeployment, seen: Seen, now: Millis): Handover | undefined {
  const replicas = wantedOf(adopted, seen);
  if (deployment.replicas < replicas) return { kind: 'Raise', replicas };
  if (!isFound(seen)) return { kind: 'Label', pods: deployment.bare ?? [] };
  const { servesSince } = adopted;
  return servesSince === undefined || now - servesSince < settleOf(seen) ? { kind: 'Wait' } : undefined;
}

function oursAreLeft({ stable }: State, seen: Seen): boolean {
  const ours = setOf(seen, stable);
  return seen.orphaning !== true && ours !== undefined && (ours.replicas > 0 || ours.pods.length > 0);
}

/** Somebody may have scaled it up while another template was in it, and behind a wide Service each of its pods serves. */
function isOfOneTemplate({ observed, updated, pods }: SeenDeployment): boolean {
  return observed && updated === pods;
}

function isDeclared({ service }: Seen): boolean {
  return service?.narrowed === true && service.declared === true;
}

/** The Service selects the living pods of the Deployment, all of them. */
function isFound(seen: Seen): boolean {
  if (seen.service?.narrowed !== true) return true;
  return isDeclared(seen) && seen.workload?.deployment?.bare?.length === 0;
}

/** Nothing sends to the canary, none of its pods is left, and no route carries a fence of ours. */
export function isCleared(state: State, seen: Seen): boolean {
  const { release } = state;
  const canary = release === undefined || release.committed ? undefined : setOf(seen, release.revision);
  const gone = canary === undefined || canary.pods.length === 0;
  const unfenced =
    abandoned(state, seen).length === 0 && seen.routes.every((route) => !hasOwnFence(route, seen.rollout));
  return gone && unfenced;
}

/** Since when the Deployment serves again, for as long as it does. */
export function noteServing(state: State, seen: Seen, now: Millis): State {
  const { adopted } = state;
  const deployment = seen.workload?.deployment;
  if (adopted === undefined || deployment === undefined) return state;
  const { servesSince, ...rest } = adopted;
  const serves = isFound(seen) && deployment.replicas >= wantedOf(adopted, seen) && isSettled(deployment);
  if (serves === (servesSince !== undefined)) return state;
  return { ...state, adopted: serves ? { ...rest, servesSince: now } : rest };
}

/** For people, where a give-back stands; undefined when there is nothing to say about a Deployment. */
export function givingBack(state: State, seen: Seen, now: Millis): { message: string; held: boolean } | undefined {
  const { kind } = handover(state, seen, now);
  const deployment = seen.workload?.deployment;
  if (kind === 'None' || kind === 'Clear' || deployment === undefined) return undefined;
  const { name } = deployment;
  if (kind === 'Hold') {
    const message = `spec.workloadRef: the template of Deployment ${name} is revision ${deployment.revision}, which has not served all traffic; stable is ${state.stable ?? ''}. Take it back first (kubectl rollout undo deployment/${name}), then it is given back`;
    return { message, held: true };
  }
  const message =
    kind === 'Leave' || kind === 'Done'
      ? `Giving back: Deployment ${name} serves, our pods leave`
      : `Giving back: ${deployment.available} of ${deployment.replicas} pods of Deployment ${name} are available`;
  const keep = isDeclared(seen)
    ? `; Service ${seen.service?.name ?? ''} is applied with ${STABLE_LABEL} in its selector, so they get that label: take it out there before the next ones come`
    : '';
  return { message: `${message}${keep}`, held: false };
}

/** The Deployment's share of the effects. */
export function scaleDeployment(wanted: number | undefined, { workload }: Seen): Effect[] {
  const deployment = workload?.deployment;
  if (deployment === undefined || wanted === undefined || deployment.replicas === wanted) return [];
  return [{ kind: 'ScaleDeployment', name: deployment.name, replicas: wanted }];
}

/** When time alone moves a take-over or a give-back on. */
export function adoptEdges({ adopted }: State, seen: Seen): Millis[] {
  if (adopted === undefined) return [];
  const { at, servesSince } = adopted;
  return [at + settleOf(seen), ...(servesSince === undefined ? [] : [servesSince + settleOf(seen)])];
}
