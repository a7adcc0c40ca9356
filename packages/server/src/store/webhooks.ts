import type { RetryPlan, SuccessRule } from '@posthorn/protocol';
import { statement, type Queryable } from './database.ts';
import { WEBHOOK_COLUMNS, type WebhookRow } from './tenants.ts';

/** The settings that a webhook's owner decides. null: the product's policy applies. */
export interface WebhookSettings {
  readonly url: string;
  readonly description: string | null;
  readonly events: readonly string[];
  readonly scope: string | null;
  readonly method: string | null;
  readonly contentType: string | null;
  /** Sealed. */
  readonly headers: Uint8Array | null;
  /** Sealed. */
  readonly secrets: Uint8Array | null;
  readonly retry: RetryPlan | null;
  readonly success: SuccessRule | null;
  readonly timeoutMs: number | null;
  readonly rateLimit: number | null;
  readonly ordered: boolean | null;
}

const CHANGED = statement(
  'organization_changed',
  `WITH bumped AS (UPDATE organizations SET version = version + 1 WHERE key = $1 AND deleted_at IS NULL RETURNING key)
   SELECT pg_notify('posthorn_changes', 'organization:' || key) FROM bumped`,
);

/**
 * Must be called in every transaction that changes matching. Locks the organization. Returns whether it still exists.
 */
export async function organizationChanged(transaction: Queryable, key: number): Promise<boolean> {
  return (await transaction.query(CHANGED, [key])).length > 0;
}

const COUNT = statement('count_webhooks', 'SELECT count(*)::int AS count FROM webhooks WHERE organization_key = $1');

export async function countWebhooks(queryable: Queryable, organizationKey: number): Promise<number> {
  const [row] = await queryable.query<{ count: number }>(COUNT, [organizationKey]);
  return row?.count ?? 0;
}

const INSERT = statement(
  'insert_webhook',
  `INSERT INTO webhooks (id, organization_key, status, url, description, events, scope, method, content_type, headers, secrets, retry, success,
     timeout_ms, rate_limit, ordered)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING ${WEBHOOK_COLUMNS}`,
);

export async function insertWebhook(
  transaction: Queryable,
  input: { id: string; organizationKey: number; status: string; settings: WebhookSettings },
): Promise<WebhookRow> {
  const [row] = await transaction.query<WebhookRow>(INSERT, [input.id, input.organizationKey, input.status, ...values(input.settings)]);
  if (!row) throw new Error('The webhook was not inserted.');
  return row;
}

const UPDATE = statement(
  'update_webhook',
  `UPDATE webhooks SET url = $3, description = $4, events = $5, scope = $6, method = $7, content_type = $8, headers = $9, secrets = $10,
     retry = $11, success = $12, timeout_ms = $13, rate_limit = $14, ordered = $15, updated_at = now(),
     health_version = CASE WHEN $16 THEN health_version + 1 ELSE health_version END,
     failing_since = CASE WHEN $16 THEN NULL ELSE failing_since END,
     missed_since = CASE WHEN $16 AND status <> 'failed' THEN NULL ELSE missed_since END
   WHERE id = $1 AND organization_key = $2 RETURNING ${WEBHOOK_COLUMNS}`,
);

/** `resetHealth`: attempts are now sent or judged differently, so the endpoint's health is reset. */
export async function updateWebhook(
  transaction: Queryable,
  input: { id: string; organizationKey: number; settings: WebhookSettings; resetHealth: boolean },
): Promise<WebhookRow | null> {
  const [row] = await transaction.query<WebhookRow>(UPDATE, [
    input.id,
    input.organizationKey,
    ...values(input.settings),
    input.resetHealth,
  ]);
  return row ?? null;
}

function values(settings: WebhookSettings) {
  return [
    settings.url,
    settings.description,
    settings.events,
    settings.scope,
    settings.method,
    settings.contentType,
    settings.headers,
    settings.secrets,
    settings.retry === null ? null : JSON.stringify(settings.retry),
    settings.success === null ? null : JSON.stringify(settings.success),
    settings.timeoutMs,
    settings.rateLimit,
    settings.ordered,
  ] as const;
}

const FIND = statement('find_webhook', `SELECT ${WEBHOOK_COLUMNS} FROM webhooks WHERE id = $1 AND organization_key = $2`);

