import { expect, test } from 'vitest';
import { testPostgresUrl } from '../packages/server/test-support/database.ts';
import { holdTransaction } from '../packages/server/test-support/held-transaction.ts';
import { openPostgres } from '../packages/server/src/store/postgres.ts';
import { startNode } from './harness/node-in-process.ts';
import { makeTenant } from './harness/tenant.ts';

test('reads that hang are aborted, and hold up no accept and no other organization’s other reads', async () => {
  await using place = await testPostgresUrl();
  await using node = await startNode({ databaseUrl: place.url });
  const greedy = await makeTenant(node);
  const other = await makeTenant(node);
  const database = await openPostgres(place.url, { connections: 1 });
  // Every list of goals waits for this lock, like for a slow disk.
  const lock = await holdTransaction(database, (transaction) =>
    transaction.script('SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE goals IN ACCESS EXCLUSIVE MODE'),
  );
  const reads = Array.from({ length: 40 }, () => greedy.request<{ code: string }>('GET', '/goals'));
  const accepted = await Promise.all(Array.from({ length: 20 }, (_, n) => other.request('POST', '/events', { type: 'a.b', data: { n } })));
  expect(accepted.map(({ status }) => status)).toEqual(accepted.map(() => 202));
  // The greedy organization uses at most two of the connections for reads, regardless of its load.
  expect((await other.request('GET', '/events')).status).toBe(200);
  expect((await other.request('GET', '/deliveries?type=never')).status).toBe(200);
  for (const { status, headers, body } of await Promise.all(reads)) {
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'query_timeout' });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  }
  await lock.commit();
  await database.close();
  expect((await greedy.request('GET', '/goals')).status).toBe(200);
});
