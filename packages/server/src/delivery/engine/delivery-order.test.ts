import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { testPostgres } from '../../../test-support/database.ts';
import { eventually } from '../../../test-support/eventually.ts';
import { statement, type Database } from '../../store/database.ts';
import type { WaitingReason } from '../../store/settle.ts';
import { newId } from '../../ids/uuid-time.ts';
import { DeliveryOrder, type OrderedDelivery } from './delivery-order.ts';
import { MemoryBudget } from './memory-budget.ts';
import { OwnedShard } from './owned-shard.ts';

const WEBHOOK = newId();
const KEY = 'execution:a';
const SHARD = 7;

const WAIT = statement(
  'test_wait',
  `INSERT INTO waiting (delivery_id, organization_key, shard, webhook_id, event_id, attempt_count, due_at, reason, order_key, event_xid)
   VALUES ($1, 1, $2, $3, $4, 0, 'infinity', $5, $6, $7::xid8)`,
);
const END = statement('test_end', 'DELETE FROM waiting WHERE delivery_id = $1');
const REASONS = statement('test_reasons', 'SELECT reason FROM waiting ORDER BY event_xid, event_id');

function openShard(): OwnedShard {
  return new OwnedShard({ id: SHARD, epoch: 1, lowWater: 0 }, new MemoryBudget());
}

/** The n-th committed delivery of the subject. Its event id implies the opposite order, because clocks differ. */
function delivery(shard: OwnedShard, n: number): OrderedDelivery {
  return { shard, webhookId: WEBHOOK, orderKey: KEY, deliveryId: newId(), event: { xid: 100 + n, id: newId(Date.now() - n * 1_000) } };
}

/** A database whose results can be delayed, so that they are outdated when they arrive. */
function slowly(database: Database) {
  let gate: Promise<void> = Promise.resolve();
  const query: Database['query'] = async (asked, values) => {
    const rows = await database.query<never>(asked, values);
    await gate;
    return rows;
  };
  const hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    return resolve;
  };
  return { database: { ...database, query }, hold };
}

function openOrder(database: Database) {
  let released = 0;
  const order = new DeliveryOrder({ database, log: pino({ level: 'silent' }), now: Date.now, onReleased: () => released++ });
  return { order, releases: () => released };
}

async function wait(database: Database, one: OrderedDelivery, reason: WaitingReason): Promise<void> {
  await database.query(WAIT, [one.deliveryId, SHARD, WEBHOOK, one.event.id, reason, KEY, String(one.event.xid)]);
}

async function reasons(database: Database): Promise<string[]> {
  return (await database.query<{ reason: string }>(REASONS)).map(({ reason }) => reason);
}

describe('the order of deliveries', () => {
  test('a new owner keeps later deliveries behind the first by commit order, whatever the events’ clocks say', async () => {
    await using database = await testPostgres();
    const shard = openShard();
    const [first, second, third] = [1, 2, 3].map((n) => delivery(shard, n)) as [OrderedDelivery, OrderedDelivery, OrderedDelivery];
    await wait(database, second, 'behind');
    await wait(database, first, 'retry');
    const { order } = openOrder(database);
    await order.adopt([shard]);
    expect([first, second, third].map((one) => order.isHeldUp(one))).toEqual([false, true, true]);
    expect(order.isHeldUp({ ...third, orderKey: 'execution:b' })).toBe(false);
  });

  test('when the first has ended, the next by commit is released, and those after it wait for it', async () => {
    await using database = await testPostgres();
    const shard = openShard();
    const [first, second, third] = [1, 2, 3].map((n) => delivery(shard, n)) as [OrderedDelivery, OrderedDelivery, OrderedDelivery];
    const { order, releases } = openOrder(database);
    for (const one of [first, third, second]) {
      order.waits(one);
      await wait(database, one, one === first ? 'retry' : 'behind');
      order.recorded(one, false);
    }
    await database.query(END, [first.deliveryId]);
    order.recorded(first, true);
    await eventually(() => expect(releases()).toBe(1));
    expect(await reasons(database)).toEqual(['retry', 'behind']);
    expect([second, third].map((one) => order.isHeldUp(one))).toEqual([false, true]);
  });

  test('the orders of a shard that has left are dropped, and its outcomes change nothing', async () => {
    await using database = await testPostgres();
    const shard = openShard();
    const [first, second] = [delivery(shard, 1), delivery(shard, 2)];
    const { order } = openOrder(database);
    order.waits(first);
    shard.forget();
    order.forgetClosed();
    const again = openShard();
    await order.adopt([again]);
    order.recorded(first, false);
    expect(order.isHeldUp({ ...second, shard: again })).toBe(false);
  });

  test('when the first delivery is cancelled, the next follows', async () => {
    await using database = await testPostgres();
    const shard = openShard();
    const [first, second] = [delivery(shard, 1), delivery(shard, 2)];
    await wait(database, first, 'retry');
    await wait(database, second, 'behind');
    const { order } = openOrder(database);
    await order.adopt([shard]);
    await database.query(END, [first.deliveryId]);
    order.cancelled(first.deliveryId);
    await eventually(async () => expect(await reasons(database)).toEqual(['retry']));
  });

  test('a delivery cancelled while it is read as the first does not block its order', async () => {
    await using database = await testPostgres();
    const shard = openShard();
    const [first, second] = [delivery(shard, 1), delivery(shard, 2)];
    await wait(database, first, 'retry');
    await wait(database, second, 'behind');
    const slow = slowly(database);
    const { order } = openOrder(slow.database);
    const answer = slow.hold();
    const adopted = order.adopt([shard]);
    await database.query(END, [first.deliveryId]);
    order.cancelled(first.deliveryId);
    answer();
    await adopted;
    await eventually(async () => expect(await reasons(database)).toEqual(['retry']));
  });

  test('a delivery cancelled while it is released does not block its order', async () => {
    await using database = await testPostgres();
    const shard = openShard();
    const [first, second, third] = [1, 2, 3].map((n) => delivery(shard, n)) as [OrderedDelivery, OrderedDelivery, OrderedDelivery];
    await wait(database, first, 'retry');
    await wait(database, second, 'behind');
    await wait(database, third, 'behind');
    const slow = slowly(database);
    const { order } = openOrder(slow.database);
    await order.adopt([shard]);
    const answer = slow.hold();
    await database.query(END, [first.deliveryId]);
    order.recorded(first, true);
    await eventually(async () => expect(await reasons(database)).toEqual(['retry', 'behind']));
    await database.query(END, [second.deliveryId]);
    order.cancelled(second.deliveryId);
    answer();
    await eventually(async () => expect(await reasons(database)).toEqual(['retry']));
  });

  test('a cancellation whose notification was lost is found, and an order with a delivery being recorded is not changed', async () => {
    await using database = await testPostgres();
    const shard = openShard();
    const [first, second] = [delivery(shard, 1), delivery(shard, 2)];
    await wait(database, first, 'retry');
    await wait(database, second, 'behind');
    const { order } = openOrder(database);
    await order.adopt([shard]);
    await database.query(END, [first.deliveryId]);
    const other = { ...delivery(shard, 1), orderKey: 'execution:b' };
    order.waits(other);
    await order.recheck();
    await eventually(async () => expect(await reasons(database)).toEqual(['retry']));
    expect(order.isHeldUp({ ...delivery(shard, 2), orderKey: 'execution:b' })).toBe(true);
  });
});
