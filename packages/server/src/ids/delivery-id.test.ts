import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deliveryId } from './delivery-id.ts';
import { isUuid, lowestIdAt, newId, timeOfId } from './uuid-time.ts';

test('a delivery id is a UUIDv7 of the event’s millisecond and always the same', () => {
  const event = newId();
  const webhook = newId();
  const id = deliveryId(event, webhook);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(timeOfId(id)).toBe(timeOfId(event));
  expect(deliveryId(event, webhook)).toBe(id);
});

test('deliveries of one event, or to one webhook, have different ids', () => {
  const ids = new Set<string>();
  const webhooks = Array.from({ length: 30 }, () => newId());
  for (const event of Array.from({ length: 30 }, () => newId())) for (const webhook of webhooks) ids.add(deliveryId(event, webhook));
  expect(ids.size).toBe(900);
});

test('the lowest id of a millisecond sorts below every UUIDv7 created in it, and above earlier ones', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 47 }), (time) => {
      const low = lowestIdAt(time);
      expect(isUuid(low)).toBe(true);
      expect(timeOfId(low)).toBe(time);
      expect(low < lowestIdAt(time + 1)).toBe(true);
    }),
  );
});

test('ids of one process increase, even within a millisecond', () => {
  const ids = Array.from({ length: 20_000 }, () => newId());
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});
