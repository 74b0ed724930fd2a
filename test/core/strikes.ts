import type { Verb } from '#core/model.ts';

/** What may befall a chaotic world, what people say in it, and what its gates may turn to. */

export const verbs: Verb[] = ['promote', 'skip-step', 'pause', 'resume', 'retreat', 'abort', 'retry', 'expedite'];
/** What a strike of each kind does. */
export const STRIKES = [
  'weight by hand',
  'weight by hand',
  'fence taken away',
  'route deleted or back',
  'pods die',
  'pods die',
  'pods never ready',
  'replicas scaled',
  'new template',
  'action',
  'action',
  'action',
  'clock jumps',
  'gate turns',
  'gate turns',
  'gateway accepts and does not apply',
  'routes of the spec change',
  'bad spec',
  'spec unreadable',
  'probes turn, Release deleted',
  'budget low or unknown',
  'rival in the group',
] as const;
export const verdicts = [
  { verdict: 'Pass', stable: 'Meets' },
  { verdict: 'Pass', stable: 'Meets' },
  { verdict: 'Inconclusive', stable: 'Meets' },
  { verdict: 'NoData', stable: 'Unknown' },
  { verdict: 'Error', stable: 'Unknown', cause: 'SourceDown' },
  { verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' },
  { verdict: 'Inconclusive', stable: 'Meets', cause: 'SinglePod' },
  { verdict: 'Inconclusive', stable: 'Meets', cause: 'SinglePod' },
  { verdict: 'Inconclusive', stable: 'Meets', cause: 'SinglePod' },
  { verdict: 'Fail', stable: 'Meets', cause: 'Worse' },
  { verdict: 'Fail', stable: 'Meets', cause: 'DarkCanary' },
] as const;
