import { statement, type Queryable, type Statement } from './database.ts';
import { lowestIdAt } from './uuid-time.ts';

/** An event as delivery reads it. */
export interface EventRow {
  readonly organization_key: number;
  readonly id: string;
  readonly xid: string;
  readonly shard: number;
  readonly type: string;
  readonly subject_kind: string | null;
  readonly subject_id: string | null;
  readonly external_id: string | null;
  readonly test: boolean;
  readonly body: Buffer;
  readonly webhook_ids: string[];
}

/** A row of the event log. */
export interface LogRow extends EventRow {
  readonly claimed_by: number | null;
}

const COLUMNS = `organization_key, id, xid::text, shard, claimed_by, type, subject_kind, subject_id, external_id, test, body, webhook_ids`;

/**
 * Transaction ids are the server's, not the database's: without looking whose they are, one long transaction in any
 * other database of the server would hold up every reader here. Only those are passed over whose holder is seen to be
 * in another database; a transaction that cannot be found any more has ended, or is met again next time.
 */
const HORIZON = statement(
  'log_horizon',
  `SELECT coalesce(
     (SELECT running.xid FROM pg_snapshot_xip(pg_current_snapshot()) AS running (xid)
      WHERE NOT EXISTS (
        SELECT FROM pg_locks AS held, pg_stat_get_activity(held.pid) AS holder
        WHERE held.locktype = 'transactionid' AND held.transactionid = running.xid::xid AND held.granted AND held.mode = 'ExclusiveLock'
          AND holder.datid <> (SELECT oid FROM pg_database WHERE datname = current_database()))
      ORDER BY running.xid LIMIT 1),
     pg_snapshot_xmax(pg_current_snapshot()))::text AS xid`,
);

/**
 * The transaction id below which nothing can be committed to this database any more: a reader that stops there and goes
 * on from there leaves no gap, in whatever order transactions commit.
 */
export function logHorizon(queryable: Queryable): Promise<number> {
  return transactionId(queryable, HORIZON);
}

const END = statement('log_end', 'SELECT pg_current_xact_id()::text AS xid');

/** A transaction id that nobody else has: all that have written anything so far have lower ones. */
export function logEnd(queryable: Queryable): Promise<number> {
  return transactionId(queryable, END);
}

async function transactionId(queryable: Queryable, asked: Statement): Promise<number> {
  const [row] = await queryable.query<{ xid: string }>(asked);
  if (!row) throw new Error('The database named no transaction.');
  return Number(row.xid);
}

/** Where a reader stands: everything below is read. */
export interface LogPosition {
  readonly xid: number;
  /** The last id read of that transaction; null: none. */
  readonly id: string | null;
}

export interface LogRange {
  readonly from: LogPosition;
  /** Exclusive. */
  readonly to: number;
  readonly shards: readonly number[];
  readonly limit: number;
}

/** Index: events_xid. `id` narrows it to the partitions of yesterday and today: an event is committed seconds after its id is made. */
const TAIL = statement(
  'read_log_tail',
  `SELECT ${COLUMNS} FROM events
   WHERE xid >= $1::xid8 AND xid < $2::xid8 AND (xid, id) > ($1::xid8, $3::uuid) AND shard = ANY($4::int[])
     AND claimed_by IS DISTINCT FROM $5 AND id >= $6::uuid
   ORDER BY events.xid, events.id LIMIT $7`,
);

const LOWEST_ID = '00000000-0000-0000-0000-000000000000';
const TAIL_DEPTH_MS = 86_400_000;

/** What other nodes, or this one while it did not claim it, accepted. */
export function readTail(queryable: Queryable, input: LogRange & { nodeId: number; nowMs: number }): Promise<LogRow[]> {
  const { from, to, shards, limit, nodeId, nowMs } = input;
  const oldest = lowestIdAt(nowMs - TAIL_DEPTH_MS);
  return queryable.query<LogRow>(TAIL, [String(from.xid), String(to), from.id ?? LOWEST_ID, shards, nodeId, oldest, limit]);
}

/** Index: events_xid. */
const RANGE = statement(
  'read_log_range',
  `SELECT ${COLUMNS} FROM events
   WHERE xid >= $1::xid8 AND xid < $2::xid8 AND (xid, id) > ($1::xid8, $3::uuid) AND shard = ANY($4::int[])
     AND ($5::int IS NULL OR claimed_by = $5)
   ORDER BY events.xid, events.id LIMIT $6`,
);

/** Some shards’ events in a range: all of them, as a new owner reads on where the last one left off, or those that one node claimed. */
export function readRange(queryable: Queryable, input: LogRange & { claimedBy: number | null }): Promise<LogRow[]> {
  const { from, to, shards, claimedBy, limit } = input;
  return queryable.query<LogRow>(RANGE, [String(from.xid), String(to), from.id ?? LOWEST_ID, shards, claimedBy, limit]);
}

/** Index: the primary key of deliveries. */
const RECORDED = statement(
  'recorded_deliveries',
  `SELECT id FROM unnest($1::int[], $2::uuid[]) AS asked (organization_key, id) JOIN deliveries USING (organization_key, id)`,
);

/** Which of these deliveries have a row: they are settled, or wait in their table. */
export async function recordedDeliveries(
  queryable: Queryable,
  asked: readonly { organizationKey: number; id: string }[],
): Promise<Set<string>> {
  const rows = await queryable.query<{ id: string }>(RECORDED, [asked.map((one) => one.organizationKey), asked.map((one) => one.id)]);
  return new Set(rows.map((row) => row.id));
}
