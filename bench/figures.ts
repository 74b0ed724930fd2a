/** One line of docs/benchmarks.md. Times in milliseconds. */
export interface Figure {
  what: string;
  /** What design asks for; – where it asks nothing. */
  target: string;
  p50: number;
  worst: number;
  rounds: number;
}

/** The middle and the worst: with few rounds a p99 would only be another name for the worst. */
export function summarise(times: readonly number[]): Pick<Figure, 'p50' | 'worst' | 'rounds'> {
  const sorted = [...times].sort((a, b) => a - b);
  return { p50: sorted[sorted.length >> 1] ?? 0, worst: sorted.at(-1) ?? 0, rounds: sorted.length };
}
