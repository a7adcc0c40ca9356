import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BodyBudget } from './body-budget.ts';

const LIMITS = { maxBytes: 100, maxBytesPerHolder: 60, bytesForLightHolders: 20, maxBytesOfLightHolder: 5 };

test('each holder has its share, and all holders together have a limit', () => {
  const budget = new BodyBudget(LIMITS);
  const first = budget.open('acme');
  expect(first.growTo(61)).toBe(false);
  expect(first.growTo(60)).toBe(true);
  expect(budget.open('acme').growTo(1)).toBe(false);
  expect(budget.open('other').growTo(21)).toBe(false);
  expect(budget.open('other').growTo(20)).toBe(true);
  expect(budget.bytes).toBe(80);
});

test('the last part is reserved for light holders', () => {
  const budget = new BodyBudget(LIMITS);
  budget.open('acme').growTo(60);
  budget.open('other').growTo(20);
  expect(budget.open('third').growTo(6)).toBe(false);
  expect(budget.open('third').growTo(5)).toBe(true);
  expect(budget.open('third').growTo(1)).toBe(false);
  expect(budget.open('fourth').growTo(5)).toBe(true);
});

test('a reservation grows, is released once, and can be empty', () => {
  const budget = new BodyBudget(LIMITS);
  const one = budget.open('acme');
  expect([one.growTo(0), one.growTo(10), one.growTo(10), one.growTo(30)]).toEqual([true, true, true, true]);
  expect(budget.bytes).toBe(30);
  one.release();
  one.release();
  expect(budget.bytes).toBe(0);
});

test('no sequence of reservations exceeds a limit or leaves bytes reserved', () => {
  const step = fc.record({ holder: fc.nat(4), bytes: fc.nat(70), release: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const budget = new BodyBudget(LIMITS);
      const open = steps.map(({ holder, bytes, release }) => {
        const reservation = budget.open(holder);
        const taken = reservation.growTo(bytes) ? bytes : 0;
        if (release) reservation.release();
        return { holder, reservation, taken: release ? 0 : taken };
      });
      expect(budget.bytes).toBe(open.reduce((sum, { taken }) => sum + taken, 0));
      expect(budget.bytes).toBeLessThanOrEqual(LIMITS.maxBytes);
      for (let holder = 0; holder < 5; holder++) {
        const held = open.filter((one) => one.holder === holder).reduce((sum, { taken }) => sum + taken, 0);
        expect(held).toBeLessThanOrEqual(LIMITS.maxBytesPerHolder);
      }
      for (const { reservation } of open) reservation.release();
      expect(budget.bytes).toBe(0);
    }),
  );
});

test('holders that hold nothing are dropped', () => {
  const budget = new BodyBudget(LIMITS);
  const kept = budget.open('kept');
  kept.growTo(60);
  for (let holder = 0; holder < 5_000; holder++) budget.open(holder).release();
  expect(budget.open('kept').growTo(1)).toBe(false);
});
