import type { Mutant } from './mutant.ts';

const file = 'test/core/approval.test.ts';
const law = { file, test: 'law: no raise past a step that people have not approved, whatever is lost' };

const placesFile = 'test/core/places.test.ts';
const arrival = { file: placesFile, test: 'places are given by arrival' };
const paused = {
  file: placesFile,
  test: 'one that is paused at weight 0 keeps nobody waiting, and asks again when it goes on',
};

/** Mutants of what people say, approvals, and of the queue that people stand in. */
export const people: readonly Mutant[] = [
  {
    name: 'a step is left with people missing',
    breaks: 22,
    file: 'src/core/advance.ts',
    find: '  if (unapproved !== undefined) return unapproved;',
    replace: '',
    killedBy: law,
    because: 'an approval would be a comment',
  },
  {
    name: 'the author approves their own change',
    breaks: 22,
    file: 'src/core/approval.ts',
    find: 'if (asked.notAuthor && release?.author !== undefined && isAuthor(by, release.author))',
    replace: 'if (release?.author === null)',
    killedBy: law,
    because: 'two eyes are not four',
  },
  {
    name: 'groups are not asked for',
    breaks: 22,
    file: 'src/core/approval.ts',
    find: 'if (asked.groups.length > 0 && !groups.some((group) => asked.groups.includes(group)))',
    replace: 'if (groups === null)',
    killedBy: law,
    because: 'anybody could stand in for the people who answer for it',
  },
  {
    name: 'one person counts as often as they speak',
    breaks: 22,
    file: 'src/core/approval.ts',
    find: 'if (before?.people.some((person) => person.by === by)) return',
    replace: 'if (before === null) return',
    killedBy: law,
    because: 'a minimum of two is a minimum of two clicks',
  },
  {
    name: 'approvals outlive the images they were given for',
    breaks: 22,
    file: 'src/core/approval.ts',
    find: 'return unseen(approvals.digests, release, seen).length === 0 ? approvals.people : [];',
    replace: 'return approvals.people;',
    killedBy: { file, test: 'asks again when other images run' },
    because: 'whoever moves a tag after the last word is past all of them',
  },
  {
    name: 'approvals outlive their attempt',
    breaks: 22,
    file: 'src/core/approval.ts',
    find: 'if (approvals.attempt !== attempt || approvals.step !== step) return [];',
    replace: 'if (approvals.step !== step) return [];',
    killedBy: { file, test: 'asks again after a resume that is a new attempt' },
    because: 'nobody has said yes to what failed since',
  },
  {
    name: 'in-cluster clients meet what nobody approved',
    breaks: 22,
    file: 'src/core/promote.ts',
    find: 'return unapproved ?? joining(',
    replace: 'return joining(',
    killedBy: { file, test: 'another image in the middle of the promotion asks again' },
    because: 'the promotion is the largest raise of all',
  },
  {
    name: 'as many releases as like begin at once',
    breaks: 23,
    file: 'src/core/places.ts',
    find: 'return admitted(line, places).has(own) ? undefined :',
    replace: 'return line.length > 0 ? undefined :',
    killedBy: {
      file: placesFile,
      test: 'law: never more than the limit have begun, whatever is lost, and all get their turn',
    },
    because: 'whoever set a limit knows what the cluster carries',
  },
  {
    name: 'the queue goes by name',
    breaks: 23,
    file: 'src/core/places.ts',
    find: 'rank[a.stands] - rank[b.stands] || a.since - b.since ||',
    replace: 'rank[a.stands] - rank[b.stands] ||',
    killedBy: arrival,
    because: 'the last of the alphabet would wait for ever',
  },
  {
    name: 'a paused release at weight 0 keeps its place',
    breaks: 23,
    file: 'src/operator/places.ts',
    find: "  if (state['phase'] !== 'Progressing') return undefined;\n",
    replace: '',
    killedBy: paused,
    because: 'one bad release on a Friday would hold everybody until Monday',
  },
  {
    name: 'a place is given away twice before the cache shows the first',
    breaks: 23,
    file: 'src/operator/places.ts',
    find: 'decided.set(key, {',
    replace: 'void ({',
    killedBy: {
      file: 'test/operator/places.test.ts',
      test: 'what was decided counts at once, until the cache shows more than it was decided on',
    },
    because: 'eight workers decide within one millisecond',
  },
];
