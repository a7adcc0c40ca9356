import { setTimeout as after } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { testPostgres } from '../../../test-support/database.ts';
import { eventually } from '../../../test-support/eventually.ts';
import { statement, type Database } from '../../store/database.ts';
import { deliveryId } from '../../ids/delivery-id.ts';
import { appendEvents } from '../../store/event-log.ts';
import { shardOf } from '../../ids/shard.ts';
import { newId } from '../../ids/uuid-time.ts';
import { Dispatcher } from '../dispatch/dispatcher.ts';
import { DEFAULT_DISPATCHER_OPTIONS } from '../dispatch/options.ts';
import { createForwardClock } from './forward-clock.ts';
import type { Job } from './job.ts';
import { MemoryBudget } from './memory-budget.ts';
import { Ownership } from './ownership.ts';
import { WaitingLoader } from './waiting-loader.ts';

const log = pino({ level: 'silent' });
const ORGANIZATION = statement(
  'test_organization',
  `INSERT INTO organizations (id, name, product) VALUES ('a', 'A', 'generic') RETURNING key`,
);
const WAIT = statement(
  'test_wait',
  `INSERT INTO waiting (delivery_id, organization_key, shard, webhook_id, event_id, attempt_count, due_at, reason)
   VALUES ($1, $2, $3, $4, $5, 1, CASE WHEN $6 = 'retry' THEN now() ELSE 'infinity' END, $6)`,
);
const GONE = statement('test_gone', 'DELETE FROM waiting');
const LOSE = statement('test_lose', `UPDATE shards SET owner = 999, epoch = epoch + 1, expires_at = 'infinity'`);

/** A waiting delivery. */
async function waiting(database: Database, reason: 'retry' | 'backlog'): Promise<string> {
  const [row] = await database.query<{ key: number }>(ORGANIZATION);
  const organizationKey = row?.key ?? 0;
  const [eventId, webhookId, shard] = [newId(), newId(), shardOf(organizationKey)];
  const names = { type: 'a.b', scope: null, subjectKind: null, subjectId: null, externalId: null, sender: null };
  const body = { data: null, dataStart: 0, dataLength: 2, body: Buffer.from('{}') };
  const matched = { webhookIds: [webhookId], ordered: false, claimedBy: null, test: false };
  await appendEvents(database, [{ organizationKey, organizationVersion: 1, id: eventId, shard, ...names, ...body, ...matched }]);
  const id = deliveryId(eventId, webhookId);
  await database.query(WAIT, [id, organizationKey, shard, webhookId, eventId, reason]);
  return id;
}

/** A node that loads waiting deliveries and collects their outcomes. */
async function loading(database: Database, offer: (job: Job) => 'queued' | 'full' | 'open') {
  const ownership = new Ownership({
    database,
    memory: new MemoryBudget(),
    log,
    nodeName: 'test',
    leaseMs: 6_000,
    renewMs: 20,
    lowWaterLimit: () => ({ xid: 0, continuity: null }),
    onClosed: () => {},
  });
  const clock = createForwardClock(Date.now);
  const dispatcher = new Dispatcher<Job>(DEFAULT_DISPATCHER_OPTIONS);
  const loader = new WaitingLoader({ database, ownership, dispatcher, log, now: Date.now, clock, pollMs: 10, offer });
  await ownership.start();
  for (const shard of ownership.shards) shard.readFrom = null;
  loader.adopt([...ownership.shards]);
  loader.start();
  return {
    loader,
    ownership,
    async [Symbol.asyncDispose]() {
      await loader.stop();
      await ownership.stop();
    },
  };
}

test('a delivery spilled for an open breaker is loaded again although the response to the move was lost', async () => {
  await using database = await testPostgres();
  const id = await waiting(database, 'retry');
  let isLost = false;
  const query: Database['query'] = async (asked, values) => {
    const rows = await database.query<never>(asked, values);
    if (asked.name !== 'move_to_backlog' || isLost) return rows;
    isLost = true;
    throw new Error('The connection broke.');
  };
  const queued: string[] = [];
  await using node = await loading({ ...database, query }, (job) => {
    if (!isLost) return 'open';
    queued.push(job.deliveryId);
    return 'queued';
  });
  await eventually(() => expect(queued).toEqual([id]));
  expect(node.ownership.count).toBe(64);
});

test('the backlog of a shard that has left is no longer loaded', async () => {
  await using database = await testPostgres();
  await waiting(database, 'backlog');
  let asked = 0;
  const query: Database['query'] = (one, values) => {
    if (one.name === 'backlog_of_webhook') asked++;
    return database.query(one, values);
  };
  await using node = await loading({ ...database, query }, () => 'full');
  await eventually(() => expect(asked).toBeGreaterThan(2));
  await database.query(LOSE);
  await eventually(() => expect(node.ownership.count).toBe(0));
  await after(50);
  const before = asked;
  await after(200);
  expect(asked).toBe(before);
});

test('a loaded delivery is found cancelled although the notification was lost', async () => {
  await using database = await testPostgres();
  await waiting(database, 'retry');
  const jobs: Job[] = [];
  await using node = await loading(database, (job) => {
    jobs.push(job);
    return 'queued';
  });
  await eventually(() => expect(jobs).toHaveLength(1));
  await node.loader.recheck();
  expect(jobs[0]?.isCancelled).toBe(false);
  await database.query(GONE);
  await node.loader.recheck();
  expect(jobs[0]?.isCancelled).toBe(true);
});
