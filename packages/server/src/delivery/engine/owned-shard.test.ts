import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LoggedEvent } from '../../intake/log-owner.ts';
import { MemoryBudget } from './memory-budget.ts';
import { OwnedShard, type Outstanding } from './owned-shard.ts';

const LIMIT = 1_000;

function logged(id: number, body: number): LoggedEvent {
  const text = { id: `e${id}`, type: 'a', subjectKind: null, subjectId: null, externalId: null };
  // The transaction follows from the id, as in the log: an event that is read again has the same one.
  return { ...text, organizationKey: 1, xid: 10 + (id % 3), shard: 1, test: false, body: Buffer.alloc(body), webhookIds: [] };
}

const step = fc.oneof(
  fc.record({ do: fc.constant('track' as const), id: fc.nat(12), deliveries: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constant('record' as const), which: fc.nat(20) }),
);

test('an event is in memory until each of its deliveries is recorded, in any order of events', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const memory = new MemoryBudget();
      const shard = new OwnedShard({ id: 1, epoch: 1, lowWater: 5 }, memory);
      shard.readFrom = null;
      const known = new Map<string, { outstanding: Outstanding; xid: number; bytes: number; left: number }>();
      for (const one of steps) {
        if (one.do === 'track') {
          const event = logged(one.id, 10 + one.id);
          expect([...shard.events()].map(({ id }) => id).includes(event.id)).toBe(known.has(event.id));
          if (known.has(event.id)) continue;
          const outstanding = shard.track(event, one.deliveries);
          known.set(event.id, { outstanding, xid: event.xid, bytes: event.body.length, left: one.deliveries });
        } else {
          const entry = [...known.values()][one.which];
          if (!entry) continue;
          shard.recorded(entry.outstanding);
          if (--entry.left === 0) known.delete(entry.outstanding.id);
        }
        const open = [...known.values()];
        expect(memory.bytes).toBe(open.reduce((sum, { bytes }) => sum + bytes, 0));
        expect(memory.deliveries).toBe(open.reduce((sum, { left }) => sum + left, 0));
        expect(memory.of(1)).toEqual({ deliveries: memory.deliveries, bytes: memory.bytes });
        expect(shard.lowWater(LIMIT)).toBe(Math.min(LIMIT, ...open.map(({ xid }) => xid)));
      }
      shard.forget();
      expect([memory.bytes, memory.deliveries]).toEqual([0, 0]);
      for (const { outstanding } of known.values()) shard.recorded(outstanding);
      expect([memory.bytes, memory.deliveries]).toEqual([0, 0]);
      expect(shard.lowWater(LIMIT)).toBe(LIMIT);
    }),
  );
});

test('a deferred event keeps the low-water mark below it, and takes no room until it is loaded', () => {
  const memory = new MemoryBudget();
  const shard = new OwnedShard({ id: 1, epoch: 1, lowWater: 5 }, memory);
  shard.readFrom = null;
  const event = logged(1, 100);
  const deferred = shard.defer(event);
  expect([shard.lowWater(LIMIT), memory.deliveries, memory.bytes]).toEqual([event.xid, 0, 0]);
  expect([...shard.events()]).toEqual([deferred]);
  shard.load(deferred, event, 2);
  expect([shard.lowWater(LIMIT), memory.deliveries, memory.bytes]).toEqual([event.xid, 2, 100]);
  shard.recorded(deferred);
  shard.recorded(deferred);
  expect([shard.lowWater(LIMIT), memory.deliveries, memory.bytes]).toEqual([LIMIT, 0, 0]);
  const nothingLeft = shard.defer(event);
  shard.drop(nothingLeft);
  expect(shard.lowWater(LIMIT)).toBe(LIMIT);
  shard.defer(event);
  shard.forget();
  expect([shard.lowWater(LIMIT), memory.deliveries]).toEqual([LIMIT, 0]);
});
