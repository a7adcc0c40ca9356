import { setTimeout as after } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { describeOnBothDatabases, testPglite, testPostgres } from '../../../test-support/database.ts';
import { eventually } from '../../../test-support/eventually.ts';
import { holdTransaction, type HeldTransaction } from '../../../test-support/held-transaction.ts';
import type { LoggedEvent } from '../../intake/log-owner.ts';
import { statement, type Database, type Queryable } from '../../store/database.ts';
import { deliveryId } from '../../ids/delivery-id.ts';
import { appendEvents, type NewEvent } from '../../store/event-log.ts';
import { logHorizon } from '../../store/log-reading.ts';
import { insertUnsent } from '../../store/redelivery.ts';
import { settleFirst } from '../../store/settle.ts';
import { SHARD_COUNT, shardOf } from '../../ids/shard.ts';
import { newId } from '../../ids/uuid-time.ts';
import { LogFollower } from './log-follower.ts';
import type { Outstanding } from './owned-shard.ts';
import { MemoryBudget } from './memory-budget.ts';
import { Ownership } from './ownership.ts';

const log = pino({ level: 'silent' });
const WEBHOOK = newId();

async function organization(database: Queryable): Promise<number> {
  const insert = statement('test_organization', `INSERT INTO organizations (id, name, product) VALUES ('a', 'A', 'generic') RETURNING key`);
  const [row] = await database.query<{ key: number }>(insert);
  return row?.key ?? 0;
}

function event(organizationKey: number, more: Partial<NewEvent> = {}): NewEvent {
  return {
    organizationKey,
    organizationVersion: 1,
    id: newId(),
    shard: shardOf(organizationKey),
    claimedBy: null,
    type: 'thing.happened',
    scope: null,
    subjectKind: null,
    subjectId: null,
    externalId: null,
    test: false,
    sender: null,
    data: null,
    dataStart: 0,
    dataLength: 2,
    body: Buffer.from('{}'),
    webhookIds: [WEBHOOK],
    ordered: false,
    ...more,
  };
}

/** A node that doesn't send but collects what it would send. */
async function node(database: Database, options: { leaseMs?: number; renewMs?: number; doubtMs?: number; pollMs?: number } = {}) {
  const taken: { event: LoggedEvent; outstanding: Outstanding; webhookIds: readonly string[] }[] = [];
  const ownership: Ownership = new Ownership({
    database,
    log,
    memory: new MemoryBudget(),
    nodeName: 'test',
    leaseMs: options.leaseMs ?? 6_000,
    renewMs: options.renewMs ?? 50,
    lowWaterLimit: () => follower.position,
    onClosed: () => {},
  });
  const follower: LogFollower = new LogFollower({
    database,
    ownership,
    log,
    pollMs: options.pollMs ?? 5,
    doubtMs: options.doubtMs ?? 10_000,
    isDeferring: () => false,
    take: ({ shard, event: logged, webhookIds }) => {
      taken.push({ event: logged, outstanding: shard.track(logged, webhookIds.length), webhookIds });
    },
    onAcquired: async () => {},
    onEstablished: () => {},
    orderedEnded: () => null,
    onRead: () => {},
    onDiscontinuity: () => ownership.invalidate(),
    hasRoom: () => true,
  });
  await ownership.start();
  await follower.start();
  return {
    taken,
    ownership,
    follower,
    ids: () => taken.map((one) => one.event.id),
    async stop() {
      await follower.stop();
      await ownership.stop();
    },
  };
}

