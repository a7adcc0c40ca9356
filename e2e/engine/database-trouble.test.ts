import { Writable } from 'node:stream';
import { setTimeout as after } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { statement } from '../../packages/server/src/store/database.ts';
import { testPostgres } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { holdTransaction } from '../../packages/server/test-support/held-transaction.ts';
import { startDatabaseLine } from '../../packages/server/test-support/database-line.ts';
import { startNode } from '../harness/node-in-process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { makeTenant } from '../harness/tenant.ts';

const HIDE = statement('hide', 'ALTER TABLE waiting RENAME TO hidden');
const SHOW = statement('show', 'ALTER TABLE hidden RENAME TO waiting');
/** What enabling a webhook does, with its notification. */
const RELEASE = statement(
  'release',
  `WITH released AS (UPDATE hidden SET reason = 'backlog', due_at = 'infinity' WHERE webhook_id = $1),
   pending AS (UPDATE deliveries SET status = 'pending' WHERE webhook_id = $1),
   enabled AS (UPDATE webhooks SET status = 'active' WHERE id = $1 RETURNING organization_key)
   SELECT pg_notify('posthorn_changes', 'organization:' || organization_key) FROM enabled`,
);

test('a change notified during a database outage crashes nothing, and the released deliveries are sent afterwards', async () => {
  await using database = await testPostgres();
  let logged = '';
  const log = pino({ level: 'warn' }, new Writable({ write: (chunk: Buffer, _encoding, done) => ((logged += chunk.toString()), done()) }));
  await using node = await startNode({ databaseUrl: database.url, log });
  await using receiver = await startReceiver();
  const tenant = await makeTenant(node);
  const webhook = await tenant.webhook({ url: receiver.url });
  await tenant.call('POST', `/webhooks/${webhook.id}/pause`);
  const { id } = await tenant.emit('a.b', {});
  await tenant.settled(id, 'held');

  await database.query(HIDE);
  await eventually(() => expect(logged).toContain('Failed to load waiting deliveries; retrying'));
  await database.query(RELEASE, [webhook.id]);
  logged = '';
  await eventually(() => expect(logged).toContain('WaitingLoader.#search'));
  expect(receiver.requests).toHaveLength(0);
  await database.query(SHOW);
  await tenant.settled(id, 'delivered', 1);
});

const OLDER = statement('older', 'SELECT pg_current_xact_id()');

test('an event stored with an unknown outcome is not lost: a repeat gets the first response, and it is delivered once', async () => {
  await using database = await testPostgres();
  await using line = await startDatabaseLine(database.url);
  await using node = await startNode({ databaseUrl: line.url });
  await using receiver = await startReceiver();
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url });
  await tenant.emit('a.b', { first: true });
  await eventually(() => expect(receiver.requests).toHaveLength(1));

  // While an older transaction is open, it is unknown whether the log is complete up to the event.
  await using older = await holdTransaction(database, (transaction) => transaction.query(OLDER));
  const event = { type: 'a.b', data: { note: 'nobody hears of it' }, id: 'order-1' };
  line.loseAnswerTo('nobody hears of it');
  expect(await tenant.request('POST', '/events', event)).toMatchObject({ status: 503, body: { code: 'unavailable' } });
  expect(await tenant.request('POST', '/events', event)).toMatchObject({ status: 202, body: { id: 'order-1', deliveries: 1 } });
  // The node reads the log several times meanwhile.
  await after(200);
  await older.commit();
  await tenant.settled('order-1', 'delivered', 1);
  expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual([expect.any(String), 'order-1']);
});

test('while the database refuses connections, every call gets a retryable error, and works afterwards', async () => {
  await using database = await testPostgres();
  await using line = await startDatabaseLine(database.url);
  await using node = await startNode({ databaseUrl: line.url });
  const tenant = await makeTenant(node);
  const calls = [
    ['GET', '/deliveries'],
    ['GET', '/webhooks'],
    ['POST', '/webhooks', { url: 'http://127.0.0.1:1/', events: ['*'] }],
    ['POST', '/events', { type: 'a.b', data: {} }],
  ] as const;
  const accept = line.refuse();
  for (const [method, path, body] of calls) {
    const { status, headers, body: problem } = await tenant.request(method, path, body);
    expect([path, status, problem, headers.get('retry-after')]).toEqual([path, 503, expect.objectContaining({ code: 'unavailable' }), '1']);
  }
  accept();
  await eventually(async () => {
    for (const [method, path, body] of calls) expect((await tenant.request(method, path, body)).status).toBeLessThan(300);
  });
});

test('a database outage logs only a few lines, however many calls fail meanwhile', async () => {
  await using database = await testPostgres();
  await using line = await startDatabaseLine(database.url);
  const logged: { msg: string }[] = [];
  const write = (chunk: Buffer): unknown => logged.push(JSON.parse(chunk.toString()) as { msg: string });
  const log = pino({ level: 'info' }, new Writable({ write: (chunk: Buffer, _encoding, done) => (write(chunk), done()) }));
  await using node = await startNode({ databaseUrl: line.url, log });
  const tenant = await makeTenant(node);
  await tenant.emit('a.b', {});
  logged.splice(0);

  const accept = line.refuse();
  for (let round = 0; round < 20; round++) {
    const statuses = await Promise.all([
      tenant.request('POST', '/events', { type: 'a.b', data: {} }),
      tenant.request('GET', '/deliveries'),
      tenant.request('GET', '/webhooks'),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([503, 503, 503]);
  }
  accept();
  await eventually(async () => expect((await tenant.request('POST', '/events', { type: 'a.b', data: {} })).status).toBe(202));
  node.clock.advance(10_000);
  await eventually(() => expect(logged.map(({ msg }) => msg)).toContain('The database is available again'));
  const ofDatabase = logged.filter(({ msg }) => /atabase|error|could not|cannot/i.test(msg));
  expect(ofDatabase.map(({ msg }) => msg)).toEqual([
    expect.stringContaining('The database is unavailable'),
    'The database is available again',
  ]);
});
