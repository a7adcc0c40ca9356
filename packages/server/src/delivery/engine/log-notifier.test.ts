import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LogNotifier } from './log-notifier.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function counted(send: () => Promise<void> = async () => {}) {
  let sent = 0;
  const notifier = new LogNotifier(() => {
    sent++;
    return send();
  });
  return { notifier, sent: () => sent };
}

test('the first notification is sent at once, and all that follow soon after it become one', () => {
  const { notifier, sent } = counted();
  notifier.notify();
  expect(sent()).toBe(1);
  for (let call = 0; call < 100; call++) notifier.notify();
  expect(sent()).toBe(1);
  vi.advanceTimersByTime(1_000);
  expect(sent()).toBe(2);
  notifier.notify();
  expect(sent()).toBe(3);
});

test('at most a hundred notifications a second are sent', () => {
  const { notifier, sent } = counted();
  for (let ms = 0; ms < 1_000; ms++) {
    notifier.notify();
    vi.advanceTimersByTime(1);
  }
  expect(sent()).toBeGreaterThan(50);
  expect(sent()).toBeLessThanOrEqual(101);
});

test('a failed notification is ignored, and nothing is sent after a stop', async () => {
  const { notifier, sent } = counted(() => Promise.reject(new Error('The database is gone.')));
  notifier.notify();
  notifier.notify();
  await vi.advanceTimersByTimeAsync(100);
  expect(sent()).toBe(2);
  notifier.notify();
  notifier.notify();
  notifier.stop();
  vi.advanceTimersByTime(1_000);
  expect(sent()).toBe(3);
});
