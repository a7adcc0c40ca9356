import type { DeliveryStatus } from '@posthorn/protocol';
import { boundedScan, SCAN_ROWS, scannedRows, type Scanned, type ScanMarks } from './bounded-scan.ts';
import { statement, type Queryable } from './database.ts';
import { lowestIdAt, timeOfId } from '../ids/uuid-time.ts';

/** A delivery as returned by queries. */
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

const STORED = `d.organization_key, d.id, d.webhook_id, d.event_id, d.event_type, d.test, d.status, d.attempt_count, d.next_attempt_at, d.updated_at`;
const externalIdOf = (delivery: string): string =>
  `(SELECT external_id FROM events WHERE events.organization_key = ${delivery}.organization_key AND events.id = ${delivery}.event_id) AS external_id`;
const COLUMNS = `${STORED}, ${externalIdOf('d')}`;

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

/** Returns an organization's cancelled deliveries whose events are not older than the given one. */
export async function cancelledDeliveries(queryable: Queryable, organizationKey: number, oldestEventId: string): Promise<string[]> {
  const rows = await queryable.query<{ id: string }>(CANCELLED, [organizationKey, lowestIdAt(timeOfId(oldestEventId))]);
  return rows.map(({ id }) => id);
}

const SPAN = 'd.organization_key = $1 AND d.id >= $2 AND d.id < $3';
const PAGE = { columns: STORED, lookedUp: externalIdOf('page'), order: 'id DESC', limit: '$4', scanRows: '$5' };
const OF_TYPE = '($6::text IS NULL OR d.event_type = $6)';

/** Index: the primary key, backwards. */
const LIST = statement(
  'list_deliveries',
  boundedScan({ ...PAGE, rows: `FROM deliveries d WHERE ${SPAN}`, filter: `${OF_TYPE} AND ($7::text IS NULL OR d.status = $7)` }),
);
/** Index: deliveries_webhook, backwards. */
const OF_WEBHOOK = statement(
  'list_deliveries_of_webhook',
  boundedScan({
    ...PAGE,
    rows: 'FROM deliveries d WHERE d.webhook_id = $8 AND d.id >= $2 AND d.id < $3',
    filter: `d.organization_key = $1 AND ${OF_TYPE} AND ($7::text IS NULL OR d.status = $7)`,
  }),
);
/** Index: deliveries_unfinished, backwards. */
const UNFINISHED = statement(
  'list_unfinished_deliveries',
  boundedScan({
    ...PAGE,
    rows: `FROM deliveries d WHERE ${SPAN} AND d.status = $7 AND d.status <> 'delivered'`,
    filter: `${OF_TYPE} AND ($8::uuid IS NULL OR d.webhook_id = $8)`,
  }),
);

/** Lists recorded deliveries, newest first. */
export async function listDeliveries(queryable: Queryable, query: DeliveryQuery): Promise<Scanned<DeliveryRow>> {
  const { organizationKey, from, below, webhookId, type, status, limit } = query;
  const values = [organizationKey, from, below, limit, SCAN_ROWS, type, status];
  const isUnfinished = status !== null && status !== 'delivered';
  const found = isUnfinished
    ? queryable.query<DeliveryRow & ScanMarks>(UNFINISHED, [...values, webhookId])
    : webhookId === null
      ? queryable.query<DeliveryRow & ScanMarks>(LIST, values)
      : queryable.query<DeliveryRow & ScanMarks>(OF_WEBHOOK, [...values, webhookId]);
  return scannedRows(await found);
}

const BY_IDS = statement(
  'deliveries_by_ids',
  `SELECT ${COLUMNS} FROM deliveries d WHERE d.organization_key = $1 AND d.id = ANY($2::uuid[])`,
);

export function deliveriesByIds(queryable: Queryable, organizationKey: number, ids: readonly string[]): Promise<DeliveryRow[]> {
  return queryable.query<DeliveryRow>(BY_IDS, [organizationKey, ids]);
}

/** Index: the primary key, as delivery ids contain their event's millisecond. Bounded: 1,000 events may share it. */
const OF_EVENT = statement(
  'deliveries_of_event',
  `SELECT page.*, ${externalIdOf('page')} FROM (
     SELECT ${STORED} FROM deliveries d WHERE d.organization_key = $1 AND d.id >= $2 AND d.id < $3 ORDER BY d.id LIMIT $5
   ) AS page WHERE event_id = $4`,
);

/** Lists the recorded deliveries of an event, including those of replays to other webhooks, within SCAN_ROWS rows. */
export function deliveriesOfEvent(queryable: Queryable, organizationKey: number, eventId: string): Promise<DeliveryRow[]> {
  const time = timeOfId(eventId);
  return queryable.query<DeliveryRow>(OF_EVENT, [organizationKey, lowestIdAt(time), lowestIdAt(time + 1), eventId, SCAN_ROWS]);
}

const ATTEMPTS = statement(
  'attempts_of_delivery',
  `SELECT first_attempt AS attempt FROM deliveries WHERE organization_key = $1 AND id = $2 AND first_attempt IS NOT NULL
   UNION ALL
   SELECT attempt FROM (SELECT attempt FROM attempts WHERE delivery_id = $2 ORDER BY number) AS later`,
);

/** Returns the stored attempts of a delivery, in order. The caller must check that the organization owns it. */
export async function attemptsOf(queryable: Queryable, organizationKey: number, deliveryId: string): Promise<Buffer[]> {
  return (await queryable.query<{ attempt: Buffer }>(ATTEMPTS, [organizationKey, deliveryId])).map((row) => row.attempt);
}
