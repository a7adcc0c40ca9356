import { expect, test } from 'vitest';
import { testPostgres } from '../../test-support/database.ts';
import { holdTransaction } from '../../test-support/held-transaction.ts';
import { statement, type Queryable } from './database.ts';
import { deliveryId } from '../ids/delivery-id.ts';
import { settleLater, type Settlement } from './settle.ts';
import { shardOf } from '../ids/shard.ts';
import { newId } from '../ids/uuid-time.ts';
import { deleteWebhook } from './webhooks.ts';

const NODE = 1;
const ORGANIZATION = statement(
  'test_organization',
  `INSERT INTO organizations (id, name, product) VALUES ('a', 'A', 'generic') RETURNING key`,
);
const WEBHOOK = statement(
  'test_webhook',
  `INSERT INTO webhooks (id, organization_key, url, events, status) VALUES ($1, $2, 'https://example.com/', '{*}', 'paused')`,
);
const OWN = statement('test_own', 'UPDATE shards SET owner = $1, epoch = 1');
const READ = statement('test_read', 'SELECT deliveries.status, reason, due_at FROM deliveries LEFT JOIN waiting ON delivery_id = id');

async function stage(database: Queryable) {
  const [row] = await database.query<{ key: number }>(ORGANIZATION);
  const organizationKey = row?.key ?? 0;
  const webhookId = newId();
  await database.query(WEBHOOK, [webhookId, organizationKey]);
  await database.query(OWN, [NODE]);
  const eventId = newId();
  const held: Settlement = {
    organizationKey,
    shard: shardOf(organizationKey),
    epoch: 1,
    deliveryId: deliveryId(eventId, webhookId),
    webhookId,
    eventId,
    eventType: 'a.b',
    test: false,
    status: 'held',
    attemptCount: 0,
    attempt: null,
    waiting: { reason: 'held', dueAt: 'infinity' },
    exhausted: false,
    orderKey: null,
    eventXid: 0,
    wasWaiting: false,
  };
  return { organizationKey, webhookId, held };
}

const NOW = Date.UTC(2026, 0, 1);

test('a delivery that is held while its webhook is deleted is due at once, and then cancelled', async () => {
  await using database = await testPostgres();
  const { organizationKey, webhookId, held } = await stage(database);
  await using deleting = await holdTransaction(database, (transaction) => deleteWebhook(transaction, webhookId, organizationKey));
  const recorded = settleLater(database, { nodeId: NODE, nowMs: NOW, settlements: [held] });
  await deleting.commit();
  await recorded;
  expect(await database.query(READ)).toEqual([{ status: 'pending', reason: 'retry', due_at: new Date(NOW) }]);
});

test('a delivery of a paused webhook is held', async () => {
  await using database = await testPostgres();
  const { held } = await stage(database);
  await settleLater(database, { nodeId: NODE, nowMs: NOW, settlements: [held] });
  expect(await database.query(READ)).toEqual([{ status: 'held', reason: 'held', due_at: Number.POSITIVE_INFINITY }]);
});
