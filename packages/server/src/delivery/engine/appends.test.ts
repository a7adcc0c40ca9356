import { pino } from 'pino';
import { expect, test } from 'vitest';
import { testPostgres } from '../../../test-support/database.ts';
import { eventually } from '../../../test-support/eventually.ts';
import { statement, type Database, type Queryable } from '../../store/database.ts';
import { appendEvents, type NewEvent } from '../../store/event-log.ts';
import { logEnd } from '../../store/log-reading.ts';
import { shardOf } from '../../ids/shard.ts';
import { registerNode, removeNode } from '../../store/shards.ts';
import { newId } from '../../ids/uuid-time.ts';
import { Appends } from './appends.ts';
import { DeferredEvents } from './deferred-events.ts';
import { EventIntake } from './event-intake.ts';
import { LogNotifier } from './log-notifier.ts';
import { LogFollower } from './log-follower.ts';
import { MemoryBudget } from './memory-budget.ts';
import { Ownership } from './ownership.ts';

const log = pino({ level: 'silent' });
const ORGANIZATION = statement(
  'test_organization',
  `INSERT INTO organizations (id, name, product) VALUES ('a', 'A', 'generic') RETURNING key`,
);
const LOSE = statement('test_lose', 'UPDATE shards SET owner = NULL, epoch = epoch + 1');
const WEBHOOK = newId();

async function organization(database: Queryable): Promise<number> {
  const [row] = await database.query<{ key: number }>(ORGANIZATION);
  return row?.key ?? 0;
}

/** A node that accepts and reads, and collects what it would send. It polls only when it is woken. */
async function node(database: Database) {
  const taken: string[] = [];
  const memory = new MemoryBudget();
  const deferred = new DeferredEvents({ database, memory, log, take: (loaded) => intake.takeDeferred(loaded) });
  const ownership: Ownership = new Ownership({
    database,
    memory,
    log,
    nodeName: 'test',
    leaseMs: 6_000,
    renewMs: 20,
    lowWaterLimit: () => appends.lowWaterLimit,
    onClosed: () => {},
  });
  const intake: EventIntake = new EventIntake({
    memory,
    deferred,
    // Without a cached organization, every webhook may be ordered.
    directory: { peek: () => undefined, invalidate: () => {} },
    readTenant: () => Promise.resolve(null),
    isOnlySource: () => appends.isOnlySource(),
    onHeldBack: () => {},
    offer: (_tenant, { event }) => taken.push(event.id),
  });
  const follower: LogFollower = new LogFollower({
    database,
    ownership,
    log,
    pollMs: 3_600_000,
    take: (read) => intake.takeLogged(read),
    isDeferring: (organizationKey) => deferred.has(organizationKey),
    orderedEnded: () => appends.orderedEnded(),
    onRead: (xid) => intake.releaseBefore({ xid, id: '' }),
    onAcquired: () => Promise.resolve(),
    onEstablished: () => {},
    onDiscontinuity: () => ownership.invalidate(),
    hasRoom: () => true,
  });
  const notifier = new LogNotifier(() => Promise.resolve());
  const appends: Appends = new Appends({ database, ownership, follower, notifier, intake: () => intake, onTaken: () => {} });
  await ownership.start();
  await follower.start();
  return {
    taken,
    ownership,
    follower,
    appends,
    async [Symbol.asyncDispose]() {
      notifier.stop();
      await follower.stop();
      await ownership.stop();
    },
  };
}

/** Wakes the reader until the condition holds: an older open transaction in any database of the server may block it. */
function reading(owner: { readonly follower: LogFollower }, check: () => void): Promise<void> {
  return eventually(() => {
    owner.follower.wake();
    check();
  });
}

