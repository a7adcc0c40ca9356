import { expect, test } from 'vitest';
import { Cancellations } from './cancellations.ts';

test('a cancellation is kept while its event may be in memory or unread, and dropped after that', () => {
  const cancellations = new Cancellations();
  cancellations.add({ deliveryId: 'read-later', shard: 1, xid: 200 });
  cancellations.add({ deliveryId: 'in-memory', shard: 1, xid: 100 });
  cancellations.add({ deliveryId: 'recorded', shard: 1, xid: 99 });
  cancellations.add({ deliveryId: 'other-shard', shard: 2, xid: 200 });
  const kept = (): string[] => ['read-later', 'in-memory', 'recorded', 'other-shard'].filter((id) => cancellations.has(id));
  expect(kept()).toHaveLength(4);
  // Shard 1: everything below 100 is recorded. Shard 2 has moved to another node.
  cancellations.sweep((shard) => (shard === 1 ? 100 : null));
  expect(kept()).toEqual(['read-later', 'in-memory']);
  cancellations.sweep(() => 201);
  expect(kept()).toEqual([]);
});
