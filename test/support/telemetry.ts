import type { Telemetry } from '#ports/telemetry.ts';

export interface RecordedTelemetry extends Telemetry {
  /** Sum of a counter over the label sets that contain `labels`. */
  total(name: string, labels?: Record<string, string>): number;
  /** The last value of a gauge. */
  last(name: string): number | undefined;
}

/** Telemetry that can be asked what it was told. */
export function recordTelemetry(): RecordedTelemetry {
  const counts: { name: string; labels: Record<string, string>; by: number }[] = [];
  const gauges = new Map<string, number>();
  return {
    count: (name, labels = {}, by = 1) => counts.push({ name, labels, by }),
    gauge: (name, value) => gauges.set(name, value),
    observe: () => undefined,
    total: (name, labels = {}) =>
      counts
        .filter(
          (entry) => entry.name === name && Object.entries(labels).every(([key, value]) => entry.labels[key] === value),
        )
        .reduce((sum, { by }) => sum + by, 0),
    last: (name) => gauges.get(name),
  };
}
