import { describe, expect, it } from 'vitest';
import { MemoryBudget } from './memory-budget.ts';

const LIMITS = { deliveries: 100, deliveriesOfOrganization: 40, bytes: 10_000, bytesOfOrganization: 4_000 };

describe('MemoryBudget', () => {
  it('limits each organization to its share', () => {
    const memory = new MemoryBudget(LIMITS);
    memory.take(memory.of(1), 40, 10);
    expect(memory.admits(memory.of(1), 1, 1)).toBe(false);
    expect(memory.admits(memory.of(2), 1, 1)).toBe(true);
    memory.give(memory.of(1), 1, 0);
    expect(memory.admits(memory.of(1), 1, 1)).toBe(true);
    expect(memory.admits(memory.of(1), 2, 1)).toBe(false);
  });

  it('counts bytes as it counts deliveries', () => {
    const memory = new MemoryBudget(LIMITS);
    memory.take(memory.of(1), 1, 3_999);
    expect(memory.admits(memory.of(1), 1, 1)).toBe(true);
    expect(memory.admits(memory.of(1), 1, 2)).toBe(false);
    expect(memory.isFull(memory.of(1))).toBe(true);
    expect(memory.isFull(memory.of(2))).toBe(false);
    memory.take(memory.of(2), 1, 2_000);
    expect(memory.isFull(memory.of(2))).toBe(true);
  });

  it('admits one event of an organization with nothing in memory, even if it exceeds the share or others used all memory', () => {
    const memory = new MemoryBudget(LIMITS);
    expect(memory.admits(memory.of(1), 1_000, 100_000)).toBe(true);
    for (let key = 1; key <= 10; key += 1) memory.take(memory.of(key), 10, 0);
    expect(memory.admits(memory.of(1), 1, 0)).toBe(false);
    expect(memory.admits(memory.of(11), 1, 0)).toBe(true);
    memory.take(memory.of(11), 100, 0);
    expect(memory.admits(memory.of(12), 1, 0)).toBe(false);
  });

  it('drops only organizations with nothing in memory', () => {
    const memory = new MemoryBudget(LIMITS);
    const use = memory.of(1);
    memory.take(use, 1, 1);
    for (let key = 2; key < 50_000; key += 1) memory.of(key);
    expect(memory.of(1)).toBe(use);
    memory.give(use, 1, 1);
    for (let key = 2; key < 50_000; key += 1) memory.of(key);
    expect(memory.of(1)).not.toBe(use);
  });
});
