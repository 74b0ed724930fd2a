/** One line of docs/benchmarks.md. Times in milliseconds. */
export interface Figure {
  what: string;
  /** What design asks for; – where it asks nothing. */
  target: string;
  /** Time that passed, and time that this process computed: on a busy machine the first is the larger. */
  p50: number;
  cpu: number;
  worst: number;
  rounds: number;
}

/** Runs `round` with its number, first some times unmeasured. With few rounds a p99 would only be the worst again. */
export function measure(round: (index: number) => void, { warm, rounds }: { warm: number; rounds: number }) {
  const times: number[] = [];
  const computed: number[] = [];
  for (let index = 0; index < warm + rounds; index++) {
    const before = process.cpuUsage();
    const began = performance.now();
    round(index);
    const took = performance.now() - began;
    const { user, system } = process.cpuUsage(before);
    if (index < warm) continue;
    times.push(took);
    computed.push((user + system) / 1000);
  }
  return { p50: middle(times), cpu: middle(computed), worst: Math.max(...times), rounds };
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