function newEvent(organizationKey: number, claimedBy: number | null, subjectId: string | null = null): NewEvent {
  const names = { type: 'a.b', scope: null, subjectKind: subjectId && 'thing', subjectId, externalId: null, sender: null };
  const body = { data: null, dataStart: 0, dataLength: 2, body: Buffer.from('{}') };
  const matched = { webhookIds: [WEBHOOK], ordered: subjectId !== null, claimedBy, test: false };
  return { organizationKey, organizationVersion: 1, id: newId(), shard: shardOf(organizationKey), ...names, ...body, ...matched };
}

test('a claimed event is taken in at once, and the low-water mark stays below it from before it is stored', async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  await using owner = await node(database);
  const { xid: before } = owner.appends.lowWaterLimit;
  const flush = owner.appends.begin(true);
  const stored = newEvent(key, owner.ownership.nodeId);
  const { xid } = await appendEvents(database, [stored]);
  await reading(owner, () => expect(owner.follower.position.xid).toBeGreaterThan(xid));
  expect(owner.appends.lowWaterLimit.xid).toBe(before);
  flush.committed(xid, [stored]);
  await eventually(() => expect(owner.taken).toEqual([stored.id]));
  expect(owner.ownership.shard(shardOf(key))?.lowWater(owner.appends.lowWaterLimit.xid)).toBe(xid);
});

test('an append that is rolled back leaves no trace', async () => {
  await using database = await testPostgres();
  await using owner = await node(database);
  const flush = owner.appends.begin(true);
  flush.rolledBack();
  const end = await logEnd(database);
  await reading(owner, () => expect(owner.appends.lowWaterLimit.xid).toBeGreaterThan(end));
  expect(owner.follower.inDoubt).toBe(false);
});

test('an event whose shard was lost and is owned again, but not read yet, follows earlier events of the log, once', async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  await using owner = await node(database);
  const claimed = owner.ownership.shard(shardOf(key));
  const flush = owner.appends.begin(true);
  const [earlier, stored] = [newEvent(key, null), newEvent(key, owner.ownership.nodeId)];
  await appendEvents(database, [earlier]);
  const { xid } = await appendEvents(database, [stored]);
  await database.query(LOSE);
  await eventually(() => {
    const again = owner.ownership.shard(shardOf(key));
    expect(again).toBeDefined();
    expect(again).not.toBe(claimed);
  });
  flush.committed(xid, [stored]);
  await reading(owner, () => expect(owner.taken).toEqual([earlier.id, stored.id]));
  await reading(owner, () => expect(owner.follower.inDoubt).toBe(false));
  expect(owner.taken).toEqual([earlier.id, stored.id]);
});

test('an ordered event is held back while another node may have committed an earlier one, until the log is read up to it', async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  await using owner = await node(database);
  await reading(owner, () => expect(owner.appends.isOnlySource()).toBe(true));
  const other = await registerNode(database, 'other');
  await eventually(() => expect(owner.ownership.isAlone).toBe(false));
  const [theirs, ours] = [newEvent(key, null, 'x'), newEvent(key, owner.ownership.nodeId, 'x')];
  await appendEvents(database, [theirs]);
  const flush = owner.appends.begin(true);
  const { xid } = await appendEvents(database, [ours]);
  flush.committed(xid, [ours]);
  expect(owner.taken).toEqual([]);
  await reading(owner, () => expect(owner.taken).toEqual([theirs.id, ours.id]));
  await removeNode(database, other);
});

test('an ordered event does not overtake one that this node left to the log', async () => {
  await using database = await testPostgres();
  const key = await organization(database);
  await using owner = await node(database);
  await reading(owner, () => expect(owner.appends.isOnlySource()).toBe(true));
  const [left, ours] = [newEvent(key, null, 'x'), newEvent(key, owner.ownership.nodeId, 'x')];
  for (const one of [left, ours]) {
    const flush = owner.appends.begin(true);
    flush.committed((await appendEvents(database, [one])).xid, [one]);
  }
  expect(owner.taken).toEqual([]);
  await reading(owner, () => expect(owner.taken).toEqual([left.id, ours.id]));
});
