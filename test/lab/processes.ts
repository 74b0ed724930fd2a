import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Place, removalScript } from './network.ts';
import { waitFor } from './wait.ts';

/** A long-running process of the lab. Flags stand one per line, the reason of a surprising one beside it. */
export interface ProcessSpec {
  readonly name: string;
  readonly argv: readonly string[];
}

/**
 * Starts a command inside the lab. The child's pid is the command itself: both wrappers replace themselves.
 *
 * setpriv makes the kernel kill the command when the thread that started it ends, even by SIGKILL.
 */
export function spawnInside(
  { netns }: Pick<Place, 'netns'>,
  argv: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  return spawnBound([...enter(netns), ...argv], options);
}

/** Starts a command whose life is bound to the thread that starts it. Needs no rights. */
export function spawnBound(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], options);
}

function enter(netns: string): string[] {
  return ['nsenter', `--net=/run/netns/${netns}`, '--'];
}

/** Starts a process of the lab itself and writes down how, so that any test can stop it and start it again. */
export function startProcess(place: Place, { name, argv }: ProcessSpec): void {
  const log = openSync(logFile(place, name), 'a');
  const [command = '', ...args] = [...enter(place.netns), ...argv];
  // Not bound to its starter's life: a test that restarts Prometheus may end before the lab does. The watchdog
  // ends everything inside. Its own session, so that Ctrl-C reaches the test and not the lab under it.
  const child = spawn(command, args, { stdio: ['ignore', log, log], cwd: place.dir, detached: true });
  closeSync(log);
  child.unref();
  writeFileSync(stateFile(place, name), JSON.stringify({ name, argv, pid: child.pid }));
}

/** Stops a process and waits until it is gone; SIGTERM lets it write its data, SIGKILL is a crash. */
export async function stopProcess(place: Place, name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  signalProcess(place, name, signal);
  await waitFor(`${name} to end after ${signal}`, async () => (alive(place, name) ? undefined : true));
}

/** Starts a stopped process again with the flags and data it had. */
export function restartProcess(place: Place, name: string): void {
  if (alive(place, name)) throw new Error(`${name} still runs: stop it before it is started again`);
  startProcess(place, readState(place, name));
}

export function signalProcess(place: Place, name: string, signal: NodeJS.Signals): void {
  process.kill(readState(place, name).pid, signal);
}

/** For `given` of waitFor: a dead process ends the wait with the end of its log. */
export function deathOf(place: Place, name: string): string | undefined {
  return alive(place, name)
    ? undefined
    : `${name} has exited; the end of ${logFile(place, name)}:\n${tail(place, name)}`;
}

/** A killed child stays a zombie until its parent reaps it; a zombie serves nothing and counts as gone. */
function alive(place: Place, name: string): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${readState(place, name).pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function readState(place: Place, name: string): ProcessSpec & { readonly pid: number } {
  const file = stateFile(place, name);
  if (!existsSync(file)) throw new Error(`the lab has no process named ${name}: there is no ${file}`);
  return JSON.parse(readFileSync(file, 'utf8'));
}

function stateFile({ dir }: Place, name: string): string {
  return join(dir, `${name}.process.json`);
}

export function logFile({ dir }: Place, name: string): string {
  return join(dir, `${name}.log`);
}

/** The last lines of a log; what a failed start prints. */
export function tail(place: Place, name: string, lines = 15): string {
  const file = logFile(place, name);
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .slice(-lines)
        .map((line) => line.slice(0, 300))
        .join('\n')
    : '(no log)';
}

/** Ends the lab: at once when `release` is called, or when the process that holds the watchdog dies. */
export interface Watchdog {
  release(): Promise<void>;
}

/**
 * A shell that blocks on a pipe from us. The kernel closes the pipe when we end, however we end, and then
 * the shell removes the namespace with everything in it.
 */
export function startWatchdog({ netns }: Place): Watchdog {
  const script = `cat >/dev/null\n${removalScript(netns)}`;
  const shell = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  const gone = new Promise<void>((resolve) => shell.once('close', () => resolve()));
  // The pipe must not keep a finished test process alive: its end is the very signal.
  shell.unref();
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref();
  return {
    async release() {
      shell.ref();
      shell.stdin.end();
      await gone;
    },
  };
}
