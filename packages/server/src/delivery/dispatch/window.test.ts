import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Window } from './window.ts';

function answers(window: Window, count: number): void {
  for (let i = 0; i < count; i += 1) window.succeeded(window.size);
}

describe('Window', () => {
  it('reaches the maximum within as many responses', () => {
    const window = new Window(8, 128);
    answers(window, 120);
    expect(window.size).toBe(128);
  });

  it('does not grow while it is not used', () => {
    const window = new Window(8, 128);
    for (let i = 0; i < 1000; i += 1) window.succeeded(3);
    expect(window.size).toBe(8);
  });

  it('halves on overload and then grows by one per round trip', () => {
    const window = new Window(8, 128);
    answers(window, 120);
    window.overloaded(0, 10);
    expect(window.size).toBe(64);
    answers(window, 64);
    expect(window.size).toBe(64);
    answers(window, 2);
    expect(window.size).toBe(65);
  });

  it('halves once for all exchanges that were under way at the same time', () => {
    const window = new Window(8, 128);
    for (let i = 0; i < 8; i += 1) window.overloaded(0, 30_000 + i);
    expect(window.size).toBe(4);
    window.overloaded(30_000, 60_000);
    expect(window.size).toBe(2);
  });

  it('starts at one again after an outage, and doubles up to its initial size', () => {
    const window = new Window(8, 128);
    window.restart(8);
    expect(window.size).toBe(1);
    answers(window, 7);
    expect(window.size).toBe(8);
    answers(window, 7);
    expect(window.size).toBe(8);
  });

  it('stays between one and the maximum, whatever happens', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }),
        fc.array(fc.oneof(fc.nat(200), fc.constant('overload' as const)), { maxLength: 300 }),
        (max, events) => {
          const window = new Window(8, max);
          events.forEach((event, now) => {
            if (event === 'overload') window.overloaded(now, now);
            else window.succeeded(event);
            expect(window.size).toBeGreaterThanOrEqual(1);
            expect(window.size).toBeLessThanOrEqual(max);
          });
        },
      ),
    );
  });
});
