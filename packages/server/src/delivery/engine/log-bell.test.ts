import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LogBell } from './log-bell.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function bell(tell: () => Promise<void> = async () => {}) {
  let told = 0;
  const made = new LogBell(() => {
    told++;
    return tell();
  });
  return { bell: made, told: () => told };
}

test('it tells at once, and of all that comes soon after it once more', () => {
  const { bell: one, told } = bell();
  one.ring();
  expect(told()).toBe(1);
  for (let ring = 0; ring < 100; ring++) one.ring();
  expect(told()).toBe(1);
  vi.advanceTimersByTime(1_000);
  expect(told()).toBe(2);
  one.ring();
  expect(told()).toBe(3);
});

test('who rings all the time is heard a hundred times a second at most', () => {
  const { bell: one, told } = bell();
  for (let ms = 0; ms < 1_000; ms++) {
    one.ring();
    vi.advanceTimersByTime(1);
  }
  expect(told()).toBeGreaterThan(50);
  expect(told()).toBeLessThanOrEqual(101);
});

test('a database that does not take it hinders nothing, and a stopped bell is silent', async () => {
  const { bell: one, told } = bell(() => Promise.reject(new Error('The database is gone.')));
  one.ring();
  one.ring();
  await vi.advanceTimersByTimeAsync(100);
  expect(told()).toBe(2);
  one.ring();
  one.ring();
  one.stop();
  vi.advanceTimersByTime(1_000);
  expect(told()).toBe(3);
});
