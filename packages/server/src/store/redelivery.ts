import { statement, type Queryable } from './database.ts';
import { lowestIdAt, timeOfId } from '../ids/uuid-time.ts';

/** A recorded delivery, locked until the transaction ends. */
export interface LockedDelivery {
  readonly webhook_id: string;
  readonly event_id: string;
  readonly status: string;
  readonly attempt_count: number;
  /** null: the webhook was deleted. */
  readonly webhook_status: string | null;
}

const LOCK = statement(
  'lock_delivery',
  `SELECT deliveries.webhook_id, deliveries.event_id, deliveries.status, deliveries.attempt_count, webhooks.status AS webhook_status
   FROM deliveries LEFT JOIN webhooks ON webhooks.id = deliveries.webhook_id
   WHERE deliveries.organization_key = $1 AND deliveries.id = $2 FOR UPDATE OF deliveries`,
);

export async function lockDelivery(transaction: Queryable, organizationKey: number, id: string): Promise<LockedDelivery | null> {
  const [row] = await transaction.query<LockedDelivery>(LOCK, [organizationKey, id]);
  return row ?? null;
}

/** An event that an unrecorded delivery may belong to. */
export interface UnrecordedDelivery {
  readonly event_id: string;
  readonly event_type: string;
  readonly test: boolean;
  readonly webhook_ids: string[];
  readonly xid: string;
}

const UNRECORDED = statement(
  'events_of_millisecond',
  `SELECT id AS event_id, type AS event_type, test, webhook_ids, xid::text FROM events WHERE organization_key = $1 AND id >= $2 AND id < $3`,
);

/** Returns the events that a delivery id may belong to: it contains their millisecond. */
export function eventsOfDeliveryTime(queryable: Queryable, organizationKey: number, deliveryId: string): Promise<UnrecordedDelivery[]> {
  const time = timeOfId(deliveryId);
  return queryable.query<UnrecordedDelivery>(UNRECORDED, [organizationKey, lowestIdAt(time), lowestIdAt(time + 1)]);
}

const QUEUE = statement(
  'queue_deliveries',
  `INSERT INTO waiting (delivery_id, organization_key, shard, webhook_id, event_id, attempt_count, due_at, reason, scheduled_at)
   SELECT row.delivery_id, $1, $2, $3, row.event_id, row.attempt_count, $7::timestamptz, $8, NULL
   FROM unnest($4::uuid[], $5::uuid[], $6::int[]) AS row (delivery_id, event_id, attempt_count)
   ON CONFLICT (delivery_id) DO UPDATE SET due_at = excluded.due_at, reason = excluded.reason, scheduled_at = excluded.scheduled_at`,
);

export interface QueuedDeliveries {
  readonly organizationKey: number;
  readonly shard: number;
  readonly webhookId: string;
  readonly deliveries: readonly { readonly id: string; readonly eventId: string; readonly attemptCount: number }[];
  /** Due now by any node's clock, or never by itself. */
  readonly dueAt: '-infinity' | 'infinity';
  readonly reason: 'retry' | 'held' | 'backlog';
}

export async function queueDeliveries(transaction: Queryable, input: QueuedDeliveries): Promise<void> {
  const { deliveries } = input;
  await transaction.query(QUEUE, [
    input.organizationKey,
    input.shard,
    input.webhookId,
    deliveries.map((delivery) => delivery.id),
    deliveries.map((delivery) => delivery.eventId),
    deliveries.map((delivery) => delivery.attemptCount),
    input.dueAt,
    input.reason,
  ]);
}

const MARK = statement(
  'mark_queued',
  `UPDATE deliveries SET status = CASE WHEN $3 THEN 'held' WHEN attempt_count = 0 THEN 'pending' ELSE 'retrying' END,
          next_attempt_at = $4::timestamptz, updated_at = now()
   WHERE organization_key = $1 AND id = ANY($2::uuid[])`,
);

/** Marks recorded deliveries as waiting again. */
export async function markQueued(
  transaction: Queryable,
  input: { organizationKey: number; ids: readonly string[]; held: boolean; nextAttemptAt: Date | null },
): Promise<void> {
  await transaction.query(MARK, [input.organizationKey, input.ids, input.held, input.nextAttemptAt]);
}

const CANCEL = statement(
  'cancel_delivery',
  `WITH gone AS (DELETE FROM waiting WHERE delivery_id = $2)
   UPDATE deliveries SET status = 'cancelled', next_attempt_at = NULL, updated_at = now() WHERE organization_key = $1 AND id = $2`,
);

export async function cancelRecorded(transaction: Queryable, organizationKey: number, id: string): Promise<void> {
  await transaction.query(CANCEL, [organizationKey, id]);
}

const INSERT = statement(
  'insert_unsent_deliveries',
  `INSERT INTO deliveries (organization_key, id, webhook_id, event_id, event_type, test, status, attempt_count)
   SELECT $1, row.id, $2, row.event_id, row.event_type, false, $3, 0
   FROM unnest($4::uuid[], $5::uuid[], $6::text[]) AS row (id, event_id, event_type)
   ON CONFLICT DO NOTHING RETURNING id`,
);

/** Records deliveries that had no row: cancelled before they were sent, or missed earlier. Returns the recorded ids. */
export async function insertUnsent(
  transaction: Queryable,
  input: {
    organizationKey: number;
    webhookId: string;
    status: 'pending' | 'cancelled' | 'held';
    deliveries: readonly { id: string; eventId: string; eventType: string }[];
  },
): Promise<Set<string>> {
  const { organizationKey, webhookId, status, deliveries } = input;
  const rows = await transaction.query<{ id: string }>(INSERT, [
    organizationKey,
    webhookId,
    status,
    deliveries.map((delivery) => delivery.id),
    deliveries.map((delivery) => delivery.eventId),
    deliveries.map((delivery) => delivery.eventType),
  ]);
  return new Set(rows.map((row) => row.id));
}

export interface ReplayedEvent {
  readonly id: string;
  readonly type: string;
  readonly scope: string | null;
  readonly test: boolean;
  readonly webhook_ids: string[];
}

/** Index: the primary key of events. It includes test deliveries, which are not replayed, in any number. */
const EVENTS = statement(
  'events_to_replay',
  'SELECT id, type, scope, test, webhook_ids FROM events WHERE organization_key = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT $4',
);

export function eventsToReplay(
  queryable: Queryable,
  input: { organizationKey: number; from: string; to: string; limit: number },
): Promise<ReplayedEvent[]> {
  return queryable.query<ReplayedEvent>(EVENTS, [input.organizationKey, input.from, input.to, input.limit]);
}

const STATES = statement(
  'delivery_states',
  `SELECT id, status, attempt_count FROM deliveries WHERE organization_key = $1 AND id = ANY($2::uuid[])`,
);

export function deliveryStates(
  queryable: Queryable,
  organizationKey: number,
  ids: readonly string[],
): Promise<{ id: string; status: string; attempt_count: number }[]> {
  return queryable.query(STATES, [organizationKey, ids]);
}
