import { statement, type Database, type Queryable } from './database.ts';
import { SHARD_COUNT } from '../ids/shard.ts';

/** A webhook whose endpoint only fails. */
export interface FailingWebhookRow {
  readonly id: string;
  readonly organization_key: number;
  readonly health_version: number;
  readonly failing_since: Date;
  readonly missed_since: Date | null;
}

/** Index: webhooks_failing. A failed webhook is left out: enabling it resets its health. */
const FAILING = statement(
  'failing_webhooks',
  `SELECT id, organization_key, health_version, failing_since, missed_since FROM webhooks
   WHERE failing_since IS NOT NULL AND status <> 'failed' AND (organization_key % ${SHARD_COUNT}) = ANY($1::int[])`,
);

/** Returns the failing webhooks of some shards. */
export function failingWebhooks(queryable: Queryable, shards: readonly number[]): Promise<FailingWebhookRow[]> {
  return queryable.query<FailingWebhookRow>(FAILING, [shards]);
}

/** Since when a version of a webhook has been failing; null: its last outcome was a success. */
export interface HealthChange {
  readonly webhookId: string;
  readonly shard: number;
  readonly version: number;
  readonly since: Date | null;
  readonly missedSince: Date | null;
}

/**
 * Writes only for webhooks whose shard the node owns and whose version is unchanged. A success that arrives after the
 * webhook was marked failed must not hide what it missed.
 */
const SAVE = statement(
  'save_webhook_health',
  `UPDATE webhooks
   SET failing_since = CASE WHEN noted.since IS NOT NULL THEN least(failing_since, noted.since) END,
       missed_since = CASE WHEN noted.since IS NOT NULL THEN least(missed_since, noted.missed) END
   FROM unnest($2::uuid[], $3::int[], $4::int[], $5::timestamptz[], $6::timestamptz[]) AS noted (id, shard, version, since, missed)
   WHERE webhooks.id = noted.id AND webhooks.health_version = noted.version AND (status <> 'failed' OR noted.since IS NOT NULL)
     AND (noted.shard IN (SELECT id FROM shards WHERE owner = $1)) IS TRUE`,
);

export async function saveWebhookHealth(queryable: Queryable, nodeId: number, changes: readonly HealthChange[]): Promise<void> {
  await queryable.query(SAVE, [
    nodeId,
    changes.map(({ webhookId }) => webhookId),
    changes.map(({ shard }) => shard),
    changes.map(({ version }) => version),
    changes.map(({ since }) => since),
    changes.map(({ missedSince }) => missedSince),
  ]);
}

/** Locks the organization before its webhook, as all other changes do, to avoid a deadlock. */
const FAIL = statement(
  'fail_webhook',
  `WITH locked AS MATERIALIZED (
     SELECT key FROM organizations WHERE key = $1 FOR UPDATE
   ), failed AS (
     UPDATE webhooks SET status = 'failed', status_reason = $4, status_changed_at = $5, updated_at = $5
     WHERE id = $2 AND organization_key = (SELECT key FROM locked) AND health_version = $3 AND status = 'active'
       AND ($7::timestamptz IS NULL OR failing_since <= $7)
     RETURNING organization_key
   ), told AS (
     INSERT INTO notices (type, organization_key, webhook_id, reason, happened_at)
     SELECT $6, organization_key, $2, $4, $5 FROM failed
   ), bumped AS (
     UPDATE organizations SET version = version + 1 WHERE key IN (SELECT organization_key FROM failed) RETURNING key
   )
   SELECT pg_notify('posthorn_changes', 'organization:' || key) FROM bumped`,
);

export interface FailWebhook {
  readonly organizationKey: number;
  readonly webhookId: string;
  readonly version: number;
  readonly notice: 'webhook.failed' | 'webhook.disabled';
  readonly reason: string;
  readonly now: Date;
  /** Only if it has been failing since this time; null: always. */
  readonly failingSince: Date | null;
}

/**
 * Marks an active webhook failed, with a notice, if it still has the version under which the reason arose. Returns
 * whether it was marked.
 */
export async function failWebhook(database: Database, input: FailWebhook): Promise<boolean> {
  const rows = await database.query(FAIL, [
    input.organizationKey,
    input.webhookId,
    input.version,
    input.reason,
    input.now,
    input.notice,
    input.failingSince,
  ]);
  return rows.length > 0;
}
