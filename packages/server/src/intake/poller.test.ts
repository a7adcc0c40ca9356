import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Poller, type PollerOptions } from './poller.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function poller(options: Partial<PollerOptions> = {}) {
  const polls: number[] = [];
  const made = new Poller({
    poll: async () => void polls.push(performance.now()),
    everyMs: 1_000,
    log: pino({ level: 'silent' }),
    errorMessage: 'It failed.',
    ...options,
  });
  return { poller: made, polls };
}

test('polls at intervals, and continues after a poll that failed', async () => {
  let polls = 0;
  const { poller: one } = poller({ poll: () => (polls++ === 0 ? Promise.reject(new Error('failed')) : Promise.resolve()) });
  one.start();
  await vi.advanceTimersByTimeAsync(3_500);
  expect(polls).toBe(3);
  await one.stop();
  await vi.advanceTimersByTimeAsync(3_500);
  expect(polls).toBe(3);
});

test('wake polls at once; before start it only makes start poll at once', async () => {
  const { poller: one, polls } = poller();
  one.wake();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(polls).toHaveLength(0);
  one.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(polls).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(10);
  one.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(polls).toHaveLength(2);
  await one.stop();
});

test('wakes during a poll cause one more poll after it, and polls never overlap', async () => {
  const polls: PromiseWithResolvers<void>[] = [];
  const { poller: one } = poller({
    poll: () => {
      const poll = Promise.withResolvers<void>();
      polls.push(poll);
      return poll.promise;
    },
  });
  one.start();
  one.wake();
  await vi.advanceTimersByTimeAsync(0);
  for (let wakes = 0; wakes < 10; wakes++) one.wake();
  await vi.advanceTimersByTimeAsync(900);
  expect(polls).toHaveLength(1);
  polls[0]?.resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect(polls).toHaveLength(2);
  polls[1]?.resolve();
  await vi.advanceTimersByTimeAsync(900);
  expect(polls).toHaveLength(2);
  await one.stop();
});

test('requested polls keep the minimum distance', async () => {
  const { poller: one, polls } = poller({ apartMs: 10 });
  one.start();
  for (let ms = 0; ms < 100; ms++) {
    one.wake();
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(polls.length).toBeGreaterThan(5);
  for (const [index, at] of polls.entries()) if (index > 0) expect(at - (polls[index - 1] ?? 0)).toBeGreaterThanOrEqual(10);
  await one.stop();
});
