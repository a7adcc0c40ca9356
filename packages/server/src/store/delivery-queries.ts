import type { DeliveryStatus } from '@posthorn/protocol';
import { statement, type Queryable } from './database.ts';
import { shardOf } from './shard.ts';
import { lowestIdAt, timeOfId } from './uuid-time.ts';

/** A delivery as it is looked up. */
export interface DeliveryRow {
  readonly id: string;
  readonly webhook_id: string;
  readonly event_id: string;
  readonly external_id: string | null;
  readonly event_type: string;
  readonly test: boolean;
  readonly status: DeliveryStatus;
  readonly attempt_count: number;
  readonly next_attempt_at: Date | null;
  readonly updated_at: Date;
}

const COLUMNS = `d.id, d.webhook_id, d.event_id, d.event_type, d.test, d.status, d.attempt_count, d.next_attempt_at, d.updated_at,
  (SELECT external_id FROM events WHERE events.organization_key = d.organization_key AND events.id = d.event_id) AS external_id`;

export interface DeliveryQuery {
  readonly organizationKey: number;
  readonly from: string;
  readonly below: string;
  readonly webhookId: string | null;
  readonly type: string | null;
  readonly status: DeliveryStatus | null;
  readonly limit: number;
}

/** Index: deliveries_unfinished. */
const CANCELLED = statement(
  'cancelled_deliveries',
  `SELECT id FROM deliveries WHERE organization_key = $1 AND status = 'cancelled' AND id >= $2`,
);

/** Returns an organization's cancelled deliveries whose events are not older than that one. */
export async function cancelledDeliveries(queryable: Queryable, organizationKey: number, oldestEventId: string): Promise<string[]> {
  const rows = await queryable.query<{ id: string }>(CANCELLED, [organizationKey, lowestIdAt(timeOfId(oldestEventId))]);
  return rows.map(({ id }) => id);
}

const SPAN = `d.organization_key = $1 AND d.id >= $2 AND d.id < $3 AND ($4::text IS NULL OR d.event_type = $4)`;
const FILTER = `${SPAN} AND ($5::text IS NULL OR d.status = $5)`;
/** Index: the primary key, backwards. */
const LIST = statement('list_deliveries', `SELECT ${COLUMNS} FROM deliveries d WHERE ${FILTER} ORDER BY d.id DESC LIMIT $6`);
/** Index: deliveries_webhook, backwards. */
const OF_WEBHOOK = statement(
  'list_deliveries_of_webhook',
  `SELECT ${COLUMNS} FROM deliveries d WHERE ${FILTER} AND d.webhook_id = $7 ORDER BY d.id DESC LIMIT $6`,
);
/** Index: deliveries_unfinished, backwards. */
const UNFINISHED = statement(
  'list_unfinished_deliveries',
  `SELECT ${COLUMNS} FROM deliveries d
   WHERE ${SPAN} AND d.status = $5 AND d.status <> 'delivered' AND ($7::uuid IS NULL OR d.webhook_id = $7)
   ORDER BY d.id DESC LIMIT $6`,
);

/** Recorded deliveries, newest first. */
export function listDeliveries(queryable: Queryable, query: DeliveryQuery): Promise<DeliveryRow[]> {
  const { organizationKey, from, below, webhookId, type, status, limit } = query;
  const values = [organizationKey, from, below, type, status, limit];
  if (status !== null && status !== 'delivered') return queryable.query<DeliveryRow>(UNFINISHED, [...values, webhookId]);
  return webhookId === null ? queryable.query<DeliveryRow>(LIST, values) : queryable.query<DeliveryRow>(OF_WEBHOOK, [...values, webhookId]);
}

const BY_IDS = statement(
  'deliveries_by_ids',
  `SELECT ${COLUMNS} FROM deliveries d WHERE d.organization_key = $1 AND d.id = ANY($2::uuid[])`,
);

export function deliveriesByIds(queryable: Queryable, organizationKey: number, ids: readonly string[]): Promise<DeliveryRow[]> {
  return queryable.query<DeliveryRow>(BY_IDS, [organizationKey, ids]);
}

