/** Exit codes: scripts branch on them, people read the line. */
export const exit = {
  /** Done as asked. */
  ok: 0,
  /** Refused, or it failed: the line says why. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** Nothing is wrong, but it is not done yet. */
  waiting: 3,
} as const;

export type ExitCode = (typeof exit)[keyof typeof exit];

export const EXIT_HELP = `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not done yet.`;

/** Something the user can act on: printed as one line, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  constructor(message: string, exitCode: ExitCode = exit.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
