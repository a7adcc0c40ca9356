import { expect, test } from 'vitest';
import { statement } from '../src/store/database.ts';
import { openPostgres } from '../src/store/postgres.ts';
import { describeOnBothDatabases, testPostgres, testPostgresUrl } from './database.ts';

const COUNT = statement('count_webhooks', 'SELECT count(*)::int AS count FROM organizations');
const ADD = statement('add_organization', `INSERT INTO organizations (id, name, product) VALUES ('a', 'A', 'generic')`);
const DATABASES = statement('count_databases', 'SELECT count(*)::int AS count FROM pg_database WHERE datname = $1');
const TABLES = statement('count_tables', `SELECT count(*)::int AS count FROM pg_tables WHERE schemaname = 'public'`);

describeOnBothDatabases('a test database', (open) => {
  test('is migrated, and what one test writes no other sees', async () => {
    await using one = await open();
    await using other = await open();
    await one.query(ADD);
    expect(await one.query(COUNT)).toEqual([{ count: 1 }]);
    expect(await other.query(COUNT)).toEqual([{ count: 0 }]);
  });

  test('may be closed before its scope ends', async () => {
    await using database = await open();
    await expect(database.close()).resolves.toBeUndefined();
  });
});

test('leaving the scope drops the database', async () => {
  await using observer = await testPostgres();
  const name = await (async () => {
    await using database = await testPostgres();
    const inside = new URL(database.url).pathname.slice(1);
    expect(await observer.query(DATABASES, [inside])).toEqual([{ count: 1 }]);
    return inside;
  })();
  expect(await observer.query(DATABASES, [name])).toEqual([{ count: 0 }]);
});

test('an empty database has no tables', async () => {
  await using place = await testPostgresUrl({ empty: true });
  const database = await openPostgres(place.url);
  expect(await database.query(TABLES)).toEqual([{ count: 0 }]);
  await database.close();
});
