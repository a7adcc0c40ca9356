import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { statement } from '../../packages/server/src/store/database.ts';
import { testPostgres } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { startNode } from '../harness/node-in-process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { makeTenant } from '../harness/tenant.ts';

const HIDE = statement('hide', 'ALTER TABLE waiting RENAME TO hidden');
const SHOW = statement('show', 'ALTER TABLE hidden RENAME TO waiting');
/** What enabling a webhook does, told to the nodes like any change. */
const RELEASE = statement(
  'release',
  `WITH released AS (UPDATE hidden SET reason = 'backlog', due_at = 'infinity' WHERE webhook_id = $1),
   pending AS (UPDATE deliveries SET status = 'pending' WHERE webhook_id = $1),
   enabled AS (UPDATE webhooks SET status = 'active' WHERE id = $1 RETURNING organization_key)
   SELECT pg_notify('posthorn_changes', 'organization:' || organization_key) FROM enabled`,
);

test('a change heard of while the database refuses to answer crashes nothing, and what it released goes out afterwards', async () => {
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
  await eventually(() => expect(logged).toContain('Waiting deliveries could not be loaded.'));
  await database.query(RELEASE, [webhook.id]);
  logged = '';
  await eventually(() => expect(logged).toContain('WaitingLoader.#search'));
  expect(receiver.requests).toHaveLength(0);
  await database.query(SHOW);
  await tenant.settled(id, 'delivered', 1);
});
