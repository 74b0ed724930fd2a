import { createJsonLog } from '#runtime/json-log.ts';
import { compose } from './compose.ts';
import { readConfig } from './config.ts';

/** The operator's process: configure, compose, run until a signal. */

function fail(message: string): never {
  process.stderr.write(`headgate: ${message}\n`);
  process.exit(2);
}

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) fail(`needs Node 24 or newer, this is ${process.versions.node}`);

function configure() {
  try {
    return readConfig(process.env);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

const config = configure();
const log = createJsonLog({ level: config.logLevel });

// A promise that nobody awaited is a bug whose state we do not know: start again from what is stored.
process.on('unhandledRejection', (reason) => {
  log.error('unhandled rejection', { error: reason instanceof Error ? reason.stack : String(reason) });
  process.exit(1);
});

const operator = await compose(config, log);
log.info('headgate runs', { url: operator.url, namespace: config.namespace ?? 'all', tickMs: config.tickMs });
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void operator.stop());
const ending = await operator.done;
// Who has lost the lease must not act any more, whatever is still under way: the process ends at once.
process.exit(ending === 'lost' ? 1 : 0);
