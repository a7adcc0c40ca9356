import { boundedScan, SCAN_ROWS, scannedRows, type ScanMarks } from './bounded-scan.ts';
import { statement, type Queryable } from './database.ts';
import type { DeliveryQuery } from './delivery-queries.ts';
import { shardOf } from '../ids/shard.ts';
import { lowestIdAt, timeOfId } from '../ids/uuid-time.ts';

/** The fields of an event that determine its unrecorded deliveries. */
export interface FannedOutRow {
  readonly event_id: string;
  readonly external_id: string | null;
  readonly event_type: string;
  readonly test: boolean;
  readonly webhook_ids: string[];
}

const FANNED_OUT = 'id AS event_id, external_id, type AS event_type, test, webhook_ids';

const ABOVE_LOW_WATER = 'xid >= (SELECT low_water FROM shards WHERE id = $1)';
/** At most this many events are sorted by id: at 10,000 that takes 20 ms. */
const FEW = 10_000;
const MOST_EVENTS = 2_000;

/** Index: events_xid. The low-water mark moves about every second, so there are usually few events above it. */
const COUNT = statement(
  'count_unsettled_events',
  `SELECT count(*)::int AS count FROM (SELECT 1 FROM events WHERE ${ABOVE_LOW_WATER} ORDER BY xid LIMIT $2) AS above`,
);

/** Index: events_xid. The sum keeps the planner from reading the organization's whole history by the primary key. */
const FEW_UNSETTLED = statement(
  'unsettled_events',
  `WITH unsettled AS MATERIALIZED (
     SELECT id, external_id, type, test, webhook_ids FROM events
     WHERE ${ABOVE_LOW_WATER} AND organization_key + 0 = $2 AND cardinality(webhook_ids) > 0
     ORDER BY xid LIMIT $7
   )
   SELECT ${FANNED_OUT} FROM unsettled
   WHERE id >= $3 AND id < $4 AND ($5::uuid IS NULL OR $5 = ANY (webhook_ids)) AND ($6::text IS NULL OR type = $6)
   ORDER BY id DESC LIMIT ${MOST_EVENTS}`,
);

/** Index: the primary key, backwards. */
const AMONG_MANY = statement(
  'unsettled_among_many_events',
  boundedScan({
    columns: 'id, external_id, type, test, webhook_ids',
    lookedUp: 'id AS event_id, type AS event_type',
    rows: 'FROM events WHERE organization_key = $2 AND id >= $3 AND id < $4',
    order: 'id DESC',
    filter: `${ABOVE_LOW_WATER} AND cardinality(webhook_ids) > 0 AND ($5::uuid IS NULL OR $5 = ANY (webhook_ids)) AND ($6::text IS NULL OR type = $6)`,
    limit: String(MOST_EVENTS),
    scanRows: '$7',
  }),
);

const LAST_MILLISECOND = 2 ** 48 - 1;

export interface UnsettledEvents {
  readonly events: FannedOutRow[];
  /** Milliseconds: only later events were read; null: all were. */
  readonly onlyAfter: number | null;
}

/**
 * Returns events above the shard's low-water mark, which may have unrecorded deliveries, newest first: all whose
 * deliveries may be in the range, and some of the milliseconds at its ends.
 */
export async function unsettledEvents(queryable: Queryable, query: Omit<DeliveryQuery, 'status' | 'limit'>): Promise<UnsettledEvents> {
  const { organizationKey, webhookId, type } = query;
  const shard = shardOf(organizationKey);
  // An event and its delivery share the millisecond, but not the order within it.
  const from = lowestIdAt(timeOfId(query.from));
  const below = lowestIdAt(Math.min(LAST_MILLISECOND, timeOfId(query.below) + 1));
  const values = [shard, organizationKey, from, below, webhookId, type];
  const [{ count } = { count: 0 }] = await queryable.query<{ count: number }>(COUNT, [shard, FEW]);
  if (count < FEW) return { events: await queryable.query<FannedOutRow>(FEW_UNSETTLED, [...values, 2 * FEW]), onlyAfter: null };
  const found = await queryable.query<FannedOutRow & ScanMarks>(AMONG_MANY, [...values, SCAN_ROWS]);
  const { rows, stoppedAt } = scannedRows(found);
  const last = stoppedAt ?? (found.length === MOST_EVENTS ? found.at(-1) : undefined);
  return { events: rows, onlyAfter: last === undefined ? null : timeOfId(last.event_id) };
}

/** Index: the primary key. */
const OF_MILLISECOND = statement(
  'fanned_out_in_millisecond',
  `SELECT ${FANNED_OUT} FROM events WHERE organization_key = $1 AND id >= $2 AND id < $3`,
);

/** Returns the events of the millisecond in a delivery's id. */
export function eventsOfMillisecond(queryable: Queryable, organizationKey: number, timeMs: number): Promise<FannedOutRow[]> {
  return queryable.query<FannedOutRow>(OF_MILLISECOND, [organizationKey, lowestIdAt(timeMs), lowestIdAt(timeMs + 1)]);
}
