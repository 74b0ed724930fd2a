/** What one file of a test run came to, as vitest's JSON report says it. */
export interface FileResult {
  /** Path of the file. */
  name: string;
  status: 'passed' | 'failed';
  /** Set where the file itself failed, before any test of it. */
  message?: string;
  assertionResults: { fullName: string; status: string; failureMessages?: string[] | null }[];
}

/** Files that are played once more, each with what it failed on; or why nothing is. */
export type Second = { again: { file: string; why: string[] }[] } | { refused: string };

/** More than this many failing files are no mishap of a busy machine. */
const MOST = 2;

/** How vitest tells of a count of failed requests that should be 0, and our tests of a promise that was broken. */
const LOST = /AssertionError: .*\b(gateway|service|failed|overgrants): |violat|invariant/i;

/**
 * Which end-to-end files deserve a second attempt. They count real requests on a machine that anybody may share, and
 * wait for what usually comes. A unit test computes: there is nothing to try again. A lost request stays lost, whatever
 * the next run finds.
 */
export function secondAttempt(results: readonly FileResult[]): Second {
  const failed = results.filter(({ status }) => status === 'failed');
  const unit = failed.find(({ name }) => !/\/test\/(e2e|lab)\//.test(name));
  if (unit !== undefined) return { refused: `${unit.name} computes, and would fail again` };
  if (failed.length === 0) return { refused: 'no file failed' };
  if (failed.length > MOST)
    return { refused: `${failed.length} files failed, and at most ${MOST} are no fault of the code` };
  const again = failed.map((result) => ({ file: result.name, why: whyOf(result) }));
  const lost = again.find(({ why }) => why.some((line) => LOST.test(line)));
  return lost === undefined ? { again } : { refused: `${lost.file} lost a request or broke an invariant` };
}

function whyOf({ message, assertionResults }: FileResult): string[] {
  const tests = assertionResults.filter(({ status }) => status === 'failed');
  const lines = tests.map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages?.join('\n') ?? ''}`);
  return lines.length > 0 ? lines : [message ?? 'the file could not be played'];
}
