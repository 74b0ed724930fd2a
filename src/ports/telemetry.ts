/** Metrics by name. The registry (names, help, units, labels) is data: `src/operator/metrics.ts`. */
export interface Telemetry {
  /** Adds to a counter. */
  count(name: string, labels?: Record<string, string>, by?: number): void;
  /** Sets a gauge. */
  gauge(name: string, value: number, labels?: Record<string, string>): void;
  /** Puts one observation into a histogram. */
  observe(name: string, value: number, labels?: Record<string, string>): void;
}
