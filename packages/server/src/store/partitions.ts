import { statement, type Database, type Queryable } from './database.ts';
import { lowestIdAt } from '../ids/uuid-time.ts';

const DAY_MS = 86_400_000;
const TABLES = ['events', 'deliveries', 'attempts'] as const;
/** How many days ahead partitions are created. Yesterday's is kept for a clock that lags. */
const DAYS_AHEAD = 3;
const DAYS_BEHIND = 1;

const LOCK = statement('lock_partitions', 'SELECT pg_advisory_xact_lock(80302)');
const TIME = statement('database_time', `SELECT (extract(epoch FROM now()) * 1000)::float8 AS ms`);
const LIST = statement(
  'list_partitions',
  `SELECT child.relname AS name FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
   WHERE inhparent = ANY(ARRAY['events'::regclass, 'deliveries'::regclass, 'attempts'::regclass])`,
);
const FORGET_IDS = statement(
  'forget_event_ids',
  `DELETE FROM event_ids WHERE ctid = ANY(ARRAY(SELECT ctid FROM event_ids WHERE event_id < $1 LIMIT 10000)) RETURNING 1 AS gone`,
);
const FORGET_WAITING = statement(
  'forget_waiting',
  `DELETE FROM waiting WHERE ctid = ANY(ARRAY(SELECT ctid FROM waiting WHERE event_id < $1 LIMIT 10000)) RETURNING 1 AS gone`,
);

/** Creates the missing day partitions around `nowMs`. Several nodes may call it at once. */
export async function makePartitions(database: Database, nowMs: number): Promise<void> {
  const today = Math.floor(nowMs / DAY_MS);
  await database.transaction(async (transaction) => {
    await transaction.query(LOCK);
    const existing = await partitionNames(transaction);
    const missing: string[] = [];
    for (let day = today - DAYS_BEHIND; day <= today + DAYS_AHEAD; day++) {
      for (const table of TABLES) if (!existing.has(partitionName(table, day))) missing.push(createPartition(table, day));
    }
    if (missing.length > 0) await transaction.script(missing.join('\n'));
  });
}

/**
 * Drops partitions whose whole day is older than the retention, and the rows that refer to them. Both this node's clock
 * and the database's must agree: a clock that is a month ahead drops nothing.
 */
export async function dropPartitions(database: Database, input: { nowMs: number; retentionDays: number }): Promise<string[]> {
  const [time] = await database.query<{ ms: number }>(TIME);
  const nowMs = Math.min(input.nowMs, time?.ms ?? input.nowMs);
  const firstKept = Math.floor((nowMs - input.retentionDays * DAY_MS) / DAY_MS);
  const dropped = await database.transaction(async (transaction) => {
    await transaction.query(LOCK);
    const old = [...(await partitionNames(transaction))].filter((name) => dayOf(name) < firstKept).sort();
    // A long reader must not make every writer queue behind the drop: it gives up soon, and the next round tries again.
    if (old.length > 0) await transaction.script(`SET LOCAL lock_timeout = '2s'; ${old.map((name) => `DROP TABLE ${name};`).join(' ')}`);
    return old;
  });
  const bound = lowestIdAt(firstKept * DAY_MS);
  for (const forget of [FORGET_WAITING, FORGET_IDS]) while ((await database.query(forget, [bound])).length > 0);
  return dropped;
}

/** Whether a row was refused because its day has no partition. */
export function isMissingPartition(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23514' && error.message.includes('no partition');
}

async function partitionNames(queryable: Queryable): Promise<Set<string>> {
  return new Set((await queryable.query<{ name: string }>(LIST)).map((row) => row.name));
}

function partitionName(table: string, day: number): string {
  return `${table}_${new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

function dayOf(name: string): number {
  const digits = name.slice(-8);
  return Date.parse(`${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`) / DAY_MS;
}

function createPartition(table: string, day: number): string {
  const from = lowestIdAt(day * DAY_MS);
  const to = lowestIdAt((day + 1) * DAY_MS);
  return `CREATE TABLE ${partitionName(table, day)} PARTITION OF ${table} FOR VALUES FROM ('${from}') TO ('${to}');`;
}