describeOnBothDatabases('reading the log', (open) => {
  test('a new owner takes in accepted events that are not recorded, and no recorded ones', async () => {
    await using database = await open();
    const key = await organization(database);
    const [settled, unsettled] = [event(key, { claimedBy: 1_000 }), event(key, { claimedBy: 1_000 })];
    await appendEvents(database, [settled, unsettled]);
    const first = await node(database);
    const shard = first.ownership.shard(shardOf(key));
    await settleFirst(database, first.ownership.nodeId, [
      {
        organizationKey: key,
        shard: shardOf(key),
        epoch: shard?.epoch ?? 0,
        deliveryId: deliveryId(settled.id, WEBHOOK),
        webhookId: WEBHOOK,
        eventId: settled.id,
        eventType: settled.type,
        test: false,
        status: 'delivered',
        attemptCount: 1,
        attempt: null,
        waiting: null,
        exhausted: false,
        orderKey: null,
        eventXid: 0,
        wasWaiting: false,
      },
    ]);
    await first.stop();
    const second = await node(database);
    await eventually(() => expect(second.ids()).toEqual([unsettled.id]));
    await second.stop();
  });

  test('the owner reads events accepted by others, and not those it claimed itself', async () => {
    await using database = await open();
    const key = await organization(database);
    const owner = await node(database);
    const foreign = event(key);
    await appendEvents(database, [event(key, { claimedBy: owner.ownership.nodeId }), foreign]);
    await eventually(() => expect(owner.ids()).toEqual([foreign.id]));
    await owner.stop();
  });

  test('an append with an unknown outcome is searched for, and the node claims again when it can no longer commit', async () => {
    await using database = await open();
    const key = await organization(database);
    const owner = await node(database, { doubtMs: 100 });
    const since = owner.follower.position.xid;
    const unknown = event(key, { claimedBy: owner.ownership.nodeId });
    await appendEvents(database, [unknown]);
    owner.follower.doubt({ since, isCommitted: false });
    await eventually(() => expect(owner.ids()).toEqual([unknown.id]));
    expect(owner.follower.inDoubt).toBe(true);
    await eventually(() => expect(owner.follower.inDoubt).toBe(false));
    await owner.stop();
  });

  test('the low-water mark stays at the oldest event that is not recorded', async () => {
    await using database = await open();
    const key = await organization(database);
    const owner = await node(database);
    const stored = event(key);
    const { xid } = await appendEvents(database, [stored]);
    await eventually(() => expect(owner.ids()).toEqual([stored.id]));
    await appendEvents(database, [event(key)]);
    await eventually(() => expect(owner.ids()).toHaveLength(2));
    const shard = owner.ownership.shard(shardOf(key));
    expect(shard?.lowWater(owner.follower.position.xid)).toBe(xid);
    const [first] = owner.taken;
    if (first) shard?.recorded(first.outstanding);
    expect(shard?.lowWater(owner.follower.position.xid)).toBeGreaterThan(xid);
    await owner.stop();
  });
});

test('the log is read in order of transactions, even if their ids gain a digit', async () => {
  await using database = await testPglite();
  const key = await organization(database);
  const next = statement('next_xid', 'SELECT pg_current_xact_id()::text AS xid');
  const xid = async (): Promise<number> => Number((await database.query<{ xid: string }>(next))[0]?.xid);
  const stored: string[] = [];
  const append = async (count: number): Promise<void> => {
    const events = Array.from({ length: count }, () => event(key));
    stored.push(...events.map(({ id }) => id));
    await appendEvents(database, events);
  };
  for (let at = await xid(); at < 990;) at = await xid();
  for (let batch = 0; batch < 20; batch++) await append(60);
  expect(await xid()).toBeGreaterThan(1_000);
  const owner = await node(database);
  await eventually(() => expect(owner.ids()).toEqual(stored));
  await owner.stop();
});

test('a shard with a long backlog does not delay the other shards of a new owner', async () => {
  await using database = await testPglite();
  const key = await organization(database);
  const events = Array.from({ length: 1_200 }, () => event(key));
  await appendEvents(database, events);
  for (let count = 0; count < 600; count++) await database.query(statement('next_xid', 'SELECT pg_current_xact_id()'));
  await database.query(statement('mark_others', 'UPDATE shards SET low_water = pg_current_xact_id() WHERE id <> $1'), [shardOf(key)]);
  const owner = await node(database);
  expect([...owner.ownership.shards].filter((shard) => shard.established)).toHaveLength(SHARD_COUNT - 1);
  await eventually(() => expect(owner.ownership.shard(shardOf(key))?.established).toBe(true));
  expect(owner.ids()).toEqual(events.map(({ id }) => id));
  await owner.stop();
});

