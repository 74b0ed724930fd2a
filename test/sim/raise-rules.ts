import { epochOf, stepEpochOf } from '#core/epoch.ts';
import type { GateReading } from '#core/gate.ts';
import type { Plan, ReleaseState, State } from '#core/model.ts';
import type { Seen } from '#core/seen.ts';

/** What a raise needs, told again from design and documents, not from the code that is under test. */

interface Pass {
  before: State;
  after: State;
  seen: Seen;
}

/** A pass of a release that is recorded with its plan. */
type Planned = Pass & { plan: Plan };

/** Why a pass was not allowed to grant what it granted; undefined: it was, or granted nothing. */
export function unlawfulGrant(pass: Planned): string | undefined {
  const [was, is] = [pass.before.release, pass.after.release];
  if (was === undefined || is === undefined || was.name !== is.name || was.attempt !== is.attempt) return undefined;
  if (is.ending !== undefined || is.committed) return undefined;
  return unlawfulStart(pass, was, is) ?? unlawfulStep(pass, was, is);
}

/** From 0: probes that passed, and guardrails that see a stable which meets its objectives. */
function unlawfulStart({ seen, plan }: Planned, was: ReleaseState, is: ReleaseState): string | undefined {
  if (sendsAny(was) || !sendsAny(is)) return undefined;
  if (plan.probes.length > 0 && probedNow(seen, was) !== 'Passed') return 'granted from 0 without its probes';
  // A fix is not kept out by the stable that it mends, however dead that is, but by a gate that cannot be read.
  const asks = is.expedited === undefined ? sees : isRead;
  const blind = plan.gates
    .filter(({ role }) => role === 'Guardrail')
    .find(({ name }) => !asks(ofGate(seen, was, name)));
  return blind && `granted from 0 while ${blind.name} does not see a good stable`;
}

function sendsAny({ weight, reach }: ReleaseState): boolean {
  return weight > 0 || reach !== undefined;
}

/** What holds a fix, of which no gate need pass: silence, and counts of this stay that look worse than stable's. */
function speaksAgainst(reading: GateReading | undefined, release: ReleaseState): boolean {
  if (reading === undefined || !notSilent(reading)) return true;
  return reading.stepEpoch === stepEpochOf(release) && reading.evidence.advanceLogE < 0;
}

function sees(reading: GateReading | undefined): boolean {
  return reading?.stable === 'Meets' && notSilent(reading);
}

function notSilent(reading: GateReading | undefined): boolean {
  return reading !== undefined && reading.verdict !== 'Error' && reading.verdict !== 'NoData';
}

function isRead(reading: GateReading | undefined): boolean {
  return reading !== undefined && reading.verdict !== 'Error' && reading.cause !== 'CatchingUp';
}

/** What probes say of this very stay: an older answer was about other pods, or another weight. */
function probedNow({ probes }: Seen, release: ReleaseState): string {
  return probes.epoch === stepEpochOf(release) ? probes.result : 'Running';
}

/** A step is left when every gate passed for this very stay, or by a person's word. */
function unlawfulStep({ before, after, seen, plan }: Planned, was: ReleaseState, is: ReleaseState): string | undefined {
  const left = is.step > was.step || (is.stage !== was.stage && is.stage === 'Promoting');
  if (was.stage !== 'Holding' || !left || plan.rollback) return undefined;
  if (was.word !== undefined || after.actions[0]?.uid !== before.actions[0]?.uid) return undefined;
  const waiting = plan.gates.find(({ name, role }) => {
    const reading = ofGate(seen, was, name);
    const passed = reading?.verdict === 'Pass' && reading.stepEpoch === stepEpochOf(was);
    // Nobody knows how many a step without a weight sends: its gates must see, and see nothing against the canary.
    const asksPass = was.expedited === undefined && was.reach === undefined;
    return role !== 'Advisory' && !passed && (asksPass || speaksAgainst(reading, was));
  });
  return waiting && `left a step while ${waiting.name} waits`;
}

function ofGate(seen: Seen, release: ReleaseState, gate: string): GateReading | undefined {
  return seen.gates.find((reading) => reading.gate === gate && reading.epoch === epochOf(release));
}

/**
 * Pods of the canary that must stand behind a weight before it is written: ⌈S·w/(1−w)⌉ of N beside S of stable, or what
 * the step says.
 */
export function podsBehind(
  weight: number,
  { replicas, asked, shrinks }: { replicas: number; asked: number | undefined; shrinks: boolean },
): number {
  const whole = Math.max(1, replicas);
  const stable = shrinks ? Math.ceil(whole * (1 - weight / 200_000)) : whole;
  const share = weight >= 100_000 ? whole : Math.ceil((stable * weight) / (100_000 - weight));
  return Math.min(whole, asked ?? Math.max(1, share));
}

/** Whether the probes of this stay say that the canary itself fails. */
export function failsProbes(seen: Seen, release: ReleaseState): boolean {
  return release.stage !== 'Preparing' && seen.release !== undefined && probedNow(seen, release) === 'CanaryFailed';
}

/** Why a release may not have gone as it went; undefined: it is still there, or left as it may. */
export function unlawfulLeave({ before, after, seen }: Pass): string | undefined {
  const [was, is] = [before.release, after.release];
  if (was === undefined || was.committed || seen.deleting || isObeyed(before, after)) return undefined;
  const stays = is?.name === was.name;
  if (was.ending === undefined) return stays ? undefined : 'a release under way is gone';
  if (stays) return is.ending === undefined ? 'a release that went back goes on by itself' : undefined;
  const waits = was.ending.kind === 'Retreat' || was.ending.kind === 'Abort';
  const replaced = seen.spec !== undefined && seen.spec.revision !== was.revision;
  return waits && !replaced ? 'a release that went back left by itself' : undefined;
}

/** A person's action was taken up in this pass, and did something. */
function isObeyed(before: State, after: State): boolean {
  const known = new Set(before.actions.map(({ uid }) => uid));
  return after.actions.some(({ uid, result }) => !known.has(uid) && result === 'Applied');
}
