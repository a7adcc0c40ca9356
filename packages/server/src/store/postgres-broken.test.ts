import { setTimeout as after } from 'node:timers/promises';
import pg from 'pg';
import { expect, test } from 'vitest';
import { startDatabaseLine } from '../../test-support/database-line.ts';
import { testPostgres, testPostgresUrl } from '../../test-support/database.ts';
import { eventually } from '../../test-support/eventually.ts';
import { statement } from './database.ts';
import { openPostgres } from './postgres.ts';
import { asStoreError } from '../errors/store-error.ts';

const SLEEP = statement('sleep', 'SELECT pg_sleep(60)');
const LEFT_OPEN = statement(
  'left_open',
  `SELECT pid FROM pg_stat_activity WHERE application_name = 'vanishes' AND state = 'idle in transaction'`,
);
const ONE = statement('one', 'SELECT 1 AS one');

test('a transaction whose connection is cut fails, whatever was still under way, and the pool keeps working', async () => {
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

test('a connection to a server that stopped responding is replaced', async () => {
  await using place = await testPostgresUrl();
  await using line = await startDatabaseLine(place.url);
  const database = await openPostgres(line.url, { connections: 1, answerMs: 300 });
  line.fallSilent();
  await expect(database.query(ONE)).rejects.toThrow('stopped responding');
  expect(await database.query(ONE)).toEqual([{ one: 1 }]);
  const silent = database.transaction(async (transaction) => {
    await transaction.query(ONE);
    line.fallSilent();
  });
  await expect(silent).rejects.toThrow('stopped responding');
  expect(await database.query(ONE)).toEqual([{ one: 1 }]);
  await database.close();
});

test('a transaction left open by a vanished process is ended within seconds', async () => {
  await using database = await testPostgres();
  await using line = await startDatabaseLine(database.url);
  const vanishes = await openPostgres(line.url, { applicationName: 'vanishes' });
  const left = vanishes.transaction(async (transaction) => {
    await transaction.query(ONE);
    line.fallSilent();
    expect(await database.query(LEFT_OPEN)).toHaveLength(1);
    await eventually(async () => expect(await database.query(LEFT_OPEN)).toEqual([]));
    await line[Symbol.asyncDispose]();
  });
  await expect(left).rejects.toThrow(/connection/i);
  await vanishes.close();
});

test('a listener reconnects after its connection fell silent, and reports that it may have missed notifications', async () => {
  await using place = await testPostgresUrl();
  await using line = await startDatabaseLine(place.url);
  const database = await openPostgres(line.url, { answerMs: 300 });
  const heard: string[] = [];
  const listening = await database.listen(
    'news',
    (payload) => heard.push(payload),
    () => heard.push('reset'),
  );
  line.fallSilent();
  await eventually(() => expect(heard).toEqual(['reset', 'reset']));
  const other = await openPostgres(place.url, { connections: 1 });
  await other.query(statement('notify', `SELECT pg_notify('news', 'here')`));
  await other.close();
  await eventually(() => expect(heard.at(-1)).toBe('here'));
  await listening();
  await database.close();
});

test('a listener that gets no response from the start is closed too', async () => {
  await using place = await testPostgresUrl();
  await using line = await startDatabaseLine(place.url);
  const database = await openPostgres(line.url, { answerMs: 300 });
  line.delayAnswersTo('LISTEN', 5_000);
  const listening = database.listen(
    'news',
    () => {},
    () => {},
  );
  await expect(listening).rejects.toThrow('stopped responding');
  await database.close();
});

test('while the server refuses connections, a listener tries one at a time', async () => {
  await using place = await testPostgresUrl();
  await using line = await startDatabaseLine(place.url);
  const database = await openPostgres(line.url);
  const heard: string[] = [];
  const listening = await database.listen(
    'news',
    (payload) => heard.push(payload),
    () => heard.push('reset'),
  );
  const accept = line.refuse();
  await after(2_200);
  expect(accept()).toBeLessThanOrEqual(5);
  await eventually(() => expect(heard).toEqual(['reset', 'reset']));
  await listening();
  await database.close();
});

test('a pool for reads changes nothing, and cancels a slow statement with an error that says what to do', async () => {
  await using place = await testPostgresUrl();
  const reads = await openPostgres(place.url, { connections: 1, readsWithinMs: 200 });
  const slow = await reads.query(SLEEP).catch(asStoreError);
  expect(slow).toMatchObject({ code: 'query_timeout', message: expect.stringContaining('Narrow it'), retryAfterSeconds: 5 });
  await expect(reads.query(statement('test_change', 'DELETE FROM mails'))).rejects.toThrow('read-only transaction');
  expect(await reads.query(ONE)).toEqual([{ one: 1 }]);
  await reads.close();
});
