/** A source of randomness: uniform in [0, 1). Seeded in tests and simulation. */
export type Random = () => number;