/** Stores an event in a transaction that stays open. */
function appendSlowly(database: Database, stored: NewEvent): Promise<HeldTransaction> {
  return holdTransaction(database, (transaction) => appendEvents(transaction, [stored]));
}

test('an append with an unknown outcome is found even if it commits long after', async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  const owner = await node(database, { doubtMs: 0 });
  const since = owner.follower.position.xid;
  const late = event(key, { claimedBy: owner.ownership.nodeId });
  await using slow = await appendSlowly(database, late);
  owner.follower.doubt({ since, isCommitted: false });
  await after(50);
  expect(owner.follower.inDoubt).toBe(true);
  expect(owner.follower.position.xid).toBeLessThanOrEqual((await logHorizon(database)).xid);
  await slow.commit();
  await eventually(() => expect(owner.ids()).toEqual([late.id]));
  await eventually(() => expect(owner.follower.inDoubt).toBe(false));
  await owner.stop();
});

test('a claimed event is found even if an older transaction is still open during the search', async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  const owner = await node(database);
  const since = owner.follower.position.xid;
  await using older = await appendSlowly(database, event(key, { webhookIds: [] }));
  const claimed = event(key, { claimedBy: owner.ownership.nodeId });
  await appendEvents(database, [claimed]);
  owner.follower.doubt({ since, isCommitted: true });
  await after(50);
  expect(owner.ids()).toEqual([]);
  await older.commit();
  await eventually(() => expect(owner.ids()).toContain(claimed.id));
  await eventually(() => expect(owner.follower.inDoubt).toBe(false));
  await owner.stop();
});

test('a commit that overtakes another leaves no gap: the late one is read when it commits', async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  const owner = await node(database);
  const late = event(key);
  const early = event(key);
  await using slow = await appendSlowly(database, late);
  await appendEvents(database, [early]);
  await after(50);
  expect(owner.follower.position.xid).toBeLessThanOrEqual((await logHorizon(database)).xid);
  expect(owner.ids()).toEqual([]);
  await slow.commit();
  await eventually(() => expect(owner.ids().toSorted()).toEqual([late.id, early.id].toSorted()));
  await owner.stop();
});

test('an open transaction in another database of the server does not block reading', async () => {
  await using database = await testPostgres();
  await using other = await testPostgres();
  const key = await organization(database);
  const owner = await node(database);
  await using elsewhere = await appendSlowly(other, event(await organization(other)));
  const stored = event(key);
  await appendEvents(database, [stored]);
  await eventually(() => expect(owner.ids()).toEqual([stored.id]));
  await elsewhere.commit();
  await owner.stop();
});

test('a follower that is woken polls now, and again if it is woken during a poll', async () => {
  await using database = await testPglite();
  const key = await organization(database);
  const owner = await node(database, { pollMs: 3_600_000 });
  const written: string[] = [];
  for (let round = 0; round < 5; round++) {
    const events = [event(key), event(key)];
    for (const one of events) {
      await appendEvents(database, [one]);
      owner.follower.wake();
      written.push(one.id);
    }
    await eventually(() => expect(owner.ids()).toEqual(written));
  }
  await owner.stop();
});

test('two nodes share the shards; when one dies, the other owns them all within its lease', async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  const first = await node(database, { leaseMs: 700 });
  const second = await node(database, { leaseMs: 700 });
  await eventually(() => {
    expect(first.ownership.count).toBe(32);
    expect(second.ownership.count).toBe(32);
  });
  const dies = first.ownership.shard(shardOf(key)) ? first : second;
  const lives = dies === first ? second : first;
  await dies.follower.stop();
  dies.ownership.abandon();
  const stored = event(key, { claimedBy: dies.ownership.nodeId });
  await appendEvents(database, [stored]);
  await eventually(() => expect(lives.ownership.count).toBe(64));
  await eventually(() => expect(lives.ids()).toEqual([stored.id]));
  await lives.stop();
});

