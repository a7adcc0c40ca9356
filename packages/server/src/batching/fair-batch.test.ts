import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fairBatch } from './fair-batch.ts';
import { FlowCounts } from './flow-counts.ts';

interface Item {
  readonly flow: number;
  readonly weight: number;
}

const items = fc.array(fc.record({ flow: fc.nat(4), weight: fc.integer({ min: 1, max: 20 }) }), { maxLength: 60 });

function choose(queue: readonly Item[], limits: { maxItems: number; maxWeight: number; held?: ReadonlySet<number> }): number[] {
  const { held = new Set(), ...rest } = limits;
  return fairBatch(queue, { ...rest, weigh: ({ weight }) => weight, flowOf: ({ flow }) => flow, isHeld: (flow) => held.has(flow) });
}

describe('fairBatch', () => {
  it('takes the only item of one flow before the second of another', () => {
    const queue = [...Array.from({ length: 1_000 }, () => ({ flow: 1, weight: 1 })), { flow: 2, weight: 1 }, { flow: 3, weight: 1 }];
    expect(choose(queue, { maxItems: 5, maxWeight: 100 })).toEqual([0, 1, 2, 1_000, 1_001]);
  });

  it('keeps each flow in order and within the limits, skips held ones, and is not empty if anything may be taken', () => {
    const limits = fc.record({
      maxItems: fc.integer({ min: 1, max: 20 }),
      maxWeight: fc.integer({ min: 1, max: 50 }),
      held: fc.uniqueArray(fc.nat(4)).map((flows) => new Set(flows)),
    });
    fc.assert(
      fc.property(items, limits, (queue, { maxItems, maxWeight, held }) => {
        const chosen = choose(queue, { maxItems, maxWeight, held });
        const taken = chosen.flatMap((index) => queue[index] ?? []);
        expect(chosen).toEqual([...new Set(chosen)].sort((a, b) => a - b));
        expect(chosen.length).toBeLessThanOrEqual(maxItems);
        if (chosen.length > 1) expect(taken.reduce((sum, { weight }) => sum + weight, 0)).toBeLessThanOrEqual(maxWeight);
        const free = queue.flatMap(({ flow }, index) => (held.has(flow) ? [] : { flow, index }));
        expect(chosen.length > 0).toBe(free.length > 0);
        for (const flow of [0, 1, 2, 3, 4]) {
          const mine = chosen.filter((index) => queue[index]?.flow === flow);
          const all = free.filter((one) => one.flow === flow).map(({ index }) => index);
          expect(mine).toEqual(all.slice(0, mine.length));
          if (mine.length === all.length) continue;
          // A flow with items left got at least as many as the others, except for the turn in which the batch was full.
          for (const other of [0, 1, 2, 3, 4]) {
            expect(mine.length).toBeGreaterThanOrEqual(chosen.filter((index) => queue[index]?.flow === other).length - 1);
          }
        }
      }),
    );
  });
});

describe('FlowCounts', () => {
  it('is full for a flow at its limit, and for all flows only with items of many', () => {
    const counts = new FlowCounts({ maxItems: 80, maxWeight: 1_000_000 });
    for (let i = 0; i < 80; i += 1) counts.add(1, 1);
    expect([counts.isFull(1), counts.isFull(2), counts.isFull(null)]).toEqual([true, false, false]);
    for (let flow = 2; flow <= 8; flow += 1) for (let i = 0; i < 10; i += 1) counts.add(flow, 1);
    expect([counts.isFull(8), counts.isFull(9), counts.isFull(null)]).toEqual([true, true, true]);
    counts.remove(8, 1);
    expect([counts.isFull(1), counts.isFull(8)]).toEqual([true, false]);
  });

  it('is full for a flow at its weight limit', () => {
    const counts = new FlowCounts({ maxItems: 100, maxWeight: 1_000 });
    counts.add(1, 1_000);
    expect([counts.isFull(1), counts.isFull(2)]).toEqual([true, false]);
    counts.remove(1, 1_000);
    expect(counts.isFull(1)).toBe(false);
  });

  it('is empty when all items were removed', () => {
    fc.assert(
      fc.property(items, (queue) => {
        const counts = new FlowCounts({ maxItems: 1, maxWeight: 1 });
        for (const { flow, weight } of queue) counts.add(flow, weight);
        expect(counts.isFull(null)).toBe(queue.length > 0 && new Set(queue.map(({ flow }) => flow)).size >= 8);
        for (const { flow, weight } of queue) counts.remove(flow, weight);
        for (const flow of [null, 0, 1, 2, 3, 4]) expect(counts.isFull(flow)).toBe(false);
      }),
    );
  });
});
