import { statement, type Queryable } from './database.ts';
import type { EventRow } from './log-reading.ts';

/** A waiting delivery with its event. */
export interface WaitingRow extends EventRow {
  readonly delivery_id: string;
  readonly webhook_id: string;
  readonly attempt_count: number;
  /** null: the delivery is not ordered. */
  readonly order_key: string | null;
}

const COLUMNS = `waiting.delivery_id, waiting.webhook_id, waiting.attempt_count, waiting.order_key, waiting.shard, waiting.organization_key,
  events.id, events.xid::text, events.type, events.subject_kind, events.subject_id, events.external_id, events.test, events.body, events.webhook_ids`;
const JOINED = `waiting JOIN events ON events.organization_key = waiting.organization_key AND events.id = waiting.event_id`;

/** Index: waiting_due, one range per shard. */
const DUE = statement(
  'due_deliveries',
  `SELECT ${COLUMNS} FROM ${JOINED}
   WHERE waiting.shard = ANY($1::int[]) AND waiting.due_at <= $2
     AND waiting.delivery_id <> ALL($3::uuid[]) AND waiting.webhook_id <> ALL($4::uuid[])
   ORDER BY waiting.due_at, waiting.delivery_id LIMIT $5`,
);

export interface DueQuery {
  readonly shards: readonly number[];
  readonly now: Date;
  /** Deliveries that are already in memory. */
  readonly except: readonly string[];
  /** Webhooks that can't take more now. */
  readonly exceptWebhooks: readonly string[];
  readonly limit: number;
}

/** Returns due deliveries, earliest first. */
export function dueDeliveries(queryable: Queryable, input: DueQuery): Promise<WaitingRow[]> {
  return queryable.query<WaitingRow>(DUE, [input.shards, input.now, input.except, input.exceptWebhooks, input.limit]);
}

/** Index: waiting_webhook. */
const BACKLOG = statement(
  'backlog_of_webhook',
  `SELECT ${COLUMNS} FROM ${JOINED}
   WHERE waiting.webhook_id = $1 AND waiting.reason = 'backlog' AND waiting.delivery_id > $2 AND waiting.delivery_id <> ALL($3::uuid[])
   ORDER BY waiting.delivery_id LIMIT $4`,
);

export interface BacklogQuery {
  readonly webhookId: string;
  /** The last delivery of the previous page. */
  readonly after: string;
  readonly except: readonly string[];
  readonly limit: number;
}

/** Returns the next deliveries of a webhook's backlog, oldest first. */
export function backlogOf(queryable: Queryable, input: BacklogQuery): Promise<WaitingRow[]> {
  return queryable.query<WaitingRow>(BACKLOG, [input.webhookId, input.after, input.except, input.limit]);
}

export interface BackloggedWebhook {
  readonly organization_key: number;
  readonly webhook_id: string;
}

const BACKLOGGED = statement(
  'backlogged_webhooks',
  `SELECT DISTINCT organization_key, webhook_id FROM waiting
   WHERE shard = ANY($1::int[]) AND due_at = 'infinity' AND reason = 'backlog'`,
);

/** Returns webhooks of some shards that have a backlog. */
export function backloggedWebhooks(queryable: Queryable, shards: readonly number[]): Promise<BackloggedWebhook[]> {
  return queryable.query(BACKLOGGED, [shards]);
}

/** Index: waiting_due. A tolerance of one second allows for small adjustments of several nodes' clocks. */
const RESCHEDULE = statement(
  'reschedule_waiting',
  `WITH moved AS (
     UPDATE waiting SET due_at = $2::timestamptz + (due_at - scheduled_at), scheduled_at = $2
     WHERE shard = ANY($1::int[]) AND due_at > $2 AND due_at < 'infinity' AND scheduled_at > $2::timestamptz + interval '1 second'
     RETURNING organization_key, delivery_id, due_at
   )
   UPDATE deliveries SET next_attempt_at = moved.due_at FROM moved
   WHERE deliveries.organization_key = moved.organization_key AND deliveries.id = moved.delivery_id`,
);

/** Reschedules deliveries scheduled by a clock ahead of `now`: they wait for their delay from now on. */
export async function rescheduleWaiting(queryable: Queryable, input: { shards: readonly number[]; now: Date }): Promise<void> {
  await queryable.query(RESCHEDULE, [input.shards, input.now]);
}

const TO_BACKLOG = statement(
  'move_to_backlog',
  `UPDATE waiting SET due_at = 'infinity', reason = 'backlog' WHERE delivery_id = ANY($1::uuid[]) AND reason = 'retry'`,
);

/** Moves due deliveries of a webhook with an open breaker to its backlog, until the endpoint has recovered. */
export async function moveToBacklog(queryable: Queryable, deliveryIds: readonly string[]): Promise<void> {
  await queryable.query(TO_BACKLOG, [deliveryIds]);
}

/** Index: waiting_webhook, one lookup per webhook of the organizations. */
const OF_ORGANIZATIONS = statement(
  'backlogs_of_organizations',
  `SELECT organization_key, id AS webhook_id FROM webhooks WHERE organization_key = ANY($1::bigint[])
   AND EXISTS (SELECT FROM waiting WHERE waiting.webhook_id = webhooks.id AND waiting.reason = 'backlog')`,
);

/** Returns webhooks of some organizations that have a backlog. */
export function backlogsOfOrganizations(queryable: Queryable, organizationKeys: readonly number[]): Promise<BackloggedWebhook[]> {
  return queryable.query(OF_ORGANIZATIONS, [organizationKeys]);
}

/** Index: the primary key. */
const STILL_WAITING = statement('still_waiting', 'SELECT delivery_id FROM waiting WHERE delivery_id = ANY($1::uuid[])');

/** Returns which of these deliveries are waiting. */
export async function stillWaiting(queryable: Queryable, deliveryIds: readonly string[]): Promise<Set<string>> {
  const rows = await queryable.query<{ delivery_id: string }>(STILL_WAITING, [deliveryIds]);
  return new Set(rows.map((row) => row.delivery_id));
}
