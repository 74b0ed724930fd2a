import type { Mutant } from './mutant.ts';

const file = 'test/sim/companions.test.ts';
const storms = { file, test: 'an Ingress of ours never sends more than was granted, and no stranger is touched' };
const deaths = {
  file,
  test: 'whoever writes an Ingress of ours may die of it, before and after: the release goes its way',
};
const partings = {
  file,
  test: 'a Rollout that is deleted at any moment leaves no Ingress of ours, and every other one',
};
const unit = 'test/operator/companions.test.ts';
const known = 'labels?.[ROLLOUT_LABEL] === name && fence !== undefined && isOwnFence(fence, name)';

/** Mutants of routes whose split stands in an object of ours, in whole worlds where they show there. */
export const companions: readonly Mutant[] = [
  {
    name: 'worlds: what has no owner is ours once the Rollout is deleted',
    breaks: 14,
    file: 'src/operator/companions.ts',
    find: known,
    replace: 'rollout.metadata.deletionTimestamp !== undefined && labels !== fence && name !== ROLLOUT_LABEL',
    killedBy: partings,
    because: 'the Ingress of a stranger would be made a canary, and deleted',
  },
  {
    name: 'worlds: a companion is known by its owner alone',
    breaks: 7,
    file: 'src/operator/companions.ts',
    find: known,
    replace: 'labels === fence && name === ROLLOUT_LABEL',
    killedBy: partings,
    because: 'one without owner would send users to pods that have left',
  },
  {
    name: 'worlds: a companion is known by its label alone',
    breaks: 14,
    file: 'src/operator/companions.ts',
    find: 'fence !== undefined && isOwnFence(fence, name)',
    replace: 'fence !== null',
    killedBy: partings,
    because: 'who copies our labels would lose the Ingress',
  },
  {
    name: 'worlds: a companion stays when its release has ended',
    breaks: 14,
    file: 'src/operator/apply.ts',
    find: 'if (place.origin !== undefined) return removeCompanion(api, rollout, place);',
    replace: 'if (place.origin !== undefined) return;',
    killedBy: deaths,
    because: 'every release would leave an Ingress behind',
  },
  {
    name: 'worlds: one that is there is made again',
    breaks: 15,
    file: 'src/operator/companions.ts',
    find: '!raise && weight === 0 && place.store.get(place.ref) === undefined',
    replace: '!raise && weight === 0',
    killedBy: storms,
    because: 'no lowering would ever be written',
  },
  {
    name: 'a lowering writes whoever has the name by then',
    breaks: 14,
    file: 'src/operator/apply.ts',
    find: 'if (place.origin !== undefined && !isCompanion(route, rollout)) return;',
    replace: '',
    killedBy: { file: unit, test: 'a stranger who took the name since the decision is not written' },
    because: 'the Ingress of somebody else would become a canary',
  },
  {
    name: 'a companion is deleted by its UID alone',
    breaks: 6,
    file: 'src/operator/companions.ts',
    find: '...(resourceVersion === undefined ? {} : { resourceVersion })',
    replace: '',
    killedBy: { file: unit, test: 'ours is not deleted once it was written for the next release' },
    because: 'a process that wakes late would take the next release its traffic, and nobody would be named',
  },
];
