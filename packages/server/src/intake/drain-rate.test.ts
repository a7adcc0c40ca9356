import { expect, test } from 'vitest';
import { DrainRate } from './drain-rate.ts';

function rateAt(): { clock: { ms: number }; rate: DrainRate } {
  const clock = { ms: 0 };
  const rate = new DrainRate(() => clock.ms);
  rate.begin();
  return { clock, rate };
}

test('as long as nothing is known, nothing is expected to take time', () => {
  expect(rateAt().rate.msFor(1e9)).toBe(0);
});

test('a burst after 600 ms of nothing is that rate, not a rate of nothing', () => {
  const { clock, rate } = rateAt();
  for (clock.ms = 100; clock.ms < 600; clock.ms += 100) rate.passed(0);
  rate.passed(6_000);
  expect(rate.msFor(1_000)).toBe(100);
});

test('a newer rate counts as much as all before', () => {
  const { clock, rate } = rateAt();
  clock.ms = 200;
  rate.passed(2_000);
  clock.ms = 400;
  rate.passed(4_000);
  expect(rate.msFor(1_500)).toBe(100);
});

test('after a second of nothing the rate falls, and after a burst from an empty queue it does not', () => {
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
