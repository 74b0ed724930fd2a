import { freeform, group, immutable, map, ruled, text } from './vocabulary.ts';

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
