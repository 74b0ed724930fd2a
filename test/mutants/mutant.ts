/** A text in place of another one. */
export interface Change {
  file: string;
  /** Occurs exactly once in the file. */
  find: string;
  replace: string;
}

/** A change that breaks a promise, and the test that has to notice. */
export interface Mutant extends Change {
  /** Unique, a few words: what the broken code does. */
  name: string;
  /** The number of an invariant in ARCHITECTURE.md, or the guarantee of a gate. */
  breaks: number | 'false stops' | 'false passes' | 'evidence' | 'silence';
  /** Made with it, in another file: a second protection that would hide the loss of the first one. */
  also?: Change;
  killedBy: Killer;
  /** What users would meet. */
  because: string;
}

export interface Killer {
  file: string;
  /** Title as it is written in the source; `$name` and `%s` stand for any text. */
  test: string;
  /** Where the title is written, when it is not `file`. */
  writtenIn?: string;
}

/** All that a mutant changes, each with its name. */
export function changesOf({ name, file, find, replace, also }: Mutant): (Change & Pick<Mutant, 'name'>)[] {
  return [{ name, file, find, replace }, ...(also === undefined ? [] : [{ name, ...also }])];
}

/** Pattern for `vitest -t`, and for the full names of its report. */
export function patternOf({ test }: Killer): string {
  return test.replace(/[.*+?^{}()|[\]\\]/g, '\\$&').replace(/\$[\w.]+|%[a-z]/g, '.*');
}

/** Titles are written with escaped quotes in the source. */
export function isWritten({ test }: Killer, source: string): boolean {
  return source.includes(`'${test.replaceAll("'", "\\'")}'`) || source.includes(`"${test}"`);
}
