/**
 * The write-counting proxy as a process inside the lab's network namespace.
 *
 *   node test/lab/proxy/main.ts --kubeconfig FILE | --server URL --ca FILE  [--clients a,b] [--address 127.0.0.1]
 *     [--port 0] [--cert FILE --key FILE] [--control 0.0.0.0:0]
 *
 * With the API server's own certificate and key the address has to be the lab's own: the certificate names no other.
 * Prints `{"ready":true,"control":…,"urls":{"a":…}}`. Control port:
 *   GET  /writes   counts and writes of every client
 *   POST /at       {client, write, when: before|after, signal?: SIGKILL|SIGSTOP|SIGCONT, pid?, drop?: boolean}
 *                  `drop` defaults to true with SIGKILL, else to false
 *   GET  /hits     the rules that have acted, with their writes
 *   POST /signal   {pid, signal} at once: freeze or wake a process
 *   POST /reset    counts from 0, no rules
 */

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { openControl, readArguments, readConnection, stopOnSignal } from '../kubelet/process.ts';
import { freeze, killHard, thaw } from './pids.ts';
import { startProxy, type Write } from './proxy.ts';

const flags = readArguments(['kubeconfig', 'server', 'ca', 'clients', 'address', 'port', 'cert', 'key', 'control']);
const clients = (flags.clients ?? 'client').split(',');
const tls =
  flags.cert === undefined || flags.key === undefined
    ? {}
    : { tls: { cert: readFileSync(flags.cert, 'utf8'), key: readFileSync(flags.key, 'utf8') } };
const { server, ca } = readConnection(flags);
const proxy = await startProxy({
  target: { server, ca },
  clients,
  address: flags.address ?? '127.0.0.1',
  port: Number(flags.port ?? 0),
  ...tls,
});

const signals = { SIGKILL: killHard, SIGSTOP: freeze, SIGCONT: thaw };
const signalSchema = z.strictObject({ pid: z.int().min(2), signal: z.enum(['SIGKILL', 'SIGSTOP', 'SIGCONT']) });
const ruleSchema = z.strictObject({
  client: z.string().default(clients[0] ?? ''),
  write: z.int().positive(),
  when: z.enum(['before', 'after']),
  signal: signalSchema.shape.signal.optional(),
  pid: signalSchema.shape.pid.optional(),
  drop: z.boolean().optional(),
});
const hits: { rule: z.infer<typeof ruleSchema>; write: Write }[] = [];

const control = await openControl(flags.control ?? '127.0.0.1:0', {
  'GET /writes': () =>
    Object.fromEntries(clients.map((name) => [name, { count: proxy.count(name), writes: proxy.writes(name) }])),
  'GET /hits': () => hits,
  'POST /at': (body) => arm(ruleSchema.parse(body)),
  'POST /signal': (body) => {
    const { pid, signal } = signalSchema.parse(body);
    signals[signal](pid);
  },
  'POST /reset': () => {
    proxy.reset();
    hits.length = 0;
  },
});
const urls = Object.fromEntries(clients.map((name) => [name, proxy.url(name)]));
process.stdout.write(`${JSON.stringify({ ready: true, control: control.address, urls })}\n`);
stopOnSignal(async () => {
  await proxy.close();
  await control.close();
});

function arm(rule: z.infer<typeof ruleSchema>): void {
  const { client, write, when, signal, pid, drop = signal === 'SIGKILL' } = rule;
  if ((signal === undefined) !== (pid === undefined)) throw new Error('`signal` and `pid` go together');
  proxy.at({
    client,
    write,
    when,
    act(seen) {
      if (signal !== undefined && pid !== undefined) signals[signal](pid);
      hits.push({ rule, write: { ...seen } });
      return drop ? 'drop' : 'pass';
    },
  });
}
