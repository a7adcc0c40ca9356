import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createForwardClock } from './forward-clock.ts';

test('when the underlying clock goes back an hour, this one pauses for a moment and continues: nothing waits for an hour', () => {
  let time = 10_000_000;
  const clock = createForwardClock(() => time);
  const start = clock.now();
  time += 500;
  expect(clock.now() - start).toBe(500);
  time -= 3_600_000;
  expect(clock.now() - start).toBe(500);
  time += 250;
  expect(clock.now() - start).toBe(750);
});

test('jumps back of more than a second are counted, adjustments are not', () => {
  let time = 0;
  const clock = createForwardClock(() => time);
  const seen = [0, -900, 5_000, 3_999, 3_000, 100_000, 1].map((now) => {
    time = now;
    clock.now();
    return clock.jumps();
  });
  expect(seen).toEqual([0, 0, 0, 1, 1, 1, 2]);
});

test('it never goes back, and advances as the underlying clock does', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -10_000, max: 10_000 }), { maxLength: 50 }), (steps) => {
      let time = 0;
      const clock = createForwardClock(() => time);
      let last = clock.now();
      for (const step of steps) {
        time += step;
        const now = clock.now();
        expect(now - last).toBe(Math.max(0, step));
        last = now;
      }
    }),
  );
});
