import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Poller, type PollerOptions } from './poller.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function poller(options: Partial<PollerOptions> = {}) {
  const looks: number[] = [];
  const made = new Poller({
    look: async () => void looks.push(performance.now()),
    everyMs: 1_000,
    log: pino({ level: 'silent' }),
    complaint: 'It failed.',
    ...options,
  });
  return { poller: made, looks };
}

test('it looks every so often, and goes on after a look that failed', async () => {
  let looks = 0;
  const { poller: one } = poller({ look: () => (looks++ === 0 ? Promise.reject(new Error('failed')) : Promise.resolve()) });
  one.start();
  await vi.advanceTimersByTimeAsync(3_500);
  expect(looks).toBe(3);
  await one.stop();
  await vi.advanceTimersByTimeAsync(3_500);
  expect(looks).toBe(3);
});

test('woken it looks at once, before its start not yet, and at its start then', async () => {
  const { poller: one, looks } = poller();
  one.wake();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(looks).toHaveLength(0);
  one.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(looks).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(10);
  one.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(looks).toHaveLength(2);
  await one.stop();
});

test('woken while it looks it looks once more afterwards, however often it was woken, and never twice at a time', async () => {
  const looks: PromiseWithResolvers<void>[] = [];
  const { poller: one } = poller({
    look: () => {
      const look = Promise.withResolvers<void>();
      looks.push(look);
      return look.promise;
    },
  });
  one.start();
  one.wake();
  await vi.advanceTimersByTimeAsync(0);
  for (let wakes = 0; wakes < 10; wakes++) one.wake();
  await vi.advanceTimersByTimeAsync(900);
  expect(looks).toHaveLength(1);
  looks[0]?.resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect(looks).toHaveLength(2);
  looks[1]?.resolve();
  await vi.advanceTimersByTimeAsync(900);
  expect(looks).toHaveLength(2);
  await one.stop();
});

test('looks that were asked for keep their distance', async () => {
  const { poller: one, looks } = poller({ apartMs: 10 });
  one.start();
  for (let ms = 0; ms < 100; ms++) {
    one.wake();
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(looks.length).toBeGreaterThan(5);
  for (const [index, at] of looks.entries()) if (index > 0) expect(at - (looks[index - 1] ?? 0)).toBeGreaterThanOrEqual(10);
  await one.stop();
});
