import { type Killer, patternOf } from './mutant.ts';

/** What vitest's JSON reporter says of one file, as far as it is read here. */
export interface FileReport {
  name: string;
  message: string;
  assertionResults: { title: string; status: string; failureMessages?: string[] | null }[];
}

export type Fate =
  | { kind: 'killed'; by: string }
  /** Every named test still passes. */
  | { kind: 'survived' }
  /** It failed, but not by an assertion: the mutant is no program, or the test is not there. */
  | { kind: 'broken'; why: string };

/** Failures that say something about behaviour: an expectation, a law with its counterexample, a world that never arrives. */
const ASSERTION = /AssertionError|instead of rejecting|Property failed after|not reached within/;

/** Failures that any nonsense in the code would cause. */
const NONSENSE = /SyntaxError|ReferenceError|is not a function|is not defined|Cannot read propert|Transform failed/;

/** Did the named test notice? Pure. */
export function fateOf(killer: Killer, reports: readonly FileReport[]): Fate {
  const titles = new RegExp(`^${patternOf(killer)}$`);
  const failedToLoad = reports.find(({ assertionResults, message }) => assertionResults.length === 0 && message !== '');
  if (failedToLoad !== undefined) return { kind: 'broken', why: firstLine(failedToLoad.message) };
  const named = reports.flatMap(({ assertionResults }) => assertionResults).filter(({ title }) => titles.test(title));
  if (named.length === 0) return { kind: 'broken', why: `no test is named like "${killer.test}"` };
  const failed = named.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return { kind: 'survived' };
  const messages = failed.flatMap(({ failureMessages }) => failureMessages ?? []);
  const telling = messages.find((message) => ASSERTION.test(message) && !NONSENSE.test(message));
  if (telling === undefined) return { kind: 'broken', why: firstLine(messages[0] ?? 'it failed without a message') };
  return { kind: 'killed', by: firstLine(telling) };
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 160);
}
