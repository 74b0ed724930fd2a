import { defineConfig } from 'vitest/config';

/**
 * The tests of what is pure, as Stryker runs them. Left out are those that play hundreds of releases: they cost as much as
 * all others together, for each mutant that they reach. So the score says what is noticed at least.
 */
export default defineConfig({
  test: {
    include: ['test/core/**/*.test.ts', 'test/gates/**/*.test.ts', 'test/histories/**/*.test.ts'],
    exclude: ['test/core/chaos.test.ts', 'test/gates/simulation.test.ts', 'test/gates/latency-simulation.test.ts'],
    testTimeout: 60_000,
  },
});
