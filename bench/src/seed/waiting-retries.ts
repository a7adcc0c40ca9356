import type pg from 'pg';
import { deliveryId } from '../../../packages/server/src/ids/delivery-id.ts';
import { newId } from '../../../packages/server/src/ids/uuid-time.ts';
import { sampleData } from '../wire/marker.ts';

const PAGE = 5_000;

/** One failed attempt each, the next a day ahead. Bodies and attempts as large as the real ones. */
const RETRIES = `
  WITH input AS MATERIALIZED (
    SELECT one.*, one.key % 64 AS shard, now() + interval '1 day' + one.number * interval '50 milliseconds' AS due_at
    FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int[]) AS one (key, webhook_id, event_id, delivery_id, number)
  ),
  logged AS (
    INSERT INTO events (organization_key, id, shard, type, data_start, data_length, body, webhook_ids)
    SELECT key, event_id, shard, 'bench-00', $7, $8, $6, ARRAY[webhook_id] FROM input
  ),
  recorded AS (
    INSERT INTO deliveries (organization_key, id, webhook_id, event_id, event_type, status, attempt_count, next_attempt_at, first_attempt)
    SELECT key, delivery_id, webhook_id, event_id, 'bench-00', 'retrying', 1, due_at, $9 FROM input
  )
  INSERT INTO waiting (delivery_id, organization_key, shard, webhook_id, event_id, attempt_count, due_at, reason)
  SELECT delivery_id, key, shard, webhook_id, event_id, 1, due_at, 'retry' FROM input`;

const ATTEMPT = JSON.stringify({
  id: '01994b5e-7c1a-7000-8000-000000000000',
  number: 1,
  at: '2026-01-15T09:30:00.000Z',
  durationMs: 3,
  request: { url: 'http://127.0.0.1/w/0/waiting', method: 'POST', headers: [['content-type', 'application/json']] },
  response: { status: 503, headers: [['content-length', '0']], body: '', truncated: false },
  failure: { code: 'status', message: 'The endpoint responded with 503.' },
});

/**
 * Puts `count` waiting retries into the tables, spread over the organizations whose id starts with `waiting-`, which
 * have one webhook each. No node may run: the log below is then marked as read, as it would be.
 */
export async function seedWaitingRetries(client: pg.Client, count: number, dataBytes: number): Promise<void> {
  const { rows: targets } = await client.query<{ key: number; webhook_id: string }>(
    `SELECT organizations.key, webhooks.id AS webhook_id FROM organizations JOIN webhooks ON webhooks.organization_key = organizations.key
     WHERE organizations.id LIKE 'waiting-%' ORDER BY organizations.key`,
  );
  const data = sampleData(dataBytes);
  const head = '{"type":"bench-00","timestamp":"2026-01-15T09:30:00.000Z","data":';
  const body = Buffer.from(`${head}${data}}`);
  for (let from = 0; from < count; from += PAGE) {
    const rows = Array.from({ length: Math.min(PAGE, count - from) }, (_, index) => retry(targets, from + index));
    await client.query(RETRIES, [
      rows.map((row) => row.key),
      rows.map((row) => row.webhookId),
      rows.map((row) => row.eventId),
      rows.map((row) => deliveryId(row.eventId, row.webhookId)),
      rows.map((row) => row.number),
      body,
      head.length,
      Buffer.byteLength(data),
      Buffer.from(ATTEMPT),
    ]);
  }
  await client.query('UPDATE shards SET low_water = pg_current_xact_id()');
  await client.query('VACUUM ANALYZE events, deliveries, waiting');
  await client.query('CHECKPOINT').catch(() => {});
}

function retry(targets: readonly { key: number; webhook_id: string }[], number: number) {
  const target = targets[number % targets.length];
  if (!target) throw new Error('No organization to seed.');
  return { key: target.key, webhookId: target.webhook_id, eventId: newId(), number };
}
