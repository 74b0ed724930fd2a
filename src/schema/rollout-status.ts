import type * as z from 'zod';
import { DIGESTS_MAX, digest } from './approval.ts';
import { LONG_PROSE_MAX, phase, prose, reasons, revision, roles, verdicts } from './release-words.ts';
import { stateSchema } from './state.ts';
import { choice, group, int, list, text } from './vocabulary.ts';

const pods = () => int({ min: 0, max: 100_000 });
const total = () => int({ min: 0, max: Number.MAX_SAFE_INTEGER - 1 });

const arm = group({
  revision: revision().describe('Its revision.'),
  image: text({ max: 1024 }).exactOptional().describe('Image of its first container.'),
  digests: list(digest(), { max: DIGESTS_MAX })
    .exactOptional()
    .describe('Images that its pods run, as container=sha256:…: an approval repeats them.'),
  replicas: pods().describe('Its pods.'),
  ready: pods().describe('Those that are available.'),
});

const counts = group({
  total: total().describe('Finished requests.'),
  bad: total().describe('Those that were bad.'),
});

/** Figures are texts, because a float in a CRD does not survive every client. */
const test = group({
  logE: text({ max: 32 }).describe('Natural logarithm of its evidence.'),
  limit: text({ max: 32 }).describe('Where it decides.'),
});

const forecast = group({
  weight: text({ max: 16 }).describe('The weight that comes next.'),
  expected: text({ max: 32 }).describe('What it would burn if the canary goes on as it was seen, in percent.'),
  pessimistic: text({ max: 32 }).describe(
    'What it would burn at the largest excess that the evidence leaves open, in percent.',
  ),
});

/** One gate's newest reading, as people read it. */
export const gateStatus = group({
  gate: text({ max: 253 }).describe('Name of the gate.'),
  role: choice(roles).describe('What the gate may do.'),
  verdict: choice(verdicts).describe('What it says.'),
  cause: text({ max: 63 }).exactOptional().describe('Why, in one word.'),
  message: prose().describe('Why, with figures.'),
  canary: counts.describe('Requests to the canary since the attempt began.'),
  stable: counts.describe('Requests to stable since the attempt began.'),
  stop: test.exactOptional().describe('Evidence that the canary is worse.'),
  advance: test.exactOptional().describe('Evidence that it is not, since this step arrived.'),
  spend: text({ max: 32 }).describe("Share of the SLO's error budget that this release burnt, in percent."),
  forecast: forecast.exactOptional().describe("Share of the SLO's error budget that the next weight would burn."),
});

/** A condition, as every Kubernetes API has it. */
export const condition = group({
  type: text({ max: 316, min: 1 }).describe('Name of the condition.'),
  status: choice(['True', 'False', 'Unknown']).describe('Does it hold?'),
  observedGeneration: int({ min: 0, max: Number.MAX_SAFE_INTEGER - 1 })
    .exactOptional()
    .describe('Generation of the spec that it was judged by.'),
  lastTransitionTime: text({ max: 64 }).describe('When status last changed (RFC 3339).'),
  reason: text({ max: 1024 }).describe('Why, in one word.'),
  message: text({ max: 32_768 }).describe('Why, for people.'),
});

/** Rollout.status. */
export const rolloutStatus = group({
  observedGeneration: int({ min: -1, max: Number.MAX_SAFE_INTEGER - 1 })
    .exactOptional()
    .describe('Generation of the spec that this status was written for; -1: nobody has looked at it yet.'),
  phase: phase().exactOptional().describe('Healthy, Progressing, Paused or Degraded.'),
  reason: choice(reasons).exactOptional().describe('Why it is paused or degraded.'),
  message: prose(LONG_PROSE_MAX).exactOptional().describe('Why it moves, waits or went back.'),
  stable: arm.exactOptional().describe('The revision that serves.'),
  canary: arm.exactOptional().describe('The revision that is tried.'),
  step: text({ max: 16 }).exactOptional().describe('Step of the release, such as 2/3, or bake.'),
  weight: text({ max: 16 }).exactOptional().describe('Share of requests that the canary may get, such as 20%.'),
  replicas: pods()
    .exactOptional()
    .describe('Pods of the arm that carries most of the traffic: what an autoscaler acts on.'),
  readyReplicas: pods().exactOptional().describe('Those that are available.'),
  selector: text({ max: 4096 }).exactOptional().describe('Label selector of those pods, for autoscalers.'),
  budgetSpent: text({ max: 32 })
    .exactOptional()
    .describe("Largest share of an SLO's error budget that this release burnt, in percent."),
  budgetForecast: forecast
    .exactOptional()
    .describe("Largest share of an SLO's error budget that the next weight would burn."),
  gates: list(gateStatus, { max: 16, unique: ['gate'] })
    .exactOptional()
    .describe('Newest reading of every gate.'),
  conditions: list(condition, { max: 32, unique: ['type'] })
    .exactOptional()
    .describe('Ready, Reconciling, Stalled and others.'),
  state: stateSchema.exactOptional().describe('The memory of the state machine. Only the operator writes it.'),
});

export type RolloutStatus = z.output<typeof rolloutStatus>;
export type GateStatus = z.output<typeof gateStatus>;
export type ForecastStatus = z.output<typeof forecast>;
export type Condition = z.output<typeof condition>;
export type ArmStatus = z.output<typeof arm>;
