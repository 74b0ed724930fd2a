/**
 * Programmer errors only. Operating conditions (clock skew, missing objects, conflicts) are values or
 * OperatorErrors: an assertion that a bad cluster or user can trip is a bug.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** Makes a switch exhaustive at compile time, and loud at run time. */
export function assertNever(value: never): never {
  throw new Error(`assertion failed: unexpected ${JSON.stringify(value)}`);
}
