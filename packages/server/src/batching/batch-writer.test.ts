import { expect, test } from 'vitest';
import { BatchWriter } from './batch-writer.ts';
import { newTicket, type RequestTicket } from './request-ticket.ts';

/** A write that the test completes. */
function controlledWrite() {
  const batches: { items: number[]; finish: () => void; fail: (error: Error) => void }[] = [];
  const write = (items: number[]): Promise<number[]> =>
    new Promise((resolve, reject) => {
      batches.push({ items, finish: () => resolve(items.map((item) => item * 2)), fail: reject });
    });
  return { batches, write };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test('an idle writer writes the items of one turn of the event loop as one batch', async () => {
  const { batches, write } = controlledWrite();
  const writer = new BatchWriter({ write, maxItems: 10, maxInFlight: 2, eagerItems: 5 });
  const results = Promise.all([writer.add(1), writer.add(2), writer.add(3)]);
  await turn();
  expect(batches.map((batch) => batch.items)).toEqual([[1, 2, 3]]);
  batches[0]?.finish();
  expect(await results).toEqual([2, 4, 6]);
});

test('while a batch is written, a second starts only when enough items wait', async () => {
  const { batches, write } = controlledWrite();
  const writer = new BatchWriter({ write, maxItems: 10, maxInFlight: 2, eagerItems: 3 });
  void writer.add(1);
  await turn();
  void writer.add(2);
  void writer.add(3);
  await turn();
  expect(batches).toHaveLength(1);
  void writer.add(4);
  await turn();
  expect(batches[1]?.items).toEqual([2, 3, 4]);
});

test('a batch never exceeds its size, and the rest follows', async () => {
  const { batches, write } = controlledWrite();
  const writer = new BatchWriter({ write, maxItems: 2, maxInFlight: 1, eagerItems: 1 });
  for (const item of [1, 2, 3]) void writer.add(item);
  await turn();
  batches[0]?.finish();
  await turn();
  batches[1]?.finish();
  await writer.drained();
  expect(batches.map((batch) => batch.items)).toEqual([[1, 2], [3]]);
});

test('a failed batch rejects its own items only', async () => {
  const { batches, write } = controlledWrite();
  const writer = new BatchWriter({ write, maxItems: 1, maxInFlight: 1, eagerItems: 1 });
  const first = writer.add(1);
  const second = writer.add(2);
  await turn();
  batches[0]?.fail(new Error('disk full'));
  await expect(first).rejects.toThrow('disk full');
  await turn();
  batches[1]?.finish();
  expect(await second).toBe(4);
});

test('a held writer waits until it is released', async () => {
  const { batches, write } = controlledWrite();
  let held = true;
  const writer = new BatchWriter({ write, maxItems: 5, maxInFlight: 1, eagerItems: 1, hold: () => held });
  const result = writer.add(7);
  await turn();
  expect(batches).toHaveLength(0);
  held = false;
  while (batches.length === 0) await turn();
  batches[0]?.finish();
  expect(await result).toBe(14);
});

test('a lingering writer waits for more items, and stops waiting once there are enough', async () => {
  const { batches, write } = controlledWrite();
  const writer = new BatchWriter({ write, maxItems: 10, maxInFlight: 1, eagerItems: 3, lingerMs: 60_000 });
  void writer.add(1);
  void writer.add(2);
  await turn();
  expect(batches).toHaveLength(0);
  void writer.add(3);
  await turn();
  expect(batches[0]?.items).toEqual([1, 2, 3]);
});

test('a batch ends before it gets too heavy, and one heavy item goes alone', async () => {
  const { batches, write } = controlledWrite();
  const writer = new BatchWriter({ write, maxItems: 10, maxInFlight: 9, eagerItems: 1, weigh: (item: number) => item, maxWeight: 10 });
  for (const item of [4, 5, 3, 50, 1]) void writer.add(item);
  await turn();
  expect(batches.map((batch) => batch.items)).toEqual([[4, 5], [3], [50], [1]]);
});

/** A writer of items named after their flow: 11, 12 and 13 belong to flow 1. */
function flowWriter(options: { maxItems: number; fullAt?: number; isHeld?: (flow: number) => boolean }) {
  const { batches, write } = controlledWrite();
  const { maxItems, fullAt = 100, isHeld = () => false } = options;
  const flows = { of: (item: number) => Math.floor(item / 10), hold: isHeld, fullAt };
  return { batches, writer: new BatchWriter({ write, maxItems, maxInFlight: 1, eagerItems: 1, flows }) };
}

test('with flows, the only item of one does not wait for many items of another', async () => {
  const { batches, writer } = flowWriter({ maxItems: 3 });
  for (const item of [11, 12, 13, 14, 15, 21]) void writer.add(item);
  await turn();
  expect(batches[0]?.items).toEqual([11, 12, 21]);
  batches[0]?.finish();
  await turn();
  expect(batches[1]?.items).toEqual([13, 14, 15]);
});

test('a held flow does not block others, and is written when it is released', async () => {
  let held = true;
  const { batches, writer } = flowWriter({ maxItems: 3, isHeld: (flow) => held && flow === 1 });
  const results = Promise.all([writer.add(11), writer.add(21)]);
  await turn();
  expect(batches.map((batch) => batch.items)).toEqual([[21]]);
  batches[0]?.finish();
  await turn();
  expect(batches).toHaveLength(1);
  held = false;
  while (batches.length === 1) await turn();
  batches[1]?.finish();
  expect(await results).toEqual([22, 42]);
  await writer.drained();
});

test('the queue is full for the flow that filled it', async () => {
  const { batches, writer } = flowWriter({ maxItems: 10, fullAt: 2 });
  void writer.add(11);
  expect(writer.isFull(1)).toBe(false);
  void writer.add(12);
  expect([writer.isFull(1), writer.isFull(2), writer.isFull(null)]).toEqual([true, false, false]);
  await turn();
  expect(writer.isFull(1)).toBe(false);
  batches[0]?.finish();
});

test('items that wait too long for their batch are refused, and not written later', async () => {
  const { batches, write } = controlledWrite();
  const writer = new BatchWriter({ write, maxItems: 10, maxInFlight: 1, eagerItems: 1, maxWaitMs: 1_500 });
  const ago = (ms: number): RequestTicket => newTicket(performance.now() - ms);
  void writer.add(1);
  await turn();
  const late = writer.add(2, ago(1_500));
  const inTime = writer.add(3, ago(0));
  await expect(late).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
  expect(writer.queued).toBe(1);
  batches[0]?.finish();
  await turn();
  expect(batches[1]?.items).toEqual([3]);
  batches[1]?.finish();
  expect(await inTime).toBe(6);
});

test('items of one request are refused together, or none of them once one is written', async () => {
  const { batches, write } = controlledWrite();
  const writer = new BatchWriter({ write, maxItems: 2, maxInFlight: 1, eagerItems: 1, maxWaitMs: 1_500 });
  const begun = newTicket(performance.now() - 5_000);
  const results = Promise.all([1, 2, 3].map((item) => writer.add(item, begun)));
  await turn();
  const refused = newTicket(performance.now() - 5_000);
  await expect(Promise.all([4, 5].map((item) => writer.add(item, refused)))).rejects.toMatchObject({ code: 'overloaded' });
  await expect(writer.add(6, refused)).rejects.toMatchObject({ code: 'overloaded' });
  batches[0]?.finish();
  await turn();
  expect(batches[1]?.items).toEqual([3]);
  batches[1]?.finish();
  expect(await results).toEqual([2, 4, 6]);
});
