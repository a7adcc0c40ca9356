import { beforeEach, describe, expect, it } from 'vitest';
import { LaneQueue, type QueueItem } from './lane-queue.ts';
import type { JobKind } from './offer.ts';

interface Item extends QueueItem<Item> {
  readonly name: string;
}

let sequence = 0;
beforeEach(() => {
  sequence = 0;
});

function item(name: string, kind: JobKind = 'fresh', orderKey: string | null = null): Item {
  sequence += 1;
  return { name, kind, orderKey, sequence, next: null, previous: null };
}

function queueOf(...items: Item[]): LaneQueue<Item> {
  const queue = new LaneQueue<Item>();
  for (const each of items) queue.add(each);
  return queue;
}

function names(items: readonly (Item | null)[]): (string | undefined)[] {
  return items.map((each) => each?.name);
}

describe('LaneQueue', () => {
  it('returns fresh jobs before retries, unless it is the retries’ turn', () => {
    const queue = queueOf(item('r1', 'retry'), item('f1'), item('r2', 'retry'), item('f2'));
    expect(names([queue.take(false), queue.take(true), queue.take(false), queue.take(false), queue.take(false)])).toEqual([
      'f1',
      'r1',
      'f2',
      'r2',
      undefined,
    ]);
  });

  it('returns a probe first', () => {
    const queue = queueOf(item('f1'), item('p', 'probe'));
    expect(queue.hasProbe).toBe(true);
    expect(names([queue.take(true), queue.take(false)])).toEqual(['p', 'f1']);
    expect(queue.hasProbe).toBe(false);
  });

  it('holds back the later jobs of an order key, not those of others', () => {
    const a1 = item('a1', 'fresh', 'a');
    const queue = queueOf(a1, item('a2', 'fresh', 'a'), item('b1', 'fresh', 'b'), item('c'));
    expect(queue.ready).toBe(3);
    expect(names([queue.take(false), queue.take(false), queue.take(false), queue.take(false)])).toEqual(['a1', 'b1', 'c', undefined]);
    expect([queue.size, queue.ready]).toEqual([1, 0]);
    expect(queue.ended(a1, true)).toEqual([]);
    expect(names([queue.take(false)])).toEqual(['a2']);
  });

  it('returns a successor by its age, not behind everything offered since', () => {
    const a1 = item('a1', 'fresh', 'a');
    const queue = queueOf(a1, item('x'), item('a2', 'fresh', 'a'), item('y'));
    queue.take(false);
    queue.ended(a1, true);
    expect(names([queue.take(false), queue.take(false), queue.take(false)])).toEqual(['x', 'a2', 'y']);
  });

  it('evicts the jobs behind one that waits for a retry, and frees its key', () => {
    const a1 = item('a1', 'fresh', 'a');
    const queue = queueOf(a1, item('a2', 'fresh', 'a'), item('b1', 'fresh', 'b'), item('a3', 'retry', 'a'));
    queue.take(false);
    expect(names(queue.ended(a1, false))).toEqual(['a2', 'a3']);
    queue.add(item('a1 again', 'retry', 'a'));
    expect(names([queue.take(false), queue.take(false)])).toEqual(['b1', 'a1 again']);
    expect(queue.size).toBe(0);
  });

  it('empties in the order of the offers and keeps the keys of jobs in flight in use', () => {
    const a1 = item('a1', 'fresh', 'a');
    const queue = queueOf(a1, item('a2', 'fresh', 'a'), item('r', 'retry'), item('b1', 'fresh', 'b'), item('b2', 'fresh', 'b'), item('c'));
    queue.take(false);
    expect(names(queue.evictAll())).toEqual(['a2', 'r', 'b1', 'b2', 'c']);
    expect([queue.size, queue.ready]).toEqual([0, 0]);
    queue.add(item('a3', 'fresh', 'a'));
    queue.add(item('b3', 'fresh', 'b'));
    expect(names([queue.take(false), queue.take(false)])).toEqual(['b3', undefined]);
    queue.ended(a1, true);
    expect(names([queue.take(false)])).toEqual(['a3']);
  });
});
