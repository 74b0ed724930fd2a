import type { Mutant } from './mutant.ts';

/** Mutants that whole worlds have to notice: what a table proves of one function holds in the loop as well. */

const worldsTest = 'test/sim/protections.test.ts';

const approved = {
  file: 'test/sim/traits.test.ts',
  test: 'no step is left without its people, whoever speaks, and for whatever',
};

const undone = {
  file: 'test/sim/traits.test.ts',
  test: 'what was undone goes back at once, to what served, until the template changes',
};

const named = {
  file: 'test/sim/traits.test.ts',
  test: 'a step of headers gives the canary to whom it names and to nobody else, and not again',
};

const adopted = {
  file: 'test/sim/traits.test.ts',
  test: 'as many serve as before a Deployment was taken over, until it is given back, and nobody else does',
};

const copied = {
  file: 'test/sim/traits.test.ts',
  test: 'a step of copies gives no user to the canary, and nothing of it stays',
};

export const worlds: readonly Mutant[] = [
  {
    name: 'fence numbers are not compared, in whole worlds',
    breaks: 4,
    file: 'src/core/diff.ts',
    find: '(fence?.n ?? 0) < release.n && weight >= (fence?.weight ?? 0)',
    replace: 'weight >= (fence?.weight ?? 0)',
    killedBy: { file: worldsTest, test: 'who dies as it lowers is not undone by who comes next' },
    because: 'whoever comes after the crash would raise what its predecessor took back',
  },
  {
    name: 'a lowered weight is taken for a lost raise, and raised',
    breaks: 6,
    file: 'src/core/routes.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: text of the source
    find: "if (route.weight < route.fence.weight) return changed(`${name}: the canary's traffic was taken back${by}`);",
    replace: "if (route.weight < route.fence.weight) return { kind: 'Lost' };",
    also: {
      file: 'src/core/diff.ts',
      find: '(fence?.n ?? 0) < release.n && weight >= (fence?.weight ?? 0)',
      replace: '(fence?.n ?? 0) < release.n',
    },
    killedBy: { file: worldsTest, test: 'traffic that is taken back by hand stays there' },
    because: 'either protection alone keeps the traffic where a person put it; without both nobody does',
  },
  {
    name: 'one of two people is enough, in whole worlds',
    breaks: 22,
    file: 'src/core/approval.ts',
    find: 'if (counted.length < asked.minimum)',
    replace: 'if (counted.length < 1)',
    killedBy: approved,
    because: 'four eyes would be two',
  },
  {
    name: 'the same person approves twice, in whole worlds',
    breaks: 22,
    file: 'src/core/approval.ts',
    find: 'if (before?.people.some((person) => person.by === by))',
    replace: 'if (before?.people.some((person) => person.by === by && by.length > 99))',
    killedBy: approved,
    because: 'whoever clicks twice would be two',
  },
  {
    name: 'images that nobody was shown are approved, in whole worlds',
    breaks: 22,
    file: 'src/core/approval.ts',
    find: 'return run.filter((digest) => !digests.includes(digest));',
    replace: "return run.filter((digest) => digest === '');",
    killedBy: approved,
    because: 'a moved tag would serve what nobody has approved',
  },
  {
    name: 'a word for another release counts, in whole worlds',
    breaks: 22,
    file: 'src/core/actions.ts',
    find: 'if (action.releaseUid !== undefined && action.releaseUid !== seen.release?.uid)',
    replace: "if (action.releaseUid === '')",
    killedBy: approved,
    because: 'what was approved last week would let this one through',
  },
  {
    name: 'an undo waits for the next look, in whole worlds',
    breaks: 25,
    file: 'src/core/transition.ts',
    find: 'const seen = asPinned(told, sight);',
    replace: 'const seen = sight;',
    killedBy: undone,
    because: 'the pass that takes the word up would still raise what it undoes',
  },
  {
    name: 'a pin outlives its template, in whole worlds',
    breaks: 25,
    file: 'src/core/undo.ts',
    find: 'template === state.pinned.over) return state;',
    replace: 'template !== undefined) return state;',
    killedBy: undone,
    because: 'no later change would ever be released',
  },
  {
    name: 'an undo goes to what never served, in whole worlds',
    breaks: 25,
    file: 'src/core/undo.ts',
    find: 'if (revision !== stable && !served.includes(revision)) {',
    replace: "if (revision === '') {",
    killedBy: undone,
    because: 'who names a revision that was stopped would skip its steps',
  },
  {
    name: 'a step of headers gives a share of everybody, in whole worlds',
    breaks: 3,
    file: 'src/core/state.ts',
    find: 'const weight = rung?.weight ?? 0;',
    replace: 'const weight = rung?.weight || 1000;',
    killedBy: named,
    because: 'the step is there so that nobody else meets the canary',
  },
  {
    name: 'matched users that were taken back are given again, in whole worlds',
    breaks: 6,
    file: 'src/core/routes.ts',
    find: '(route.weight === release.weight && reachesAll(route, release))',
    replace: 'route.weight === release.weight',
    killedBy: named,
    because: 'who took them away would find the next step there instead',
  },
  {
    name: 'a step of copies gives a share of everybody, in whole worlds',
    breaks: 3,
    file: 'src/core/state.ts',
    find: 'const weight = rung?.weight ?? 0;',
    replace: 'const weight = rung?.weight || 1000;',
    killedBy: copied,
    because: 'users would get answers of a canary that was to see copies alone',
  },
  {
    name: 'copies stay beside the next weight, in whole worlds',
    breaks: 3,
    file: 'src/core/desired.ts',
    find: 'if (release?.reach !== undefined) wish.reach = release.reach;',
    replace:
      "if (release?.reach !== undefined || release?.stage === 'Shifting') wish.reach = release.reach ?? seen.release?.plan.steps[0]?.reach ?? {};",
    killedBy: copied,
    because: 'every request of that share would be done twice for as long as the release lasts',
  },
  {
    name: 'copies that were taken back are made again, in whole worlds',
    breaks: 6,
    file: 'src/core/routes.ts',
    find: '(route.weight === release.weight && reachesAll(route, release))',
    replace: 'route.weight === release.weight',
    killedBy: copied,
    because: 'who took them away would find the next step there instead',
  },
  {
    name: 'our pods leave before those of the Deployment serve, in whole worlds',
    breaks: 24,
    file: 'src/core/adopt.ts',
    find: "return servesSince === undefined || now - servesSince < settleOf(seen) ? { kind: 'Wait' } : undefined;",
    replace: 'return undefined;',
    killedBy: adopted,
    because: 'the give-back would be an outage as long as a start of pods',
  },
  {
    name: 'a Deployment is brought up with a template that nobody proved, in whole worlds',
    breaks: 24,
    file: 'src/core/adopt.ts',
    find: "if (deployment.revision !== next.stable && (narrowed || deployment.replicas === 0)) return { kind: 'Hold' };",
    replace: '',
    killedBy: adopted,
    because: 'whoever deletes a Rollout in the middle of a release would serve it to everybody',
  },
];