test('a node that owns a shard again reads events that it had claimed before and dropped when the shard left', async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  const owner = await node(database);
  const below = event(key, { claimedBy: owner.ownership.nodeId });
  const above = event(key, { claimedBy: owner.ownership.nodeId });
  await appendEvents(database, [below]);
  // Later events stay above the horizon.
  await using older = await appendSlowly(database, event(key, { webhookIds: [] }));
  await appendEvents(database, [above]);
  await database.query(statement('lose', 'UPDATE shards SET epoch = epoch + 1, owner = NULL WHERE id = $1'), [shardOf(key)]);
  await eventually(() => expect(owner.ids()).toContain(below.id));
  await older.commit();
  await eventually(() => expect(owner.ids().toSorted()).toEqual([below.id, above.id].toSorted()));
  await eventually(() => expect(owner.follower.inDoubt).toBe(false));
  await owner.stop();
});

test('reused transaction ids of the server are detected: no stored event is skipped', async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  const owner = await node(database, { renewMs: 10 });
  const before = owner.ownership.nodeId;
  // Same as after crash recovery: the table is empty, and the stored marks are unchanged.
  const stored = event(key);
  await database.transaction(async (transaction) => {
    await transaction.query(statement('recovery', 'DELETE FROM log_continuity'));
    await appendEvents(transaction, [stored]);
    await transaction.query(statement('marks', `UPDATE shards SET low_water = '1' WHERE id = $1`), [shardOf(key)]);
  });
  await eventually(() => expect(owner.ownership.nodeId).not.toBe(before));
  await eventually(() => expect(owner.ids()).toContain(stored.id));
  await owner.stop();
});

test('a transaction of another database that has just ended does not count as the server going back', async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  let answers = 0;
  // The server's result if the other transaction ends between the query of transactions and that of their holders.
  const query: Database['query'] = async (asked, values) => {
    const rows = await database.query<never>(asked, values);
    return asked.name === 'log_horizon' && ++answers > 5 ? rows.map((row: object) => Object.assign(row, { xid: '700' }) as never) : rows;
  };
  const owner = await node({ ...database, query });
  const { nodeId } = owner.ownership;
  await eventually(() => expect(answers).toBeGreaterThan(10));
  expect(owner.ownership.nodeId).toBe(nodeId);
  answers = -1_000_000;
  const stored = event(key);
  await appendEvents(database, [stored]);
  await eventually(() => expect(owner.ids()).toEqual([stored.id]));
  await owner.stop();
});

test("events with transaction ids of another server, as in a restored database, are the next owner's too", async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  const restored = event(key);
  await appendEvents(database, [restored]);
  await database.query(statement('restored', `UPDATE events SET xid = '4000000000'`));
  const first = await node(database);
  await eventually(() => expect(first.ids()).toEqual([restored.id]));
  const shard = first.ownership.shard(shardOf(key));
  await eventually(async () => {
    const [row] = await database.query<{ low_water: string }>(statement('mark', 'SELECT low_water::text FROM shards WHERE id = $1'), [
      shardOf(key),
    ]);
    expect(Number(row?.low_water)).toBeGreaterThan(0);
  });
  expect(shard?.lowWater(first.follower.position.xid)).toBeLessThan(4_000_000_000);
  await first.stop();
  const second = await node(database);
  await eventually(() => expect(second.ids()).toEqual([restored.id]));
  await second.stop();
});

test('a delivery cancelled while no node listened is not taken in', async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  const owner = await node(database, { pollMs: 3_600_000 });
  const [cancelled, stored] = [event(key), event(key)];
  await appendEvents(database, [cancelled, stored]);
  const deliveries = [{ id: deliveryId(cancelled.id, WEBHOOK), eventId: cancelled.id, eventType: cancelled.type }];
  await insertUnsent(database, { organizationKey: key, webhookId: WEBHOOK, status: 'cancelled', deliveries });
  owner.follower.recheck();
  await eventually(() => expect(owner.ids()).toEqual([stored.id]));
  await owner.stop();
});
