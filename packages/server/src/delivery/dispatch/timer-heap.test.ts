import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TimerHeap } from './timer-heap.ts';

it('returns live timers in the order of their time, and only due ones', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ at: fc.nat(1000), live: fc.boolean() })), fc.nat(1000), (timers, now) => {
      const heap = new TimerHeap<{ at: number; live: boolean }>((timer) => timer.live);
      for (const timer of timers) heap.add(timer.at, timer);
      const live = timers.filter((timer) => timer.live).map((timer) => timer.at);
      expect(heap.next()).toBe(live.length === 0 ? null : Math.min(...live));
      const due: number[] = [];
      for (let timer = heap.takeDue(now); timer !== null; timer = heap.takeDue(now)) due.push(timer.at);
      expect(due).toEqual(live.filter((at) => at <= now).sort((a, b) => a - b));
    }),
  );
});

it('drops timers that are no longer live long before their time', () => {
  let current = 0;
  const heap = new TimerHeap<string>((_, at) => at === current);
  for (current = 1; current <= 50_000; current += 1) heap.add(current, 'moved on');
  expect(heap.size).toBeLessThanOrEqual(1_000);
  current = 50_000;
  expect(heap.takeDue(50_000)).toBe('moved on');
});
