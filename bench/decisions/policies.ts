import { argo } from './argo.ts';
import { flagger } from './flagger.ts';
import { headgate } from './headgate.ts';
import { kayenta } from './kayenta.ts';
import { peeking } from './peeking.ts';
import type { Policy } from './policy.ts';

/** Everybody who plays, in the order of the tables. */
export const policies: readonly Policy[] = [
  headgate,
  argo('argo-slo', 'Argo, threshold = SLO', { minutes: 1 }),
  argo('argo-99', 'Argo 99 %', { threshold: 0.99, minutes: 1 }),
  argo('argo-docs', 'Argo, its docs', { threshold: 0.95, minutes: 5 }),
  flagger,
  kayenta,
  peeking('0.05'),
  peeking('0.001'),
];
