import type { Kind } from './crd.ts';
import { metricSourceSpec } from './metric-source.ts';
import { probeSuiteSpec } from './probe-suite.ts';
import { releaseSpec, releaseStatus } from './release.ts';
import { rolloutSpec } from './rollout.ts';
import { rolloutActionSpec, rolloutActionStatus } from './rollout-action.ts';
import { rolloutStatus } from './rollout-status.ts';
import { sloSpec } from './slo.ts';

const reason = { name: 'Reason', type: 'string', jsonPath: '.status.reason' } as const;

/** Every kind of ours, in the order of the reference. Short names avoid those of Argo Rollouts and Pyrra. */
export const kinds: readonly Kind[] = [
  {
    kind: 'Rollout',
    plural: 'rollouts',
    shortNames: ['hro'],
    scope: 'Namespaced',
    description: 'A workload whose every new revision is brought to its users in steps, and taken back when it is bad.',
    spec: rolloutSpec,
    status: rolloutStatus,
    // Without it kstatus calls a Rollout ready that the operator has never looked at.
    unseen: { observedGeneration: -1 },
    nameLimit: { max: 52, because: 'the names of its ReplicaSets and their pods are made from it' },
    scale: true,
    columns: [
      { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
      { name: 'Step', type: 'string', jsonPath: '.status.step' },
      { name: 'Weight', type: 'string', jsonPath: '.status.weight' },
      { name: 'Stable', type: 'string', jsonPath: '.status.stable.revision' },
      { name: 'Canary', type: 'string', jsonPath: '.status.canary.revision' },
      reason,
      { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1 },
    ],
  },
  {
    kind: 'Release',
    plural: 'releases',
    shortNames: ['hrel'],
    scope: 'Namespaced',
    description: 'One attempt to bring a revision to all traffic, and what became of it. The operator writes it.',
    spec: releaseSpec,
    status: releaseStatus,
    columns: [
      { name: 'Rollout', type: 'string', jsonPath: '.spec.rollout' },
      { name: 'Revision', type: 'string', jsonPath: '.spec.revision' },
      { name: 'Attempt', type: 'integer', jsonPath: '.spec.attempt' },
      { name: 'Outcome', type: 'string', jsonPath: '.status.outcome' },
      reason,
      { name: 'Spend', type: 'string', jsonPath: '.status.spend' },
      { name: 'Detected', type: 'string', jsonPath: '.status.timeToDetect', priority: 1 },
      { name: 'Remedied', type: 'string', jsonPath: '.status.timeToRemedy', priority: 1 },
    ],
  },
  {
    kind: 'RolloutAction',
    plural: 'rolloutactions',
    shortNames: ['hra'],
    scope: 'Namespaced',
    description:
      "A person's wish for a Rollout. The API server checks that spec.by is the caller and that the caller has the right to the verb on the Rollout.",
    spec: rolloutActionSpec,
    status: rolloutActionStatus,
    columns: [
      { name: 'Rollout', type: 'string', jsonPath: '.spec.rollout' },
      { name: 'Verb', type: 'string', jsonPath: '.spec.verb' },
      { name: 'By', type: 'string', jsonPath: '.spec.by' },
      { name: 'State', type: 'string', jsonPath: '.status.state' },
    ],
  },
  {
    kind: 'ServiceLevelObjective',
    plural: 'servicelevelobjectives',
    shortNames: ['hslo'],
    scope: 'Namespaced',
    description: 'What users are owed: which events count, which of them are bad, and how many may be.',
    spec: sloSpec,
    columns: [
      { name: 'Objective', type: 'string', jsonPath: '.spec.objective' },
      { name: 'Window', type: 'string', jsonPath: '.spec.window.rolling' },
      { name: 'Source', type: 'string', jsonPath: '.spec.source' },
    ],
  },
  {
    kind: 'MetricSource',
    plural: 'metricsources',
    shortNames: ['hms'],
    scope: 'Cluster',
    description: 'A server that gates read metrics from.',
    spec: metricSourceSpec,
    columns: [
      { name: 'URL', type: 'string', jsonPath: '.spec.prometheus.url' },
      { name: 'Default', type: 'boolean', jsonPath: '.spec.default' },
      { name: 'Scrape', type: 'string', jsonPath: '.spec.scrapeInterval' },
    ],
  },
  {
    kind: 'ProbeSuite',
    plural: 'probesuites',
    shortNames: ['hps'],
    scope: 'Namespaced',
    description: 'Synthetic requests that a canary must answer before and while users meet it.',
    spec: probeSuiteSpec,
    columns: [
      { name: 'Every', type: 'string', jsonPath: '.spec.every' },
      { name: 'Retries', type: 'integer', jsonPath: '.spec.retries' },
    ],
  },
];
