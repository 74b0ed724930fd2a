import { processWorld } from './process-world.ts';
import { run } from './program.ts';

/** `kubectl headgate`: parse, dispatch, exit code. */
process.exitCode = await run(process.argv.slice(2), processWorld());
