import type { Mutant } from './mutant.ts';

const file = 'src/gates/warm-up.ts';
const killer = 'test/gates/warm-up.test.ts';
const law = {
  file: killer,
  test: 'law: no request of a warm-up is counted, and none is lost from the first scrape after it on',
};

/** Mutants of the warm-up: what young pods count, and what they must not hide. */
export const young: readonly Mutant[] = [
  {
    name: 'a base that lies within the warm-up',
    breaks: 'evidence',
    file,
    find: 'return from >= endOf(',
    replace: 'return base.scrapedAt >= endOf(',
    killedBy: law,
    because: 'the tick in which a warm-up ends would blame the revision for its age',
  },
  {
    name: 'starts are taken at their word',
    breaks: 'evidence',
    file,
    find: 'return start + warmUpMs + START_SLACK_MS;',
    replace: 'return start + warmUpMs;',
    killedBy: law,
    because: 'Kubernetes cuts starts to seconds, so the last second of a warm-up would count',
  },
  {
    name: 'the first request after a silent warm-up is lost',
    breaks: 'evidence',
    file,
    find: 'Math.max(since, silentAt - STALE_SCRAPES * scrapeMs)',
    replace: 'since',
    killedBy: law,
    because: 'where there is little traffic the first failure of every pod would be invisible',
  },
  {
    name: 'a young canary is dark',
    breaks: 'false stops',
    file,
    find: '{ base, grown: undefined, known: false }',
    replace: '{ base, grown: undefined, known: true }',
    killedBy: {
      file: killer,
      test: 'a canary that warms up is not dark, and its step is not left until its pods were seen',
    },
    because: 'requests that are not counted would be taken for requests that were not finished',
  },
  {
    name: 'a hang hides in the warm-up',
    breaks: 'silence',
    file,
    find: 'step?.grown?.some((value) => value > 0) !== true',
    replace: 'step?.grown === undefined',
    killedBy: { file: killer, test: 'a canary that hangs is dark from its first second on' },
    because: 'a canary that answers nothing would keep its users waiting until it is old enough',
  },
  {
    name: 'a step is left before its new pods were seen',
    breaks: 'false passes',
    file: 'src/gates/error-verdict.ts',
    find: '  ({ state, context }) => warming(state, context),\n',
    replace: '',
    killedBy: {
      file: killer,
      test: 'a canary that warms up is not dark, and its step is not left until its pods were seen',
    },
    because: 'the pods that came with a step would meet the traffic of the next one unseen',
  },
];
