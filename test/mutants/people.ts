import type { Mutant } from './mutant.ts';

const file = 'test/core/approval.test.ts';
const law = { file, test: 'law: no raise past a step that people have not approved, whatever is lost' };

/** Mutants of what people say: approvals. */
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
];
