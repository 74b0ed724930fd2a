import { formatPercent, type Millis, WHOLE } from '#lib/units.ts';
import { epochOf, stepEpochOf } from './epoch.ts';
import { printShare } from './figures.ts';
import type { Gate, GateReading, OnNoData } from './gate.ts';
import type { Plan, ReleaseState } from './model.ts';
import type { ProbeReading, Seen } from './seen.ts';

/** Requests that must have been due before silence of one arm means anything. */
const MIN_DUE = 10;

/** A gate that does not pass this stay yet. */
export interface Waiting {
  gate: string;
  message: string;
  /** It says nothing about the canary, whoever's fault that is. */
  silent: boolean;
  /** Its source is silent or broken while the operator keeps up: what `onNoData` is about. */
  blind: boolean;
  /** What it has counted of this stay speaks for an excess rather than against it. */
  doubtful: boolean;
  onNoData: OnNoData;
  maxWaitMs: Millis;
}

/** All gates as one answer. Guardrails stop and hold, signals hold, advisories only speak. */
export interface Judgement {
  /** The first guardrail that failed in this attempt. */
  breach?: GateReading;
  /** The first guardrail that blames one pod of the canary alone. */
  blamed?: GateReading;
  /** Both arms are bad: nobody is blamed. */
  shared?: GateReading;
  /** Gates that do not pass this stay yet, in the plan's order, with the reason for people. */
  waiting: Waiting[];
  /** Gates that pass, but whose budget the next weight may burn beyond what is left of it. */
  dear: { gate: string; message: string; maxWaitMs: Millis }[];
  /** Stable meets its objective by itself on every guardrail, and every gate can see both arms. */
  ready: boolean;
  /** Why it is not ready, for people. */
  notReady: string;
  /** A guardrail that cannot be read, for people: whatever stable does, the canary would be raised unseen. */
  unread?: string;
}

/** Folds readings into one judgement. A gate of the plan without a reading waits: silence is not success. */
export function judge(seen: Seen, plan: Plan, release: ReleaseState): Judgement {
  const epoch = epochOf(release);
  const stay = stepEpochOf(release);
  const readings = new Map(
    seen.gates.filter((reading) => reading.epoch === epoch).map((reading) => [reading.gate, reading]),
  );
  const judgement: Judgement = { waiting: [], dear: [], ready: true, notReady: '' };
  for (const gate of plan.gates) {
    if (gate.role === 'Advisory') continue;
    const reading = readings.get(gate.name);
    if (reading?.cause === 'BothArmsBad') judgement.shared ??= reading;
    if (reading?.verdict !== 'Pass' || reading.stepEpoch !== stay)
      judgement.waiting.push(waitingOn(gate, reading, stay));
    else judgement.dear.push(...dear(gate, reading));
    if (gate.role === 'Guardrail') guard(judgement, gate, reading);
  }
  return judgement;
}

/** What guardrails alone may say: who stops, whose pod is blamed, who is not ready. */
function guard(judgement: Judgement, gate: Gate, reading: GateReading | undefined): void {
  if (reading?.verdict === 'Fail') judgement.breach ??= reading;
  if (blamesPod(gate, reading)) judgement.blamed ??= reading;
  readiness(judgement, gate.name, reading);
}

/** Counts of an edge are told apart by a label of its own: they know of no pod, whatever a reading says. */
function blamesPod({ slo }: Gate, reading: GateReading | undefined): reading is GateReading & { pod: string } {
  return reading?.cause === 'SinglePod' && reading.pod !== undefined && slo.arms.by === 'Pod';
}

function waitingOn(gate: Gate, reading: GateReading | undefined, stay: string): Waiting {
  const { name, maxWaitMs, onNoData = 'Hold' } = gate;
  const doubtful = reading?.stepEpoch === stay && reading.evidence.advanceLogE < 0;
  const waits = { gate: name, doubtful, onNoData, maxWaitMs };
  if (reading === undefined) return { ...waits, message: `${name}: no reading yet`, silent: true, blind: false };
  const silent = reading.verdict === 'NoData' || reading.verdict === 'Error';
  // What the operator itself has still to read, after its own restart say, is no silence of the source.
  const blind = silent && reading.cause !== 'CatchingUp';
  return { ...waits, message: `${name}: ${reading.message}`, silent, blind };
}

/** More evidence makes the figure smaller; where it cannot, `maxWait` leaves it to a person. */
function dear({ name, maxWaitMs }: Gate, { evidence: { forecast } }: GateReading): Judgement['dear'] {
  if (forecast?.holds !== true) return [];
  const { weight, pessimistic, left } = forecast;
  const message = `${name}: ${formatPercent(weight)} may burn up to ${printShare(pessimistic)} of the error budget, and budget.maxSpend leaves ${printShare(left)}: waiting for more evidence`;
  return [{ gate: name, message, maxWaitMs }];
}

/** The first raise and every return from 0 ask stable to meet its objective, seen by a source that works. */
function readiness(judgement: Judgement, gate: string, reading: GateReading | undefined): void {
  const able = reading !== undefined && reading.verdict !== 'Error' && reading.verdict !== 'NoData';
  if (able && reading.stable === 'Meets') return;
  const why = reading === undefined ? `${gate}: no reading yet` : `${gate}: ${reading.message}`;
  if (judgement.ready) judgement.notReady = why;
  judgement.ready = false;
  if (!able && (reading?.verdict !== 'NoData' || reading.cause === 'CatchingUp')) judgement.unread ??= why;
}

/** What the probes say of this stay: an answer from before a resume or a raise is none. */
export function probesOf({ probes }: Seen, release: ReleaseState): ProbeReading {
  if (probes.epoch === undefined || probes.epoch === stepEpochOf(release)) return probes;
  return { result: 'Running', message: 'the probes begin anew' };
}

/**
 * False when enough requests were due on the canary and not one was finished: the gateway has not taken the weight
 * yet, or ignores it. More cannot be asked of counts per pod, because in-cluster clients of the Service reach stable
 * alone and shift the ratio of the arms; gateway-side counts are needed for a test of the ratio itself.
 */
export function shareArrived(seen: Seen, release: ReleaseState): boolean {
  const stay = stepEpochOf(release);
  return seen.gates.every((reading) => {
    // What young pods finish is not counted, and is there all the same.
    if (reading.stepEpoch !== stay || reading.cause === 'WarmingUp') return true;
    const { canary, stable } = reading.evidence.step;
    const due = ((canary.total + stable.total) * release.weight) / WHOLE;
    return due < MIN_DUE || canary.total > 0;
  });
}
