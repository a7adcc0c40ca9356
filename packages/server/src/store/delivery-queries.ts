import type { DeliveryStatus } from '@posthorn/protocol';
import { statement, type Queryable } from './database.ts';

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

const FILTER = `d.organization_key = $1 AND d.id >= $2 AND d.id < $3 AND ($4::text IS NULL OR d.event_type = $4) AND ($5::text IS NULL OR d.status = $5)`;
/** Index: the primary key, backwards. */
const LIST = statement('list_deliveries', `SELECT ${COLUMNS} FROM deliveries d WHERE ${FILTER} ORDER BY d.id DESC LIMIT $6`);
/** Index: deliveries_webhook, backwards. */
const OF_WEBHOOK = statement(
  'list_deliveries_of_webhook',
  `SELECT ${COLUMNS} FROM deliveries d WHERE ${FILTER} AND d.webhook_id = $7 ORDER BY d.id DESC LIMIT $6`,
);

/** Recorded deliveries, newest first. */
export function listDeliveries(queryable: Queryable, query: DeliveryQuery): Promise<DeliveryRow[]> {
  const { organizationKey, from, below, webhookId, type, status, limit } = query;
  const values = [organizationKey, from, below, type, status, limit];
  return webhookId === null ? queryable.query<DeliveryRow>(LIST, values) : queryable.query<DeliveryRow>(OF_WEBHOOK, [...values, webhookId]);
}

const BY_IDS = statement(
  'deliveries_by_ids',
  `SELECT ${COLUMNS} FROM deliveries d WHERE d.organization_key = $1 AND d.id = ANY($2::uuid[])`,
);

export function deliveriesByIds(queryable: Queryable, organizationKey: number, ids: readonly string[]): Promise<DeliveryRow[]> {
  return queryable.query<DeliveryRow>(BY_IDS, [organizationKey, ids]);
}

/** The latest events that no row of `deliveries` speaks of yet, so that what was just accepted is seen at once. */
const RECENT = statement(
  'recent_events',
  `SELECT id AS event_id, external_id, type AS event_type, test, webhook_ids FROM events
   WHERE organization_key = $1 AND id >= $2 AND id < $3 AND cardinality(webhook_ids) > 0 ORDER BY id DESC LIMIT $4`,
);

export interface RecentEventRow {
  readonly event_id: string;
  readonly external_id: string | null;
  readonly event_type: string;
  readonly test: boolean;
  readonly webhook_ids: string[];
}

export function recentEvents(
  queryable: Queryable,
  query: { organizationKey: number; from: string; below: string; limit: number },
): Promise<RecentEventRow[]> {
  return queryable.query<RecentEventRow>(RECENT, [query.organizationKey, query.from, query.below, query.limit]);
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
