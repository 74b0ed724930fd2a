/**
 * The load source as a process inside the lab's network namespace.
 *
 *   node test/lab/load/main.ts --config FILE      or the same JSON on standard input
 *
 * Config: `{ rate, gateway?, service?, maxFailures?, kubeconfig? | server?, token?, ca?, control?, printEveryMs? }`,
 * where gateway and service are those of load.ts, and the API server is needed for `service` alone.
 *
 * Prints `{"ready":true,"control":…}`, then every `printEveryMs` [1000] one JSON line with the counts so far.
 * Control port: `GET /report`, `GET /failures`, `GET /peers`, `POST /stop` (waits for what is in flight, answers with
 * the last report; the process exits after it).
 */

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { systemClock } from '#runtime/system-clock.ts';
import { createLabClient } from '../kubelet/client.ts';
import { openControl, readArguments, readConnection, stopOnSignal } from '../kubelet/process.ts';
import { type LoadSpec, startLoad } from './load.ts';

const tuning = {
  rate: z.number().positive().optional(),
  path: z.string().startsWith('/').optional(),
  headers: z.record(z.string(), z.string()).optional(),
  connections: z.int().positive().optional(),
  maxConnections: z.int().positive().optional(),
  renewAfterRequests: z.int().positive().optional(),
  renewAfterMs: z.number().positive().optional(),
  timeoutMs: z.number().positive().optional(),
};

const schema = z.strictObject({
  rate: z.number().positive(),
  gateway: z.strictObject({ url: z.string(), host: z.string().optional(), ...tuning }).optional(),
  service: z
    .strictObject({ namespace: z.string(), name: z.string(), port: z.string().optional(), ...tuning })
    .optional(),
  maxFailures: z.int().positive().optional(),
  kubeconfig: z.string().optional(),
  server: z.string().optional(),
  token: z.string().optional(),
  ca: z.string().optional(),
  control: z.string().optional(),
  printEveryMs: z.number().positive().optional(),
});

const flags = readArguments(['config']);
const config = schema.parse(JSON.parse(readFileSync(flags.config ?? 0, 'utf8')));
const connection = config.service === undefined ? undefined : readConnection(withoutUndefined(config));
const kube = connection === undefined ? undefined : createLabClient(connection);
const spec: LoadSpec = { ...config, clock: systemClock, watch: kube?.watch };
const load = startLoad(spec);

let stopping: ReturnType<typeof load.stop> | undefined;
const stop = () => {
  stopping ??= load.stop();
  return stopping;
};
const control = await openControl(config.control ?? '127.0.0.1:0', {
  'GET /report': () => load.report(),
  'GET /failures': () => load.failures(),
  'GET /peers': () => ({ gateway: load.peers('gateway'), service: load.peers('service') }),
  'POST /stop': async () => {
    const report = await stop();
    setImmediate(() => process.kill(process.pid, 'SIGTERM'));
    return report;
  },
});
print({ ready: true, control: control.address });
setInterval(() => {
  const { offered, inFlight, retried, failed } = load.report();
  print({ at: systemClock.now(), offered, inFlight, retried, failed });
}, config.printEveryMs ?? 1000);
stopOnSignal(async () => {
  await stop();
  await kube?.close();
});

function print(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}
