import { choice, freeform, group, immutable, map, name, type Rule, ruled, text } from './vocabulary.ts';

/** Which pods a Rollout has, and what they are. */

export const template = group({
  metadata: group({
    labels: map(text({ max: 63 }), { max: 64 }).describe('Labels of the pods. They must contain the selector.'),
    annotations: map(text({ max: 65_536 }), { max: 64 })
      .exactOptional()
      .describe('Annotations of the pods.'),
  }).describe('Labels and annotations of the pods.'),
  spec: freeform().describe('A PodSpec, as in a Deployment. It is checked by a dry run of the ReplicaSet.'),
});

export const selector = immutable(
  group({
    matchLabels: ruled(map(text({ max: 63 }), { max: 16 }), {
      cel: 'size(self) > 0',
      message: 'must have at least one label',
      holds: (labels) => Object.keys(labels).length > 0,
    }).describe('Labels that every pod carries, with their values.'),
  }),
  'cannot be changed: make a new Rollout for pods with other labels',
);

export const workloadRef = immutable(
  group({
    kind: choice(['Deployment']).describe('Kind of the object.'),
    name: name().describe('Its name.'),
  }),
  'cannot be changed: delete the Rollout, which gives the Deployment back, and make a new one',
);

/** What the rules below read of a spec. */
interface Described {
  workloadRef?: unknown;
  selector?: { matchLabels: Record<string, string> };
  template?: { metadata: { labels: Record<string, string> } };
}

const DESCRIBED = 'has(self.template) && has(self.selector)';

/** Rules that the members of a spec about its pods keep with one another. */
export const podRules: Rule<Described>[] = [
  {
    cel: 'has(self.workloadRef) ? !has(self.template) && !has(self.selector) : has(self.template) && has(self.selector)',
    message: 'give either workloadRef, or template and selector',
    holds: ({ workloadRef: ref, selector: chosen, template: pods }) =>
      ref === undefined ? chosen !== undefined && pods !== undefined : chosen === undefined && pods === undefined,
  },
  // Its pods serve on under either description, but whose they are once the Rollout goes is another question each time.
  {
    cel: '!has(oldSelf.workloadRef) || has(self.workloadRef)',
    message:
      'workloadRef cannot be removed: delete the Rollout, which gives the Deployment back, make one with template and selector, and delete the Deployment once that is Ready',
  },
  {
    cel: 'has(oldSelf.workloadRef) || !has(self.workloadRef)',
    message:
      'workloadRef cannot be added: make the Deployment and let its pods get ready, delete the Rollout, and make one with workloadRef',
  },
  {
    cel: `!(${DESCRIBED}) || self.selector.matchLabels.all(k, k in self.template.metadata.labels && self.template.metadata.labels[k] == self.selector.matchLabels[k])`,
    message: 'template.metadata.labels must contain every label of selector.matchLabels with the same value',
    field: '.template.metadata.labels',
    holds: ({ selector: chosen, template: pods }) =>
      Object.entries(chosen?.matchLabels ?? {}).every(([key, value]) => pods?.metadata.labels[key] === value),
  },
  {
    cel: `!(${DESCRIBED}) || self.template.metadata.labels.all(k, !k.startsWith('headgate.dev/')) && self.selector.matchLabels.all(k, !k.startsWith('headgate.dev/'))`,
    message: 'labels that begin with headgate.dev/ are set by the operator: remove them from template and selector',
    field: '.template.metadata.labels',
    holds: ({ selector: chosen, template: pods }) =>
      Object.keys({ ...chosen?.matchLabels, ...pods?.metadata.labels }).every(
        (key) => !key.startsWith('headgate.dev/'),
      ),
  },
];
