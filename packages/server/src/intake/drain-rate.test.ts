import { expect, test } from 'vitest';
import { DrainRate } from './drain-rate.ts';

function rateAt(): { clock: { ms: number }; rate: DrainRate } {
  const clock = { ms: 0 };
  const rate = new DrainRate(() => clock.ms);
  rate.begin();
  return { clock, rate };
}

test('before the first measurement the expected wait is 0', () => {
  expect(rateAt().rate.msFor(1e9)).toBe(0);
});

test('a burst after 600 idle ms counts as the rate of that time, not as zero', () => {
  const { clock, rate } = rateAt();
  for (clock.ms = 100; clock.ms < 600; clock.ms += 100) rate.passed(0);
  rate.passed(6_000);
  expect(rate.msFor(1_000)).toBe(100);
});

test('a new rate weighs as much as all earlier ones', () => {
  const { clock, rate } = rateAt();
  clock.ms = 200;
  rate.passed(2_000);
  clock.ms = 400;
  rate.passed(4_000);
  expect(rate.msFor(1_500)).toBe(100);
});

test('the rate falls after an idle second, but the idle time of an empty queue does not count', () => {
  const { clock, rate } = rateAt();
  clock.ms = 200;
  rate.passed(2_000);
  clock.ms = 1_200;
  rate.passed(0);
  expect(rate.msFor(1_000)).toBe(200);
  clock.ms = 100_000;
  rate.begin();
  clock.ms = 100_200;
  rate.passed(3_000);
  expect(rate.msFor(1_000)).toBe(100);
});