export async function findWebhook(queryable: Queryable, id: string, organizationKey: number): Promise<WebhookRow | null> {
  const [row] = await queryable.query<WebhookRow>(FIND, [id, organizationKey]);
  return row ?? null;
}

const LOCK = statement('lock_webhook', `SELECT ${WEBHOOK_COLUMNS} FROM webhooks WHERE id = $1 AND organization_key = $2 FOR UPDATE`);

/** Locks the webhook until the transaction ends, and returns its current row. */
export async function lockWebhook(transaction: Queryable, id: string, organizationKey: number): Promise<WebhookRow | null> {
  const [row] = await transaction.query<WebhookRow>(LOCK, [id, organizationKey]);
  return row ?? null;
}

const LIST = statement(
  'list_webhooks',
  `SELECT ${WEBHOOK_COLUMNS} FROM webhooks WHERE organization_key = $1 AND id < $2 AND ($4::text IS NULL OR scope = $4) ORDER BY id DESC LIMIT $3`,
);

/** Index: webhooks_organization. Newest first. */
export function listWebhooks(
  queryable: Queryable,
  input: { organizationKey: number; before: string; limit: number; scope: string | null },
): Promise<WebhookRow[]> {
  return queryable.query<WebhookRow>(LIST, [input.organizationKey, input.before, input.limit, input.scope]);
}

const SET_STATUS = statement(
  'set_webhook_status',
  `UPDATE webhooks SET status = $3, status_reason = $4, status_changed_at = now(), updated_at = now(),
          health_version = CASE WHEN $3 = 'active' THEN health_version + 1 ELSE health_version END,
          failing_since = CASE WHEN $3 = 'active' THEN NULL ELSE failing_since END,
          missed_since = CASE WHEN $3 = 'active' THEN NULL ELSE missed_since END
   WHERE id = $1 AND organization_key = $2 RETURNING ${WEBHOOK_COLUMNS}`,
);

export async function setWebhookStatus(
  transaction: Queryable,
  input: { id: string; organizationKey: number; status: 'active' | 'paused'; reason: string | null },
): Promise<WebhookRow | null> {
  const [row] = await transaction.query<WebhookRow>(SET_STATUS, [input.id, input.organizationKey, input.status, input.reason]);
  return row ?? null;
}

/** Moves held deliveries to the backlog. Of each order only the first; others wait behind. Index: waiting_webhook. */
const RELEASE = statement(
  'release_held',
  `WITH first AS (
     SELECT DISTINCT ON (order_key) delivery_id FROM waiting WHERE webhook_id = $1 AND order_key IS NOT NULL ORDER BY order_key, event_xid, event_id
   ),
   released AS (
     UPDATE waiting
     SET reason = CASE WHEN order_key IS NULL OR (delivery_id IN (SELECT delivery_id FROM first)) IS TRUE THEN 'backlog' ELSE 'behind' END,
         due_at = 'infinity'
     WHERE webhook_id = $1 AND reason = 'held' RETURNING organization_key, delivery_id
   )
   UPDATE deliveries SET status = CASE WHEN attempt_count = 0 THEN 'pending' ELSE 'retrying' END, updated_at = now()
   FROM released WHERE deliveries.organization_key = released.organization_key AND deliveries.id = released.delivery_id AND deliveries.status = 'held'`,
);

export async function releaseHeld(transaction: Queryable, webhookId: string): Promise<void> {
  await transaction.query(RELEASE, [webhookId]);
}

const DELETE = statement(
  'delete_webhook',
  `WITH gone AS (DELETE FROM webhooks WHERE id = $1 AND organization_key = $2 RETURNING id),
   dropped AS (DELETE FROM waiting WHERE webhook_id IN (SELECT id FROM gone) RETURNING organization_key, delivery_id),
   cancelled AS (
     UPDATE deliveries SET status = 'cancelled', next_attempt_at = NULL, updated_at = now()
     FROM dropped WHERE deliveries.organization_key = dropped.organization_key AND deliveries.id = dropped.delivery_id
   )
   SELECT id FROM gone`,
);

/** Deletes a webhook and cancels its waiting deliveries. Returns whether it existed. */
export async function deleteWebhook(transaction: Queryable, id: string, organizationKey: number): Promise<boolean> {
  return (await transaction.query(DELETE, [id, organizationKey])).length > 0;
}
