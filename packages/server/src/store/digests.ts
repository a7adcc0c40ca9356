import { statement, type Queryable } from './database.ts';

/** When a digest of an organization runs. `at` and `time_zone` are null if the product's apply. */
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
 * The first noted original is kept. The update locks the row anyway: a run that reads it either waits for this change,
 * or has it noted again.
 */
const NOTE = statement(
  'note_digest_changes',
  `INSERT INTO digest_changes (organization_key, digest, scope_key, object_id, original)
   SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[]) AS row (organization_key, digest, scope_key, object_id, original)
   ORDER BY organization_key, digest COLLATE "C", scope_key COLLATE "C", object_id COLLATE "C"
   ON CONFLICT (organization_key, digest, scope_key, object_id) DO UPDATE SET original = digest_changes.original`,
);

export interface NotedChange {
  readonly organizationKey: number;
  readonly digest: string;
  /** The scope of an object of a scoped kind, else ''. */
  readonly scopeKey: string;
  readonly objectId: string;
  /** JSON text of the state before the change. */
  readonly original: string;
}

/** Stores the previous state of changed objects for the next run. An object may occur only once per call. */
export async function noteDigestChanges(transaction: Queryable, changes: readonly NotedChange[]): Promise<void> {
  await transaction.query(NOTE, [
    changes.map((change) => change.organizationKey),
    changes.map((change) => change.digest),
    changes.map((change) => change.scopeKey),
    changes.map((change) => change.objectId),
    changes.map((change) => change.original),
  ]);
}

const ENSURE = statement(
  'ensure_digest_schedules',
  `INSERT INTO digest_schedules (organization_key, digest, shard, next_run_at)
   SELECT * FROM unnest($1::int[], $2::text[], $3::int[], $4::timestamptz[]) AS row (organization_key, digest, shard, next_run_at)
   ORDER BY organization_key, digest COLLATE "C"
   ON CONFLICT DO NOTHING`,
);

export interface NewSchedule {
  readonly organizationKey: number;
  readonly digest: string;
  readonly shard: number;
  readonly nextRunAt: Date;
}

/** Creates the schedules of digests that have none. */
export async function ensureSchedules(transaction: Queryable, schedules: readonly NewSchedule[]): Promise<void> {
  await transaction.query(ENSURE, [
    schedules.map((schedule) => schedule.organizationKey),
    schedules.map((schedule) => schedule.digest),
    schedules.map((schedule) => schedule.shard),
    schedules.map((schedule) => schedule.nextRunAt),
  ]);
}

const SCHEDULES = statement('digest_schedules', `SELECT ${COLUMNS} FROM digest_schedules WHERE organization_key = $1`);

export function schedulesOf(queryable: Queryable, organizationKey: number): Promise<DigestScheduleRow[]> {
  return queryable.query<DigestScheduleRow>(SCHEDULES, [organizationKey]);
}

/** Index: digest_schedules_due. */
const DUE = statement(
  'due_digests',
  `SELECT ${COLUMNS} FROM digest_schedules WHERE shard = ANY($1::int[]) AND next_run_at <= $2 ORDER BY next_run_at LIMIT $3`,
);

/** Returns schedules that are due, the longest overdue first. */
export function dueDigests(
  queryable: Queryable,
  { shards, now, limit }: { shards: readonly number[]; now: Date; limit: number },
): Promise<DigestScheduleRow[]> {
  return queryable.query<DigestScheduleRow>(DUE, [shards, now, limit]);
}

const LOCK = statement(
  'lock_digest_schedule',
  `SELECT ${COLUMNS} FROM digest_schedules WHERE organization_key = $1 AND digest = $2 FOR UPDATE`,
);

/** Locks a digest's schedule, so that its runs are sequential across all nodes. */
export async function lockSchedule(transaction: Queryable, organizationKey: number, digest: string): Promise<DigestScheduleRow | null> {
  const [row] = await transaction.query<DigestScheduleRow>(LOCK, [organizationKey, digest]);
  return row ?? null;
}

const UPDATE = statement(
  'update_digest_schedule',
  `UPDATE digest_schedules SET at = $3, time_zone = $4, next_run_at = $5, last_run_at = $6 WHERE organization_key = $1 AND digest = $2`,
);

/** Updates a schedule that the transaction has locked. */
export async function updateSchedule(transaction: Queryable, row: DigestScheduleRow): Promise<void> {
  await transaction.query(UPDATE, [row.organization_key, row.digest, row.at, row.time_zone, row.next_run_at, row.last_run_at]);
}

/** An object as it was when the last digest ran. */
export interface DigestChangeRow {
  readonly scope_key: string;
  readonly object_id: string;
  readonly original: string;
}

/** Index: the primary key. */
const READ = statement(
  'read_digest_changes',
  `SELECT scope_key, object_id, original FROM digest_changes
   WHERE organization_key = $1 AND digest = $2 AND (scope_key, object_id) > ($3, $4)
   ORDER BY scope_key, object_id LIMIT $5`,
);

const TAKE = statement(
  'take_digest_changes',
  `WITH taken AS (
     SELECT scope_key, object_id FROM digest_changes
     WHERE organization_key = $1 AND digest = $2 AND (scope_key, object_id) > ($3, $4)
     ORDER BY scope_key, object_id LIMIT $5 FOR UPDATE
   ), last AS (SELECT * FROM taken ORDER BY scope_key DESC, object_id DESC LIMIT 1)
   DELETE FROM digest_changes
   WHERE organization_key = $1 AND digest = $2 AND (scope_key, object_id) > ($3, $4)
     AND (scope_key, object_id) <= ((SELECT scope_key FROM last), (SELECT object_id FROM last))
   RETURNING scope_key, object_id, original`,
);

export interface DigestPage {
  readonly organizationKey: number;
  readonly digest: string;
  readonly after: { readonly scopeKey: string; readonly objectId: string };
  readonly limit: number;
  /** Takes the changes away as they are read. */
  readonly take: boolean;
}

/** The next noted changes in order of scope and object. */
export async function digestChanges(transaction: Queryable, input: DigestPage): Promise<DigestChangeRow[]> {
  const { organizationKey, digest, after, limit, take } = input;
  const values = [organizationKey, digest, after.scopeKey, after.objectId, limit];
  const rows = await transaction.query<DigestChangeRow>(take ? TAKE : READ, values);
  // RETURNING follows no order.
  return rows.toSorted((one, other) => compare(one.scope_key, other.scope_key) || compare(one.object_id, other.object_id));
}

/** As the database orders them: by UTF-8 bytes. */
function compare(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
