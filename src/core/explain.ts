import { formatPercent, WHOLE } from '#lib/units.ts';
import type { DegradedReason, PauseReason, Stage } from './model.ts';
import { stageMessage } from './state.ts';
import type { RolloutView } from './view-words.ts';

type Facts = Omit<RolloutView, 'sentence'>;

/**
 * Says in one sentence why a rollout moves, waits or went back: where it stands, what holds it, and who acts next.
 * `message` is the operator's own word on what holds it; same facts, same bytes.
 */
export function explain(facts: Facts, told: string): string {
  const clause = lead(facts);
  const message = withoutPlace(told, facts.reach);
  return sentence(repeats(clause, message, facts.stage) ? clause : `${clause}: ${message}`) + advice(facts);
}

function lead(facts: Facts): string {
  switch (facts.phase) {
    case 'New':
      return 'The operator has not looked at this Rollout yet';
    case 'Healthy':
      return 'Stable serves all traffic';
    case 'Progressing':
      return facts.ending === undefined ? progress(facts) : 'All traffic goes back to stable';
    case 'Paused':
      return `${pauseWords[facts.reason as PauseReason] ?? 'Paused'}${place(facts)}`;
    case 'Degraded':
      return facts.reason === 'Aborted' && facts.weight > 0
        ? `Aborted${place(facts)}`
        : (degradedWords[facts.reason as DegradedReason] ?? 'Degraded');
  }
}

const stageWords: Record<Stage, (facts: Facts) => string> = {
  Preparing: ({ canary }) =>
    canary === undefined
      ? 'Preparing the canary pods'
      : `Preparing: ${canary.ready} of ${canary.replicas} canary pods are ready`,
  Probing: () => 'Probing the canary before any user meets it',
  Shifting: (facts) => `Shifting traffic to ${facts.reach ?? formatPercent(facts.weight)}${ofSteps(facts)}`,
  Holding: (facts) =>
    `Holding ${facts.reach === undefined ? 'at' : 'for'} ${facts.reach ?? formatPercent(facts.weight)}${ofSteps(facts)}`,
  Baking: (facts) => `Baking at ${formatPercent(facts.weight)}${control(facts)}`,
  Promoting: () => 'Every step passed; promoting the canary',
};

function progress(facts: Facts): string {
  if (facts.stage !== undefined) return stageWords[facts.stage](facts);
  return facts.stable === undefined ? 'Bringing up the first revision' : 'A release is about to begin';
}

const pauseWords: Record<PauseReason, string> = {
  Step: 'Paused by its step',
  User: 'Paused by a person',
  GateBreached: 'Stopped by a breach',
  NoData: 'Paused because a gate cannot tell',
  BudgetLow: 'Not begun: the error budget is low',
  Approval: 'Paused for approval',
  RouteChanged: 'Paused because somebody changed the route',
};

const degradedWords: Record<DegradedReason, string> = {
  Aborted: 'Aborted, all traffic is on stable',
  InvalidSpec: 'The spec cannot be used',
  DeadlineExceeded: 'Made no progress within its deadline',
};

function place({ weight, reach, reason }: Facts): string {
  if (reason === 'BudgetLow') return '';
  if (reach !== undefined) return `, the canary keeps ${reach}`;
  return weight === 0 ? ', all traffic is on stable' : `, ${formatPercent(weight)} stays on the canary`;
}

function ofSteps({ step }: Facts): string {
  if (step === 'bake') return ', the bake';
  return step === undefined ? '' : `, step ${step.number} of ${step.count}`;
}

function control({ weight }: Facts): string {
  return weight < WHOLE ? `, ${formatPercent(WHOLE - weight)} stays on stable as control` : ', without a control';
}

/** What a person can say now, in the verbs of the CLI. */
function advice({ phase, reason, weight, name, needsPerson, ending }: Facts): string {
  if (!needsPerson) return '';
  const say = (...verbs: string[]) => ` Next: ${verbs.map((verb) => `${verb} ${name}`).join(', or ')}.`;
  if (phase === 'Degraded') return reason === 'Aborted' ? say('retry') : '';
  const wentBack =
    reason === 'GateBreached' ? weight === 0 || ending !== undefined : reason === 'NoData' && ending !== undefined;
  if (wentBack) return say('retry', 'abort');
  if (reason === 'Approval') return say('approve', 'abort');
  return reason === 'Step' ? say('promote', 'abort') : say('resume', 'abort');
}

// The state's own sentence begins with the place, which the clause has said in better words.
const PLACE =
  /^(?:(?:Holding|Shifting to) (?:step \d+ of \d+|the bake)|Baking)(?: at [\d.]+%|: [\d.]+%)?(?:: |, |$)|^(?:Preparing|Probing|Promoting): /;

function withoutPlace(message: string, reach: string | undefined): string {
  const at = reach === undefined ? -1 : message.indexOf(reach);
  // Headers are the user's own words, which no pattern foresees.
  if (
    reach !== undefined &&
    /^(?:Holding|Shifting to) step \d+ of \d+(?: for|:) $/.test(message.slice(0, Math.max(0, at)))
  )
    return message.slice(at + reach.length).replace(/^[:,] /, '');
  return message.replace(PLACE, '');
}

/** True when the message adds nothing: it says the clause again, or only names the stage. */
function repeats(clause: string, message: string, stage: Stage | undefined): boolean {
  const bare = message.trim().replace(/\.$/, '').toLowerCase();
  const known = ['', 'new', clause.toLowerCase(), stage === undefined ? '' : stageMessage(stage).toLowerCase()];
  return known.includes(bare);
}

function sentence(words: string): string {
  const trimmed = words.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
