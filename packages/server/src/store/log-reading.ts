import { statement, type Queryable } from './database.ts';

/** The fields of an event that delivery needs. */
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
 * Transaction ids are shared by all databases of a server: a long transaction in another database would hold up all
 * readers. Those whose holder is seen in another database are skipped. One that can't be found has ended, or is seen
 * again next time.
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
     pg_snapshot_xmax(pg_current_snapshot()))::text AS xid,
     pg_snapshot_xmax(pg_current_snapshot())::text AS end,
     (SELECT token::text FROM log_continuity WHERE only_row) AS token`,
);

/** The table is empty after crash recovery, or in a new database. */
const BEGIN_CONTINUITY = statement('begin_log_continuity', 'INSERT INTO log_continuity DEFAULT VALUES ON CONFLICT DO NOTHING');

/** How far the log can be read. */
export interface LogHorizon {
  /**
   * Below this transaction id, no transaction of this database can still commit. It may go down: a transaction of
   * another database that is just ending counts as one of this database.
   */
  readonly xid: number;
  /** All committed transaction ids are lower. It only goes back if the server does. */
  readonly end: number;
  /** Stays the same as long as the server doesn't reuse transaction ids. */
  readonly continuity: string;
}

export async function logHorizon(queryable: Queryable): Promise<LogHorizon> {
  const [row] = await queryable.query<{ xid: string; end: string; token: string | null }>(HORIZON);
  if (!row) throw new Error('The database returned no transaction id.');
  if (row.token !== null) return { xid: Number(row.xid), end: Number(row.end), continuity: row.token };
  await queryable.query(BEGIN_CONTINUITY);
  return logHorizon(queryable);
}

const END = statement('log_end', 'SELECT pg_current_xact_id()::text AS xid');

/** Returns a new transaction id. All transactions that have written anything so far have lower ones. */
export async function logEnd(queryable: Queryable): Promise<number> {
  const [row] = await queryable.query<{ xid: string }>(END);
  if (!row) throw new Error('The database returned no transaction id.');
  return Number(row.xid);
}

/** Index: events_xid. */
const LAST = statement('last_logged', 'SELECT xid::text FROM events ORDER BY events.xid DESC LIMIT 1');

/** Returns the highest transaction id in the log. In a restored database it may be above the server's own ids. */
export async function lastLogged(queryable: Queryable): Promise<number> {
  const [row] = await queryable.query<{ xid: string }>(LAST);
  return Number(row?.xid ?? 0);
}

/** A reader's position: everything below is read. */
export interface LogPosition {
  readonly xid: number;
  /** The last id read of that transaction; null: none. */
  readonly id: string | null;
}

export interface LogRange {
  readonly from: LogPosition;
  /** Exclusive; null: the end of the log. */
  readonly to: number | null;
  readonly shards: readonly number[];
  readonly limit: number;
}

/** Index: events_xid, in every partition: a late commit, or a node with a wrong clock, may have an id of any day. */
const RANGE = statement(
  'read_log_range',
  `SELECT ${COLUMNS} FROM events
   WHERE xid >= $1::xid8 AND xid < $2::xid8 AND (xid, id) > ($1::xid8, $3::uuid) AND shard = ANY($4::int[])
     AND claimed_by IS DISTINCT FROM $5::int
   ORDER BY events.xid, events.id LIMIT $6`,
);

const LOWEST_ID = '00000000-0000-0000-0000-000000000000';
const HIGHEST_XID = '18446744073709551615';

/** Reads events of some shards in a range, in commit order, without those claimed by `notClaimedBy`, if not null. */
export function readRange(queryable: Queryable, input: LogRange & { notClaimedBy: number | null }): Promise<LogRow[]> {
  const { from, to, shards, notClaimedBy, limit } = input;
  // Node ids start at 1. Unclaimed events have null, which is distinct from any id.
  const values = [String(from.xid), to === null ? HIGHEST_XID : String(to), from.id ?? LOWEST_ID, shards, notClaimedBy ?? 0, limit];
  return queryable.query<LogRow>(RANGE, values);
}

/** Index: the primary key of events. */
const BY_ID = statement('events_by_id', `SELECT ${COLUMNS} FROM events WHERE organization_key = $1 AND id = ANY($2::uuid[])`);

/** Returns some events of an organization, in no particular order. */
export function eventsById(queryable: Queryable, organizationKey: number, ids: readonly string[]): Promise<EventRow[]> {
  return queryable.query<EventRow>(BY_ID, [organizationKey, ids]);
}

/** Index: the primary key of deliveries. */
const RECORDED = statement(
  'recorded_deliveries',
  `SELECT id FROM unnest($1::int[], $2::uuid[]) AS asked (organization_key, id) JOIN deliveries USING (organization_key, id)`,
);

/** Returns which of these deliveries have a row: they are settled or waiting. */
export async function recordedDeliveries(
  queryable: Queryable,
  asked: readonly { organizationKey: number; id: string }[],
): Promise<Set<string>> {
  const rows = await queryable.query<{ id: string }>(RECORDED, [asked.map((one) => one.organizationKey), asked.map((one) => one.id)]);
  return new Set(rows.map((row) => row.id));
}
