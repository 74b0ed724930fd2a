import type { Mutant } from './mutant.ts';

const decideTest = 'test/core/decide.test.ts';
const invariantsTest = 'test/core/invariants.test.ts';
const reconcileTest = 'test/operator/reconcile.test.ts';
const turnTest = 'test/core/turn.test.ts';
const bakeTest = 'test/core/bake.test.ts';
const leaderTest = 'test/runtime/leader.test.ts';
const mishapsTest = 'test/core/mishaps.test.ts';

/** Mutants of invariants 10 to 18: who goes on, who waits, and what is left behind. */
export const keeping: readonly Mutant[] = [
  {
    name: 'a committed release is treated like any other',
    breaks: 10,
    file: 'src/core/transition.ts',
    find: 'if (told.release?.committed) return promote(told, told.release, seen, now);',
    replace: '',
    killedBy: { file: decideTest, test: 'a third revision after the commit point waits for the promotion to finish' },
    because: 'half of the pods would go forward and half of them back',
  },
  {
    name: 'leadership is asked once a pass',
    breaks: 11,
    file: 'src/operator/reconcile.ts',
    find: 'if (signal.aborted || !deps.isLeader()) break;',
    replace: 'if (signal.aborted) break;',
    killedBy: {
      file: reconcileTest,
      test: 'who has lost the lease in the middle of a pass raises nothing; who never had it still lowers',
    },
    because: 'two processes would raise',
  },
  {
    name: 'a term does not end by the clock',
    breaks: 11,
    file: 'src/runtime/leader.ts',
    find: 'if (clock.monotonic() - this.#term.renewedAt <= renewMs) return true;',
    replace: 'if (clock.monotonic() >= 0 && renewMs > 0) return true;',
    killedBy: {
      file: leaderTest,
      test: 'a leader that slept through its lease is none, before any timer has fired',
    },
    because: 'a process that wakes up an hour later would still raise',
  },
  {
    name: 'a term counts from the answer',
    breaks: 11,
    file: 'src/runtime/leader.ts',
    find: 'this.#term = { renewedAt: sentAt, epoch };',
    replace: 'this.#term = { renewedAt: clock.monotonic(), epoch };',
    killedBy: { file: leaderTest, test: 'a renewal counts from when it was sent' },
    because: 'a slow answer would make two terms overlap',
  },
  {
    name: 'a retreat leaves by itself',
    breaks: 12,
    file: 'src/core/transition.ts',
    find: "if ((ending.kind === 'Retreat' || ending.kind === 'Abort') && !left)",
    replace: "if (ending.kind === 'Abort' && !left)",
    killedBy: {
      file: decideTest,
      test: 'a breach reaches weight 0 in one pass, keeps one pod and waits for a person',
    },
    because: 'the same bad revision would be tried again and again',
  },
  {
    name: 'a paused release advances',
    breaks: 12,
    file: 'src/core/transition.ts',
    find: "if (state.phase === 'Paused') return state;\n  const { spec } = seen;",
    replace: 'const { spec } = seen;',
    killedBy: {
      file: decideTest,
      test: 'traffic taken back by hand pauses, names who, and is not raised until resumed',
    },
    because: 'a pause that ends by itself is none',
  },
  {
    name: 'both arms bad: it returns as often as it likes',
    breaks: 13,
    file: 'src/core/recover.ts',
    find: '  if (release.autoResumed) {',
    replace: '  if (release.autoResumed && at.now < 0) {',
    killedBy: {
      file: decideTest,
      test: 'both arms bad after a raise: to 0 without blame, one return, and the second time is a breach',
    },
    because: 'a canary that takes stable down with it would do so every ten minutes',
  },
  {
    name: 'blame for an outage ends after a minute',
    breaks: 13,
    file: 'src/core/recover.ts',
    find: 'export const BLAME_WINDOW_MS: Millis = 10 * 60_000;',
    replace: 'export const BLAME_WINDOW_MS: Millis = 60_000;',
    killedBy: { file: 'test/histories/histories.test.ts', test: '$name is decided as recorded' },
    because: 'a canary that breaks stable slowly would stay',
  },
  {
    name: 'the finalizer is let go at once',
    breaks: 14,
    file: 'src/core/diff.ts',
    find: 'if (!gone || !fenceless) return [];',
    replace: '',
    killedBy: {
      file: decideTest,
      test: 'deletion gives the traffic back, drains the canary, widens the Service and lets go',
    },
    because: 'pods and a split route that nobody owns any more',
  },
  {
    name: "another Rollout's Service is widened",
    breaks: 14,
    file: 'src/core/diff.ts',
    find: 'if (next.stable !== undefined && seen.service?.narrowed === true && service !== undefined)',
    replace: 'if (seen.service?.narrowed === true && service !== undefined)',
    killedBy: {
      file: 'test/core/rivals.test.ts',
      test: 'a Rollout that never had pods leaves the Service alone when it goes',
    },
    because: 'the other one is in the middle of a release, and its canary would serve everybody',
  },
  {
    name: 'effects only when the state changed',
    breaks: 15,
    file: 'src/core/decide.ts',
    find: 'const effects = diff(desired(next, seen, now), next, seen);',
    replace:
      'const effects = JSON.stringify(next) === JSON.stringify(state) ? [] : diff(desired(next, seen, now), next, seen);',
    killedBy: {
      file: invariantsTest,
      test: 'a record that was granted and not written is written by whoever comes next',
    },
    because: 'what a crash cut short would never be done',
  },
  {
    name: 'a deletion waits for a gateway that is gone',
    breaks: 15,
    file: 'src/core/decide.ts',
    find: 'const seen = obeyed(sight, state, now);',
    replace: 'const seen = now < 0 ? obeyed(sight, state, now) : sight;',
    killedBy: { file: decideTest, test: 'a deletion does not wait for ever for a gateway that answers no more' },
    because: 'a namespace that never ends',
  },
  {
    name: 'a moment in the future is waited for',
    breaks: 15,
    file: 'src/core/decide.ts',
    find: 'const state = notAhead(known, now);',
    replace: 'const state = now < 0 ? notAhead(known, now) : known;',
    killedBy: {
      file: 'test/core/instants.test.ts',
      test: 'a leader whose clock ran an hour ahead while $name does not hold the release up',
    },
    because: 'a leader with a wrong clock would stop its successor for as long',
  },
  {
    name: 'a restart forgets the advance evidence',
    breaks: 16,
    file: 'src/gates/error-state.ts',
    find: 'weight, rps, all, step, advance, alone },',
    replace: 'weight, rps, all, step, advance: 0, alone },',
    killedBy: {
      file: 'test/gates/errors.test.ts',
      test: 'a saved state is small, exact, and goes on from the tick it ended at',
    },
    because: 'an operator that is restarted often would never finish a release',
  },
  {
    name: 'a cache that is behind lowers the traffic',
    breaks: 16,
    file: 'src/core/diff.ts',
    find: 'return fenced(route, release) && (route.fence?.n ?? 0) > release.n && route.weight === route.fence?.weight;',
    replace: 'return false;',
    killedBy: { file: mishapsTest, test: 'a new leader whose cache is a step behind leaves the traffic alone' },
    because: 'each change of the leader would take the canary back',
  },
  {
    name: 'a silence of our own counts as one of the source',
    breaks: 16,
    file: 'src/core/verdict.ts',
    find: "const blind = silent && reading.cause !== 'CatchingUp';",
    replace: 'const blind = silent;',
    killedBy: {
      file: 'test/core/silence.test.ts',
      test: 'an operator that reads what it missed neither pauses nor goes back',
    },
    because: 'each restart would end the releases whose onNoData is Retreat',
  },
  {
    name: 'no second look before the raise',
    breaks: 17,
    file: 'src/core/advance.ts',
    find: 'return notYet(state, release, at) ?? grantRung(state, release, 0, at);',
    replace: 'return grantRung(state, release, 0, at);',
    killedBy: {
      file: turnTest,
      test: 'law: of one group at most one canary has traffic, whatever is lost, and all get their turn',
    },
    because: 'two canaries of one path, and nobody could tell which of them is bad',
  },
  {
    name: 'no order among those that prepare',
    breaks: 17,
    file: 'src/core/turn.ts',
    find: 'return wantsSince === self.since ? member.rollout < self.rollout : wantsSince < self.since;',
    replace: 'return false;',
    killedBy: {
      file: turnTest,
      test: 'law: of one group at most one canary has traffic, whatever is lost, and all get their turn',
    },
    because: 'two that look at the same moment would both begin',
  },
  {
    name: 'a paused release is waited for',
    breaks: 17,
    file: 'src/operator/groups.ts',
    find: "const wants = state['phase'] === 'Progressing' && !over;",
    replace: 'const wants = !over;',
    killedBy: { file: 'test/operator/groups.test.ts', test: '$name: $because' },
    because: 'one team that looks at its canary for a week stops all the others',
  },
  {
    name: 'silence lets a bake end',
    breaks: 18,
    file: 'src/core/advance.ts',
    find: 'silent || doubtful || gate === shared?.gate',
    replace: 'doubtful || gate === shared?.gate',
    killedBy: { file: bakeTest, test: '%s holds the bake, and pauses it after maxWait' },
    because: 'silence would be success at the one point from which there is no way back',
  },
  {
    name: 'an outage of both arms lets a bake end',
    breaks: 18,
    file: 'src/core/advance.ts',
    find: 'silent || doubtful || gate === shared?.gate',
    replace: 'silent || doubtful',
    killedBy: {
      file: bakeTest,
      test: 'both arms bad: within ten minutes of the raise it goes to 0 without blame, later the bake waits',
    },
    because: 'a promotion in the middle of an outage',
  },
  {
    name: 'the last step is left like the bake',
    breaks: 18,
    file: 'src/core/advance.ts',
    find: 'if (!isBake(plan, release.step) && release.reach === undefined) return waiting;',
    replace: 'if (release.step < plan.steps.length - 1) return waiting;',
    killedBy: {
      file: bakeTest,
      test: 'leaving the last step asks for evidence, leaving the bake for quiet gates that see',
    },
    because: 'nothing would have to be proved before 95 % of the users',
  },
];
