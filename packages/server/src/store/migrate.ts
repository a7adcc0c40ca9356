import { readFile, readdir } from 'node:fs/promises';
import { statement, type Database, type Queryable } from './database.ts';

const DIRECTORY = new URL('migrations/', import.meta.url);
/** An arbitrary number that all nodes use for the lock. */
const LOCK = 8030_1;

const CREATE_HISTORY = statement(
  'create_migrations',
  `CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`,
);
/** A script, because another node's migration may take longer than a statement may. */
const TAKE_LOCK = `SELECT pg_advisory_xact_lock(${LOCK})`;
const APPLIED = statement('applied_migrations', 'SELECT name FROM migrations');
const RECORD = statement('record_migration', 'INSERT INTO migrations (name) VALUES ($1)');

/**
 * Applies the numbered scripts that the database has not applied yet, in order and in one transaction. Nodes that start
 * together wait for each other. Returns the names of the applied scripts.
 */
export async function migrate(database: Database): Promise<string[]> {
  const names = (await readdir(DIRECTORY)).filter((name) => name.endsWith('.sql')).sort();
  return database.transaction(async (transaction) => {
    await transaction.script(TAKE_LOCK);
    await transaction.query(CREATE_HISTORY);
    const applied = new Set((await transaction.query<{ name: string }>(APPLIED)).map((row) => row.name));
    refuseUnknown(applied, names);
    const missing = names.filter((name) => !applied.has(name));
    for (const name of missing) await apply(transaction, name);
    return missing;
  });
}

function refuseUnknown(applied: ReadonlySet<string>, names: readonly string[]): void {
  const unknown = [...applied].filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  throw new Error(`The database was migrated by a newer Posthorn (${unknown.join(', ')}). Start that version, or a newer one.`);
}

async function apply(transaction: Queryable, name: string): Promise<void> {
  const script = await readFile(new URL(name, DIRECTORY), 'utf8');
  await transaction.script(script);
  await transaction.query(RECORD, [name]);
}
