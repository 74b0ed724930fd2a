import picocolors from 'picocolors';
import { systemClock } from '#runtime/system-clock.ts';
import type { World } from './world.ts';

/** The terminal and the cluster of this process. What contacts the cluster is loaded only when it is asked for. */
export function processWorld(): World {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  const { stdout } = process;
  // A reader that closes early, as `head` does, is no failure of ours.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
  const size = stdout.isTTY ? { columns: stdout.columns, rows: stdout.rows } : {};
  return {
    out: {
      write: (text) => stdout.write(text),
      tty: stdout.isTTY === true,
      colour: picocolors.isColorSupported && stdout.isTTY === true,
      ...size,
    },
    err: (text) => process.stderr.write(text),
    errColour: picocolors.isColorSupported && process.stderr.isTTY === true,
    async read(name) {
      const { readText } = await import('./read.ts');
      return await readText(name);
    },
    clock: systemClock,
    signal: stop.signal,
    async connect(flags) {
      const { connect } = await import('./connect.ts');
      return await connect(flags, systemClock);
    },
    async serve(options) {
      const { serve } = await import('./serve.ts');
      return await serve(options, systemClock);
    },
  };
}