/** Index: the primary key: deliveries carry the millisecond of their event. */
const OF_EVENT = statement(
  'deliveries_of_event',
  `SELECT ${COLUMNS} FROM deliveries d WHERE d.organization_key = $1 AND d.id >= $2 AND d.id < $3 AND d.event_id = $4`,
);

/** All that are recorded of an event, those of a replay to further webhooks too. */
export function deliveriesOfEvent(queryable: Queryable, organizationKey: number, eventId: string): Promise<DeliveryRow[]> {
  const time = timeOfId(eventId);
  return queryable.query<DeliveryRow>(OF_EVENT, [organizationKey, lowestIdAt(time), lowestIdAt(time + 1), eventId]);
}

/** What of an event its unrecorded deliveries follow from. */
export interface FannedOutRow {
  readonly event_id: string;
  readonly external_id: string | null;
  readonly event_type: string;
  readonly test: boolean;
  readonly webhook_ids: string[];
}

const FANNED_OUT = 'id AS event_id, external_id, type AS event_type, test, webhook_ids';

/**
 * Events that may have deliveries without a row: those above the shard's low-water mark, which moves on every second or so.
 * Index: events_xid. The sum keeps the planner from reading all of an organization's history by the primary key instead.
 */
const UNSETTLED = statement(
  'unsettled_events',
  `WITH unsettled AS MATERIALIZED (
     SELECT id, external_id, type, test, webhook_ids FROM events
     WHERE xid >= (SELECT low_water FROM shards WHERE id = $1) AND organization_key + 0 = $2 AND cardinality(webhook_ids) > 0
     ORDER BY xid LIMIT 50000
   )
   SELECT ${FANNED_OUT} FROM unsettled
   WHERE id >= $3 AND id < $4 AND ($5::uuid IS NULL OR $5 = ANY (webhook_ids)) AND ($6::text IS NULL OR type = $6)
   ORDER BY id DESC LIMIT 2000`,
);

const LAST_MILLISECOND = 2 ** 48 - 1;

/** Newest first; every event whose deliveries may lie in the range, and some of the milliseconds at its ends. */
export function unsettledEvents(queryable: Queryable, query: Omit<DeliveryQuery, 'status' | 'limit'>): Promise<FannedOutRow[]> {
  const { organizationKey, webhookId, type } = query;
  // An event and its delivery share the millisecond, not the order within it.
  const from = lowestIdAt(timeOfId(query.from));
  const below = lowestIdAt(Math.min(LAST_MILLISECOND, timeOfId(query.below) + 1));
  return queryable.query<FannedOutRow>(UNSETTLED, [shardOf(organizationKey), organizationKey, from, below, webhookId, type]);
}

/** Index: the primary key. */
const OF_MILLISECOND = statement(
  'fanned_out_in_millisecond',
  `SELECT ${FANNED_OUT} FROM events WHERE organization_key = $1 AND id >= $2 AND id < $3`,
);

/** Events of the millisecond that a delivery's id carries. */
export function eventsOfMillisecond(queryable: Queryable, organizationKey: number, timeMs: number): Promise<FannedOutRow[]> {
  return queryable.query<FannedOutRow>(OF_MILLISECOND, [organizationKey, lowestIdAt(timeMs), lowestIdAt(timeMs + 1)]);
}

const ATTEMPTS = statement(
  'attempts_of_delivery',
  `SELECT first_attempt AS attempt FROM deliveries WHERE organization_key = $1 AND id = $2 AND first_attempt IS NOT NULL
   UNION ALL
   SELECT attempt FROM (SELECT attempt FROM attempts WHERE delivery_id = $2 ORDER BY number) AS later`,
);

/** The attempts of a delivery as stored, in order. The caller has seen that the delivery is the organization's. */
export async function attemptsOf(queryable: Queryable, organizationKey: number, deliveryId: string): Promise<Buffer[]> {
  return (await queryable.query<{ attempt: Buffer }>(ATTEMPTS, [organizationKey, deliveryId])).map((row) => row.attempt);
}
