import { expect, test } from 'vitest';
import { RateLimiter, sourceName } from './rate-limiter.ts';

test('a burst passes, then requests at the refill rate', () => {
  const limiter = new RateLimiter({ perSecond: 2, burst: 3 });
  expect([0, 0, 0, 0].map((now) => limiter.take('a', now))).toEqual([0, 0, 0, 500]);
  expect(limiter.take('b', 0)).toBe(0);
  expect(limiter.take('a', 250)).toBe(250);
  expect(limiter.take('a', 500)).toBe(0);
  expect([10_000, 10_000, 10_000, 10_000].map((now) => limiter.take('a', now) > 0)).toEqual([false, false, false, true]);
});

test('a clock that moves back adds no tokens', () => {
  const limiter = new RateLimiter({ perSecond: 1, burst: 1 });
  limiter.take('a', 10_000);
  expect(limiter.take('a', 0)).toBe(1_000);
});

test('the least recently used names are dropped', () => {
  const limiter = new RateLimiter({ perSecond: 1, burst: 1 }, 2);
  for (const name of ['a', 'b', 'c']) limiter.take(name, 0);
  expect(limiter.take('a', 0)).toBe(0);
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
])('%s is counted as %s', (ip, name) => {
  expect(sourceName(ip)).toBe(name);
});
