import { exit } from './exit.ts';
import { processWorld } from './process-world.ts';
import { run } from './program.ts';

/** `kubectl headgate`: parse, dispatch, exit code. */
try {
  process.exitCode = await run(process.argv.slice(2), processWorld());
} catch (error) {
  // A reader that closes early, as `head` does, is no failure of ours.
  if (error instanceof Error && 'code' in error && error.code === 'EPIPE') process.exit(exit.ok);
  throw error;
}
