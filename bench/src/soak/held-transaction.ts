import pg from 'pg';

/**
 * Opens a transaction that holds what a long one can hold up: a snapshot, for which PostgreSQL keeps every dead row, and a
 * transaction id, at which readers of the log stop. Returns what ends it.
 */
export async function holdTransaction(url: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await client.query('SELECT pg_current_xact_id(), count(*) FROM shards');
  return async () => {
    await client.query('COMMIT');
    await client.end();
  };
}
