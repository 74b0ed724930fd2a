/** Signals to processes that the test started itself, one by one and by pid. */

/** SIGKILL: the process ends between two instructions. */
export function killHard(pid: number): void {
  signal(pid, 'SIGKILL');
}

/** SIGSTOP: its connections stay open and nobody answers on them. */
export function freeze(pid: number): void {
  signal(pid, 'SIGSTOP');
}

/** SIGCONT: it goes on with whatever it believed when it was frozen. */
export function thaw(pid: number): void {
  signal(pid, 'SIGCONT');
}

function signal(pid: number, name: NodeJS.Signals): void {
  // 0 and negative numbers are whole process groups, 1 is the machine.
  if (!Number.isInteger(pid) || pid < 2) throw new Error(`pid ${pid} is not one process that a test may signal`);
  process.kill(pid, name);
}
