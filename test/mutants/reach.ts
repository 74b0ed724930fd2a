import type { Mutant } from './mutant.ts';

const coreTest = 'test/core/reach.test.ts';
const companionsTest = 'test/operator/companions.test.ts';
const rulesTest = 'test/routers/reach.test.ts';
const routeTest = 'test/routers/http-route.test.ts';
const laws = 'test/routers/reach-laws.ts';

/** Mutants of steps without a weight, and of routes whose split stands in an object of ours. */
export const reach: readonly Mutant[] = [
  {
    name: 'a fence is planted past a grant without weight',
    breaks: 3,
    file: 'src/core/diff.ts',
    find: 'return weight === 0 && reach === undefined;\n}\n\n/**\n * Somebody is sent',
    replace: 'return weight === 0;\n}\n\n/**\n * Somebody is sent',
    killedBy: { file: coreTest, test: 'matched users, then copies, then a share of everybody' },
    because: 'nobody would ever be matched: the raise would find its own number used up',
  },
  {
    name: 'only weights are lowered',
    breaks: 5,
    file: 'src/core/diff.ts',
    find: '(isAbove(route, wish.weight) || reachesTooFar(route, wish, release))',
    replace: 'isAbove(route, wish.weight)',
    killedBy: { file: coreTest, test: 'users whom nobody granted are taken out at once, and the step stays' },
    because: 'whom somebody else matched would stay on the canary',
  },
  {
    name: 'a lowering has a number that no record has',
    breaks: 5,
    file: 'src/core/decide.ts',
    find: 'numbered(transition(state, seen, now), seen)',
    replace: 'transition(state, seen, now)',
    killedBy: { file: coreTest, test: 'hand-matched users leave after a weight' },
    because: 'whom somebody matches by hand after it would stay on a canary that nobody has tried',
  },
  {
    name: 'a lowering whose record was lost keeps its number to itself',
    breaks: 5,
    file: 'src/core/routes.ts',
    find: 'return routesSend(seen) || top === release.n ? state :',
    replace: 'return release.n >= 0 ? state :',
    killedBy: { file: coreTest, test: 'hand-matched users leave after a loss' },
    because: 'its fence would pass for the grant of a newer record',
  },
  {
    name: 'matched users beside a weight pass for a newer grant',
    breaks: 5,
    file: 'src/core/routes.ts',
    find: 'weight === given && (reach === undefined || weight === 0)',
    replace: 'weight === given',
    killedBy: { file: coreTest, test: 'hand-matched users leave beside a weight' },
    because: 'after any lowering they would stay for as long as the step does',
  },
  {
    name: 'matched users that were taken back count as there',
    breaks: 6,
    file: 'src/core/routes.ts',
    find: '(route.weight === release.weight && reachesAll(route, release))',
    replace: 'route.weight === release.weight',
    killedBy: {
      file: coreTest,
      test: 'matched users whom somebody takes back are not matched again, and the message names who',
    },
    because: 'the release would hold a step that sends nobody, and tell nobody',
  },
  {
    name: 'the first share of everybody asks nothing of stable',
    breaks: 2,
    file: 'src/core/advance.ts',
    find: 'if (rung.reach !== undefined && !at.judgement.ready',
    replace: 'if (rung.reach !== undefined && false && !at.judgement.ready',
    killedBy: { file: coreTest, test: '$name: $because' },
    because: 'a few matched users would be a way around the first raise',
  },
  {
    name: 'matched rules are known by what they were made of alone',
    breaks: 5,
    file: 'src/routers/reach-rules.ts',
    find: "if (MATCHED.test(rule.name ?? '')) return true;",
    replace: '',
    killedBy: {
      file: rulesTest,
      test: 'a matched rule that was $name goes with the next lowering: $because',
    },
    because: 'whoever edits the rule of ours would leave its users on the canary for ever',
  },
  {
    name: "a rule of the user's is taken for ours",
    breaks: 1,
    file: 'src/routers/reach-rules.ts',
    find: 'if (rule.name !== undefined || isKnown(rule, sight)) return false;',
    replace: 'if (rule.name !== undefined) return false;',
    killedBy: { file: rulesTest, test: 'a rule of the user that a person pointed at the canary comes back as theirs' },
    because: 'a lowering would delete a rule of the user',
  },
  {
    name: 'a lowering leaves the matched rule behind',
    breaks: 5,
    file: 'src/routers/gateway-reach.ts',
    find: "isBare(bared) ? [] : [{ op: 'replace', path, value: bared.rules }]",
    replace: '[]',
    killedBy: {
      file: routeTest,
      test: '9: what follows leaves nothing of it, and rest is the text of the user',
      writtenIn: laws,
    },
    because: 'rest would not be the text of the user',
  },
  {
    name: 'a raise makes a deleted companion again',
    breaks: 6,
    file: 'src/operator/companions.ts',
    find: '!raise && weight === 0 && place.store',
    replace: 'place.store',
    killedBy: {
      file: companionsTest,
      test: 'one that somebody deleted is a route without a fence, and no raise makes it again',
    },
    because: 'whoever deletes the canary Ingress takes the traffic back',
  },
  {
    name: 'a companion is taken by its name alone',
    breaks: 14,
    file: 'src/operator/companions.ts',
    find: 'if (ours === undefined || !isOurs(ours, rollout)) return;',
    replace: 'if (ours === undefined) return;',
    killedBy: {
      file: companionsTest,
      test: "a stranger's Ingress of the name is a conflict, and nothing is done to it",
    },
    because: 'the Ingress of somebody else would be deleted',
  },
  {
    name: 'a companion stays when its release has ended',
    breaks: 14,
    file: 'src/operator/apply.ts',
    find: 'if (place.origin !== undefined) return removeCompanion(api, rollout, place);',
    replace: 'if (place.origin !== undefined) return;',
    killedBy: {
      file: companionsTest,
      test: 'ours is made at weight 0 with the fence, carries the weight, and goes with the fence',
    },
    because: 'deletion would leave an Ingress behind',
  },
  {
    name: 'a canary weight without its total',
    breaks: 1,
    file: 'src/routers/nginx-ingress.ts',
    find: 'Number(weight) / Number(total)',
    replace: 'Number(weight) / WHOLE',
    killedBy: { file: 'test/routers/nginx-ingress.test.ts', test: 'weight: $name' },
    because: "a person's 20 % would be read as nothing",
  },
  {
    name: 'a gateway is asked to copy what it says that it cannot',
    breaks: 1,
    file: 'src/operator/reach-check.ts',
    find: ' ?? lacks(object, reach)',
    replace: '',
    killedBy: {
      file: 'test/operator/gateway-features.test.ts',
      test: 'a step of copies is refused before a canary pod exists where the gateway cannot copy',
    },
    because: 'a gateway that accepts the rule may answer 500 to everybody',
  },
];
