import { performance } from 'node:perf_hooks';
import { expect, it, vi } from 'vitest';
import { EventLoopLoad } from './event-loop-load.ts';

it('a loop is saturated above 85 %, and stays so until below 70 %', () => {
  let now = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  try {
    const total = { idle: 0, active: 0, utilization: 0 };
    const load = new EventLoopLoad(() => ({ ...total }));
    const after = (busyMs: number): boolean => {
      total.active += busyMs;
      total.idle += 100 - busyMs;
      now += 100;
      return load.saturated;
    };
    const saturated = [10, 80, 84, 90, 80, 71, 100, 69, 80, 86].map(after);
    expect(saturated).toEqual([false, false, false, true, true, true, true, false, false, true]);
  } finally {
    clock.mockRestore();
  }
});
