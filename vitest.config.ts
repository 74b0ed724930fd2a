import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * Two projects in one run: what needs no cluster, then what needs the lab. One after the other, because a unit test
 * that computes on both cores would starve the traffic whose requests the end-to-end tests count.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // Laws over hundreds of worlds take seconds on a busy machine; the limit only ends what hangs.
          testTimeout: 60_000,
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/lab/**'],
          // With one worker, which is the default on two cores, vitest would run this group last.
          maxWorkers: Math.max(2, availableParallelism()),
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/lab/**/*.test.ts'],
          globalSetup: ['test/e2e/setup.ts'],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          pool: 'forks',
          sequence: { groupOrder: 1 },
          // One file at a time: within each file releases run side by side already, and a third of them on two
          // cores starves scrapes and leases, whose silence the tests would then report.
          maxWorkers: 1,
        },
      },
    ],
  },
});
