import type { RetryPlan } from '@posthorn/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describePlan, nextAttempt, nextDelayMs, retryCount } from './retry-plan.ts';

const middle = (): number => 0.5;
const HOUR = 3_600_000;

const plans: fc.Arbitrary<RetryPlan> = fc.oneof(
  fc.constant<RetryPlan>({ kind: 'none' }),
  fc.record({
    kind: fc.constant('list' as const),
    delaysMs: fc.array(fc.nat(HOUR), { maxLength: 12 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.record({
    kind: fc.constant('fixed' as const),
    delayMs: fc.nat(HOUR),
    retries: fc.nat(12),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.record({
    kind: fc.constant('exponential' as const),
    firstMs: fc.nat(10_000),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    maxMs: fc.nat(10 * HOUR),
    retries: fc.nat(12),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
);
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('nextDelayMs', () => {
  it('has no delay in a plan without retries', () => {
    expect(nextDelayMs({ kind: 'none' }, 1, middle)).toBeNull();
  });

  it('goes through a list and ends', () => {
    const plan: RetryPlan = { kind: 'list', delaysMs: [5, 300, 1800] };
    expect([1, 2, 3, 4].map((failed) => nextDelayMs(plan, failed, middle))).toEqual([5, 300, 1800, null]);
  });

  it('repeats a fixed delay and ends', () => {
    const plan: RetryPlan = { kind: 'fixed', delayMs: HOUR, retries: 2 };
    expect([1, 2, 3].map((failed) => nextDelayMs(plan, failed, middle))).toEqual([HOUR, HOUR, null]);
  });

  it('multiplies up to the maximum and ends', () => {
    const plan: RetryPlan = { kind: 'exponential', firstMs: 1000, factor: 3, maxMs: 10_000, retries: 4 };
    expect([1, 2, 3, 4, 5].map((failed) => nextDelayMs(plan, failed, middle))).toEqual([1000, 3000, 9000, 10_000, null]);
  });

  it('stays finite if the power does not', () => {
    expect(nextDelayMs({ kind: 'exponential', firstMs: 1, factor: 10, maxMs: HOUR, retries: 1000 }, 999, middle)).toBe(HOUR);
  });

  it('spreads evenly by the fraction, ten percent by default', () => {
    const plan: RetryPlan = { kind: 'fixed', delayMs: 1000, retries: 1, jitter: 0.5 };
    expect(nextDelayMs(plan, 1, () => 0)).toBe(500);
    expect(nextDelayMs(plan, 1, () => 0.999999)).toBe(1500);
    expect(nextDelayMs({ kind: 'fixed', delayMs: 1000, retries: 1 }, 1, () => 0)).toBe(900);
    expect(nextDelayMs({ kind: 'fixed', delayMs: 1000, retries: 1, jitter: 0 }, 1, () => 0)).toBe(1000);
  });

  it('throws before the first failure', () => {
    expect(() => nextDelayMs({ kind: 'none' }, 0, middle)).toThrow(RangeError);
  });

  it('returns exactly as many delays as the plan has retries, none negative', () => {
    fc.assert(
      fc.property(plans, random, (plan, value) => {
        let delays = 0;
        for (let delay = nextDelayMs(plan, 1, () => value); delay !== null; delay = nextDelayMs(plan, delays + 1, () => value)) {
          expect(delay).toBeGreaterThanOrEqual(0);
          delays += 1;
        }
        expect(delays).toBe(retryCount(plan));
      }),
    );
  });
});

describe('nextAttempt', () => {
  it('is never earlier than the plan says, never earlier than asked for, and Retry-After adds no attempt', () => {
    fc.assert(
      fc.property(
        plans,
        fc.integer({ min: 1, max: 15 }),
        fc.option(fc.nat(2 * HOUR)),
        random,
        (plan, failedAttempts, retryAfterMs, value) => {
          const now = 1_700_000_000_000;
          const planned = nextDelayMs(plan, failedAttempts, () => value);
          const at = nextAttempt({ plan, failedAttempts, retryAfterMs, now, random: () => value });
          expect(at).toBe(planned === null ? null : now + Math.max(planned, retryAfterMs ?? 0));
        },
      ),
    );
  });
});

describe('describePlan', () => {
  it.each<[RetryPlan, string]>([
    [{ kind: 'none' }, 'no retries'],
    [{ kind: 'list', delaysMs: [] }, 'no retries'],
    [{ kind: 'list', delaysMs: [5000, 300_000, 5_400_000] }, '3 retries: after 5 s, 5 min, 1 h 30 min'],
    [{ kind: 'fixed', delayMs: HOUR, retries: 5 }, '5 retries, every 1 h'],
    [{ kind: 'fixed', delayMs: 0, retries: 1 }, '1 retry, after 0 s'],
    [
      { kind: 'exponential', firstMs: 250, factor: 2, maxMs: 2 * 86_400_000, retries: 8 },
      '8 retries: after 250 ms, each wait 2 times the last, at most 2 d',
    ],
  ])('describes %j', (plan, expected) => {
    expect(describePlan(plan)).toBe(expected);
  });
});
