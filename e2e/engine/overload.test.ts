import { expect, test } from 'vitest';
import { statement } from '../../packages/server/src/store/database.ts';
import { testPostgres } from '../../packages/server/test-support/database.ts';
import { startDatabaseLine } from '../../packages/server/test-support/database-line.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { startNode } from '../harness/node-in-process.ts';
import { makeTenant } from '../harness/tenant.ts';

const SLOW_MS = 6_000;
const STORED = statement('stored_events', 'SELECT count(*)::int AS count FROM events');

test('while the database is slow, requests that no statement has begun to store are refused in time, and none of their events is stored', async () => {
  await using database = await testPostgres();
  await using line = await startDatabaseLine(database.url);
  await using node = await startNode({ databaseUrl: line.url });
  const tenant = await makeTenant(node);
  line.delayAnswersTo('the slow one', SLOW_MS);
  let slowAnswered = false;
  const slow = tenant.request('POST', '/events', { type: 'a.b', data: { text: 'the slow one' } }).finally(() => (slowAnswered = true));
  // Its statement has been sent; later requests wait behind it.
  await eventually(async () => expect(await database.query(STORED)).toEqual([{ count: 1 }]));
  const events = Array.from({ length: 10 }, (_, n) => ({ type: 'a.b', data: { n } }));
  const waiting = [
    ...Array.from({ length: 10 }, () => tenant.request('POST', '/events', { type: 'a.b', data: {} })),
    ...Array.from({ length: 10 }, () => tenant.request('POST', '/events/batch', { events })),
  ];
  for (const { status, body, headers } of await Promise.all(waiting)) {
    expect([status, body, headers.get('retry-after')]).toEqual([503, expect.objectContaining({ code: 'overloaded' }), '1']);
  }
  expect(slowAnswered).toBe(false);
  expect((await node.request('GET', '/readyz')).status).toBe(200);
  expect((await tenant.request('GET', '/deliveries')).status).toBe(200);
  expect(slowAnswered).toBe(false);

  expect((await slow).status).toBe(202);
  expect(await database.query(STORED)).toEqual([{ count: 1 }]);
});
