import { defineConfig } from 'vitest/config';

/** Two projects: what needs no cluster, and what needs the lab (`test/e2e`, run by its own Make target). */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/e2e/**', 'test/lab/**'] } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/lab/**/*.test.ts'],
          globalSetup: ['test/e2e/setup.ts'],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          pool: 'forks',
        },
      },
    ],
  },
});
