import pg from 'pg';
import { expect, test } from 'vitest';
import { testPostgres } from '../../test-support/database.ts';
import { eventually } from '../../test-support/eventually.ts';
import { statement } from './database.ts';

const SLEEP = statement('sleep', 'SELECT pg_sleep(60)');
const ONE = statement('one', 'SELECT 1 AS one');

test('a transaction whose connection is cut ends with an error, whatever was still under way, and the pool goes on', async () => {
  await using database = await testPostgres({ connections: 1 });
  const other = new pg.Client({ connectionString: database.url });
  await other.connect();
  const broken = database.transaction(async (transaction) => {
    await Promise.all([transaction.query(ONE), transaction.query(SLEEP), transaction.query(ONE)]);
  });
  const outcome = broken.then(
    () => 'committed',
    (error: unknown) => error,
  );
  await eventually(async () => {
    const { rows } = await other.query<{ ended: boolean }>(
      `SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()`,
    );
    expect(rows).toHaveLength(1);
  });
  await other.end();
  expect(await outcome).toBeInstanceOf(Error);
  expect(await database.query(ONE)).toEqual([{ one: 1 }]);
}, 10_000);
