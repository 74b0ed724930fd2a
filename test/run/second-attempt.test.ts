import { describe, expect, test } from 'vitest';
import { type FileResult, secondAttempt } from './second-attempt.ts';

const late = 'Error: waited 120 s for shop: promoted; last seen: the probe gave no answer';
const lost = 'AssertionError: expected { gateway: 3, service: +0 } to deeply equal { gateway: +0, service: +0 }';

function result(name: string, ...failures: string[]): FileResult {
  const status = failures.length > 0 ? 'failed' : 'passed';
  const assertionResults = failures.map((text) => ({ fullName: 'a test', status: 'failed', failureMessages: [text] }));
  return { name: `/repository/test/${name}`, status, assertionResults };
}

describe('which files are played a second time', () => {
  test.each([
    {
      name: 'what waited in vain',
      because: 'a busy machine makes waits long',
      results: [result('e2e/a.test.ts', late)],
    },
    {
      name: 'two files',
      because: 'a slow minute can meet the end of one and the start of the next',
      results: [result('e2e/a.test.ts', late), result('e2e/b.test.ts', late), result('e2e/c.test.ts')],
    },
    {
      name: 'a file whose lab did not start',
      because: 'it failed before any test of it',
      results: [{ ...result('e2e/a.test.ts', late), assertionResults: [], message: 'no port' }],
    },
  ])('$name, because $because', ({ results }) => {
    const second = secondAttempt(results);
    const failed = results.filter(({ status }) => status === 'failed').map(({ name }) => name);
    expect('again' in second && second.again.map(({ file }) => file)).toEqual(failed);
  });

  test.each([
    { name: 'a unit test', because: 'it computes', results: [result('core/a.test.ts', late)] },
    {
      name: 'an end-to-end file beside a unit test',
      because: 'the run is red anyway',
      results: [result('core/a.test.ts', late), result('e2e/a.test.ts', late)],
    },
    { name: 'a lost request', because: 'it stays lost', results: [result('e2e/a.test.ts', lost)] },
    {
      name: 'a lost request behind a wait',
      because: 'one of both is enough',
      results: [result('e2e/a.test.ts', late, lost)],
    },
    {
      name: 'a broken invariant',
      because: 'one is one too many',
      results: [result('e2e/a.test.ts', 'AssertionError: 1 violation: a raise past a newer fence')],
    },
    {
      name: 'three files',
      because: 'that many are no mishap',
      results: ['a', 'b', 'c'].map((name) => result(`e2e/${name}.test.ts`, late)),
    },
    { name: 'nothing that passed', because: 'there is nothing to try again', results: [result('e2e/a.test.ts')] },
  ])('never $name, because $because', ({ results }) => {
    expect(secondAttempt(results)).toHaveProperty('refused');
  });

  test('what it failed on is told', () => {
    const second = secondAttempt([result('e2e/a.test.ts', late)]);
    expect('again' in second && second.again[0]?.why).toEqual([`a test: ${late}`]);
  });
});
