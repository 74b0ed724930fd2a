import { epochOf, stepEpochOf } from '#core/epoch.ts';
import type { GateReading } from '#core/gate.ts';
import type { Plan, ReleaseState, State } from '#core/model.ts';
import type { Seen } from '#core/seen.ts';

/** What a raise needs, told again from design and documents, not from the code that is under test. */

interface Pass {
  before: State;
  after: State;
  seen: Seen;
  plan: Plan;
}

/** Why a pass was not allowed to grant what it granted; undefined: it was, or granted nothing. */
export function unlawfulGrant(pass: Pass): string | undefined {
  const [was, is] = [pass.before.release, pass.after.release];
  if (was === undefined || is === undefined || was.name !== is.name || was.attempt !== is.attempt) return undefined;
  if (is.ending !== undefined || is.committed) return undefined;
  return unlawfulStart(pass, was, is) ?? unlawfulStep(pass, was, is);
}

/** From 0: probes that passed, and guardrails that see a stable which meets its objectives. */
function unlawfulStart({ seen, plan }: Pass, was: ReleaseState, is: ReleaseState): string | undefined {
  if (was.weight > 0 || is.weight === 0) return undefined;
  if (plan.probes.length > 0 && seen.probes.result !== 'Passed') return 'granted from 0 without its probes';
  const blind = plan.gates
    .filter(({ role }) => role === 'Guardrail')
    .find(({ name }) => !sees(ofGate(seen, was, name)));
  return blind && `granted from 0 while ${blind.name} does not see a good stable`;
}

function sees(reading: GateReading | undefined): boolean {
  return reading?.stable === 'Meets' && reading.verdict !== 'Error' && reading.verdict !== 'NoData';
}

/** A step is left when every gate passed for this very stay, or by a person's word. */
function unlawfulStep({ before, after, seen, plan }: Pass, was: ReleaseState, is: ReleaseState): string | undefined {
  const left = is.step > was.step || (is.stage !== was.stage && is.stage === 'Promoting');
  if (was.stage !== 'Holding' || !left || plan.rollback) return undefined;
  if (was.word !== undefined || after.actions[0]?.uid !== before.actions[0]?.uid) return undefined;
  const waiting = plan.gates.find(({ name, role }) => {
    const reading = ofGate(seen, was, name);
    return role !== 'Advisory' && (reading?.verdict !== 'Pass' || reading.stepEpoch !== stepEpochOf(was));
  });
  return waiting && `left a step while ${waiting.name} waits`;
}

function ofGate(seen: Seen, release: ReleaseState, gate: string): GateReading | undefined {
  return seen.gates.find((reading) => reading.gate === gate && reading.epoch === epochOf(release));
}
