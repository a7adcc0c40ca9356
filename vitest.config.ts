import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{packages,products,e2e,scripts,bench}/**/*.test.ts'],
    globalSetup: ['packages/server/test-support/global-setup.ts'],
    // Two workers: the tests share the machine with PostgreSQL and, in e2e, with the servers they start.
    maxWorkers: 2,
    // Generous, because a busy small machine may be ten times slower than a quiet one; nothing waits for its own sake.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
  },
});
