import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

describe('TokenBucket', () => {
  it('has a token exactly at the announced time', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 5000, noNaN: true }), fc.integer({ min: 1, max: 200 }), (perSecond, takes) => {
        const bucket = new TokenBucket(perSecond);
        let now = 1_700_000_000_000;
        expect(bucket.take(now)).toBe(true);
        for (let i = 0; i < takes; i += 1) {
          now = bucket.readyAt(now);
          expect(bucket.take(now)).toBe(true);
        }
      }),
    );
  });

  it('starts at most 1.1 times the rate plus one in any second', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.5, max: 500, noNaN: true }),
        fc.array(fc.nat(400), { minLength: 1, maxLength: 200 }),
        (perSecond, steps) => {
          const bucket = new TokenBucket(perSecond);
          const taken: number[] = [];
          let now = 0;
          for (const step of steps) {
            now += step;
            while (bucket.take(now)) taken.push(now);
          }
          for (const from of taken) {
            expect(taken.filter((at) => at >= from && at < from + 1000).length).toBeLessThanOrEqual(perSecond * 1.1 + 1);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('continues when the clock is set back', () => {
    const bucket = new TokenBucket(1);
    expect(bucket.take(100_000)).toBe(true);
    expect(bucket.take(50_000)).toBe(false);
    expect(bucket.readyAt(50_000)).toBe(51_000);
    expect(bucket.take(51_000)).toBe(true);
  });
});
