import { setTimeout as after } from 'node:timers/promises';

/** Tries until `check` no longer throws. The bound is for a machine that is very busy, not for the rule under test. */
export async function eventually<Result>(check: () => Result | Promise<Result>, timeoutMs = 20_000): Promise<Result> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
      await after(10);
    }
  }
}
