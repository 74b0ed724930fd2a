import type { ReleaseState, State } from '#core/model.ts';
import type { Seen, SeenPod } from '#core/seen.ts';

/** What a stable that shrinks owes its users, told again from the documents, not from the code that is under test. */

const WHOLE = 100_000;
const RETURN_MS = 60_000;

interface Pass {
  before: State;
  after: State;
  seen: Seen;
  now: number;
}

/** Pods that carry what the gateways leave to stable, each what it carries when stable is whole. */
export function podsLeftWith(share: number, full: number): number {
  return Math.ceil((full * (WHOLE - share)) / WHOLE);
}

interface Gateways {
  state: State;
  spec: { replicas: number };
  /** What the data plane really does, by route. */
  live: Map<string, { weight: number }>;
}

/** Pods without which stable could not carry what the gateways leave to it. `unsure`: nobody knows what that is. */
export function leastOfStable({ state: { release }, spec, live }: Gateways, unsure: boolean): number {
  const { full, committed, ending, routes = [] } = release ?? {};
  if (full === undefined || committed || ending !== undefined) return spec.replicas;
  const shares = routes.map((name) => live.get(name)?.weight ?? 0);
  return unsure ? 0 : podsLeftWith(Math.min(...shares), spec.replicas);
}

/** The most that pods carry of all traffic, in 1/100,000. */
function carries(pods: number, full: number): number {
  return (Math.min(pods, full) * WHOLE) / full;
}

function readyIn(seen: Seen, revision: string): number {
  const counts = ({ ready, terminating }: SeenPod) => ready && !terminating;
  return seen.replicaSets.find((set) => set.revision === revision)?.pods.filter(counts).length ?? 0;
}

/** It has no traffic to keep, or is to have none. */
function goesBack({ ending, stage }: ReleaseState): boolean {
  return ending !== undefined || stage === 'Preparing' || stage === 'Probing';
}

/** The share that a canary on its way back keeps: what stable's ready pods do not carry, and the canary's do. */
function kept(was: ReleaseState, is: ReleaseState, { seen, now }: Pass): number {
  const { full = 0 } = is;
  const refused = seen.replicaSets.find(({ revision }) => revision === is.from)?.refused;
  const over = was.returningSince !== undefined && now - was.returningSince >= RETURN_MS;
  const barred = seen.routes.some((route) => route.barred !== undefined);
  if (refused !== undefined || over || barred || is.ending?.cause === 'DarkCanary') return 0;
  const sent = seen.routes.flatMap(({ exists, weight = 0 }) => (exists ? [weight] : []));
  const missing = WHOLE - carries(readyIn(seen, is.from), full);
  return Math.min(was.weight, missing, carries(readyIn(seen, is.revision), full), ...sent);
}

/** What is wrong with the way back of a release whose stable shrinks; undefined: nothing. */
export function unlawfulReturn(pass: Pass): string | undefined {
  const [was, is] = [pass.before.release, pass.after.release];
  if (was === undefined || is?.full === undefined || was.name !== is.name || is.committed) return undefined;
  if (was.returningSince !== undefined && is.weight > was.weight) return 'raised on the way back';
  const { ending } = is;
  if (ending !== undefined && pass.now - ending.at > RETURN_MS && is.weight > 0) return 'the way back does not end';
  if (!goesBack(is)) return undefined;
  const due = kept(was, is, pass);
  if (is.weight < Math.floor(due)) return `stable's pods get more than they carry: ${is.weight} is kept, not ${due}`;
  return is.weight > Math.ceil(due) ? `the canary keeps ${is.weight}, not ${due}` : undefined;
}

/** What a breach may leave on the canary: nothing, but where stable has shrunk. */
export function keptBy({ release }: State): number {
  return release?.returningSince === undefined ? 0 : release.weight;
}
