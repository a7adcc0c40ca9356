import { statement, type Database, type Queryable } from './database.ts';

const SAVE = statement(
  'save_failing_since',
  `UPDATE webhooks SET failing_since = noted.since
   FROM unnest($1::uuid[], $2::timestamptz[]) AS noted (id, since) WHERE webhooks.id = noted.id`,
);

/** Keeps since when webhooks have answered with nothing but failure; null: no more. */
export async function saveFailingSince(queryable: Queryable, noted: ReadonlyMap<string, Date | null>): Promise<void> {
  await queryable.query(SAVE, [[...noted.keys()], [...noted.values()]]);
}

const FAIL = statement(
  'fail_webhook',
  `WITH failed AS (
     UPDATE webhooks SET status = 'failed', status_reason = $2, status_changed_at = $3, updated_at = $3
     WHERE id = $1 AND status = 'active' RETURNING organization_key
   ), told AS (
     INSERT INTO notices (type, organization_key, webhook_id, reason, happened_at)
     SELECT $4, organization_key, $1, $2, $3 FROM failed
   ), bumped AS (
     UPDATE organizations SET version = version + 1 WHERE key IN (SELECT organization_key FROM failed) RETURNING key
   )
   SELECT pg_notify('posthorn_changes', 'organization:' || key) FROM bumped`,
);

/** Marks an active webhook failed, and has it told. Answers whether it was active. */
export async function failWebhook(
  database: Database,
  input: { webhookId: string; notice: 'webhook.failed' | 'webhook.disabled'; reason: string; now: Date },
): Promise<boolean> {
  const rows = await database.query(FAIL, [input.webhookId, input.reason, input.now, input.notice]);
  return rows.length > 0;
}
