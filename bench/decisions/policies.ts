import { argo } from './argo.ts';
import { flagger } from './flagger.ts';
import { headgate } from './headgate.ts';
import { kayenta } from './kayenta.ts';
import { peeking } from './peeking.ts';
import type { Policy } from './policy.ts';

/** Everybody who plays, in the order of the tables. */
export const policies: readonly Policy[] = [
  headgate('headgate', 'Headgate'),
  headgate('headgate-planned', 'Headgate, steps planned on live traffic', { planned: true }),
  headgate('headgate-hold30', 'Headgate, last step held 30 min', {
    lastHoldMs: 1_800_000,
    only: ['good-100rps-p0.1', 'late-20', 'late-2', 'outage-10', 'noisy', 'diurnal'],
  }),
  argo('argo-99.5', 'Argo 99.5 %', { threshold: 0.995, minutes: 1 }),
  argo('argo-99', 'Argo 99 %', { threshold: 0.99, minutes: 1 }),
  argo('argo-docs', 'Argo, its docs', { threshold: 0.95, minutes: 5 }),
  flagger,
  kayenta,
  peeking('0.05'),
  peeking('0.001'),
];
