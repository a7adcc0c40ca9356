import { statement, type Queryable } from './database.ts';
import { lowestIdAt } from './uuid-time.ts';

/** A row of the event log as delivery reads it. */
export interface LogRow {
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

const COLUMNS = `organization_key, id, xid::text, shard, type, subject_kind, subject_id, external_id, test, body, webhook_ids`;

const HORIZON = statement('log_horizon', 'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin');

/**
 * The transaction id below which nothing can be committed any more: a reader that stops there and goes on from there
 * leaves no gap, in whatever order transactions commit.
 */
export async function logHorizon(queryable: Queryable): Promise<number> {
  const [row] = await queryable.query<{ xmin: string }>(HORIZON);
  if (!row) throw new Error('The log horizon was not answered.');
  return Number(row.xmin);
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

/** What other nodes, or this one while it did not own the shard, accepted. */
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
   ORDER BY events.xid, events.id LIMIT $5`,
);

/** All of some shards’ events in a range: a new owner reads on where the last one left off. */
export function readRange(queryable: Queryable, input: LogRange): Promise<LogRow[]> {
  const { from, to, shards, limit } = input;
  return queryable.query<LogRow>(RANGE, [String(from.xid), String(to), from.id ?? LOWEST_ID, shards, limit]);
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
