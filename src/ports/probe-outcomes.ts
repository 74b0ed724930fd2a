import type { ProbeOutcome } from '#core/probe.ts';
import type { Millis } from '#lib/units.ts';

/** What the gates of probes count: the prober has it, as a source has counters. */
export interface ProbeOutcomes {
  /** Answers to the checks of this Rollout's gate that came at an instant or later, oldest first. They are kept for minutes. */
  outcomes(key: string, gate: string, from: Millis): readonly ProbeOutcome[];
}
