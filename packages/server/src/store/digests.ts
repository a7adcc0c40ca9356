import { statement, type Queryable } from './database.ts';

/** When a digest of an organization runs. `at` and `time_zone` are null where the product’s hold. */
export interface DigestScheduleRow {
  readonly organization_key: number;
  readonly digest: string;
  readonly at: string | null;
  readonly time_zone: string | null;
  readonly next_run_at: Date;
  readonly last_run_at: Date | null;
}

const COLUMNS = 'organization_key, digest, at, time_zone, next_run_at, last_run_at';

/**
 * A change that is noted already keeps its original. The update locks the row all the same: a run that is reading it
 * either waits for this change or has this change noted anew.
 */
const NOTE = statement(
  'note_digest_changes',
  `INSERT INTO digest_changes (organization_key, digest, scope, object_id, original)
   SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[]) AS row (organization_key, digest, scope, object_id, original)
   ORDER BY 1, 2, 3, 4
   ON CONFLICT (organization_key, digest, scope, object_id) DO UPDATE SET original = digest_changes.original`,
);

export interface NotedChange {
  readonly organizationKey: number;
  readonly digest: string;
  /** '' where the object has none. */
  readonly scope: string;
  readonly objectId: string;
  /** JSON text of the state before the change. */
  readonly original: string;
}

/** Keeps what changed objects were before, for the next run. No two of one call may name the same object. */
export async function noteDigestChanges(transaction: Queryable, changes: readonly NotedChange[]): Promise<void> {
  await transaction.query(NOTE, [
    changes.map((change) => change.organizationKey),
    changes.map((change) => change.digest),
    changes.map((change) => change.scope),
    changes.map((change) => change.objectId),
    changes.map((change) => change.original),
  ]);
}

const ENSURE = statement(
  'ensure_digest_schedule',
  `INSERT INTO digest_schedules (organization_key, digest, shard, next_run_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
);

/** Gives a digest its schedule, unless it has one. */
export async function ensureSchedule(
  queryable: Queryable,
  input: { organizationKey: number; digest: string; shard: number; nextRunAt: Date },
): Promise<void> {
  await queryable.query(ENSURE, [input.organizationKey, input.digest, input.shard, input.nextRunAt]);
}

const SCHEDULES = statement('digest_schedules', `SELECT ${COLUMNS} FROM digest_schedules WHERE organization_key = $1`);

export function schedulesOf(queryable: Queryable, organizationKey: number): Promise<DigestScheduleRow[]> {
  return queryable.query<DigestScheduleRow>(SCHEDULES, [organizationKey]);
}

/** Index: digest_schedules_due. */
const DUE = statement(
  'due_digests',
  `SELECT ${COLUMNS} FROM digest_schedules WHERE shard = ANY($1::int[]) AND next_run_at <= $2 ORDER BY next_run_at LIMIT 100`,
);

export function dueDigests(queryable: Queryable, shards: readonly number[], now: Date): Promise<DigestScheduleRow[]> {
  return queryable.query<DigestScheduleRow>(DUE, [shards, now]);
}

const LOCK = statement(
  'lock_digest_schedule',
  `SELECT ${COLUMNS} FROM digest_schedules WHERE organization_key = $1 AND digest = $2 FOR UPDATE`,
);

/** Locks a digest's schedule: its runs follow one another, over all nodes. */
export async function lockSchedule(transaction: Queryable, organizationKey: number, digest: string): Promise<DigestScheduleRow | null> {
  const [row] = await transaction.query<DigestScheduleRow>(LOCK, [organizationKey, digest]);
  return row ?? null;
}

const RAN = statement(
  'digest_ran',
  `UPDATE digest_schedules SET last_run_at = $3, next_run_at = $4 WHERE organization_key = $1 AND digest = $2`,
);

export async function markRun(
  transaction: Queryable,
  input: { organizationKey: number; digest: string; ranAt: Date; nextRunAt: Date },
): Promise<void> {
  await transaction.query(RAN, [input.organizationKey, input.digest, input.ranAt, input.nextRunAt]);
}

const SET_TIME = statement(
  'set_digest_time',
  `UPDATE digest_schedules SET at = $3, time_zone = $4, next_run_at = $5 WHERE organization_key = $1 AND digest = $2`,
);

export async function setDigestTime(
  transaction: Queryable,
  input: { organizationKey: number; digest: string; at: string | null; timeZone: string | null; nextRunAt: Date },
): Promise<void> {
  await transaction.query(SET_TIME, [input.organizationKey, input.digest, input.at, input.timeZone, input.nextRunAt]);
}

/** A noted change with the object's state now. */
export interface DigestChangeRow {
  readonly scope: string;
  readonly object_id: string;
  readonly original: string;
}

/** Index: the primary key. */
const READ = statement(
  'read_digest_changes',
  `SELECT scope, object_id, original FROM digest_changes
   WHERE organization_key = $1 AND digest = $2 AND (scope, object_id) > ($3, $4)
   ORDER BY scope, object_id LIMIT $5`,
);

const CONSUME = statement(
  'consume_digest_changes',
  `DELETE FROM digest_changes
   WHERE organization_key = $1 AND digest = $2 AND (scope, object_id) IN (
     SELECT scope, object_id FROM digest_changes
     WHERE organization_key = $1 AND digest = $2 AND (scope, object_id) > ($3, $4)
     ORDER BY scope, object_id LIMIT $5 FOR UPDATE)
   RETURNING scope, object_id, original`,
);

export interface DigestPage {
  readonly organizationKey: number;
  readonly digest: string;
  readonly after: { readonly scope: string; readonly objectId: string };
  readonly limit: number;
  /** Takes the changes away as they are read. */
  readonly consume: boolean;
}

/** The next noted changes in order of scope and object. */
export async function digestChanges(transaction: Queryable, input: DigestPage): Promise<DigestChangeRow[]> {
  const { organizationKey, digest, after, limit, consume } = input;
  const values = [organizationKey, digest, after.scope, after.objectId, limit];
  const rows = await transaction.query<DigestChangeRow>(consume ? CONSUME : READ, values);
  // RETURNING follows no order.
  return rows.sort((one, other) => compare(one.scope, other.scope) || compare(one.object_id, other.object_id));
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
