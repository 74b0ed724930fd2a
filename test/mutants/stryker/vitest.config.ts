import { defineConfig } from 'vitest/config';

/** The tests of what is pure, as Stryker runs them. */
export default defineConfig({
  test: {
    include: ['test/core/**/*.test.ts', 'test/gates/**/*.test.ts', 'test/histories/**/*.test.ts'],
    testTimeout: 60_000,
  },
});
