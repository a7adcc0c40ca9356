import { expect, test } from 'vitest';
import { statement, type Queryable } from '../../packages/server/src/store/database.ts';
import { openPostgres } from '../../packages/server/src/store/postgres.ts';
import { testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { startNode } from '../harness/node-in-process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { makeTenant } from '../harness/tenant.ts';

const SECRET = 'WEBHOOK-SECRET-PLANTED';
const HEADERS = {
  Authorization: 'Bearer AUTH-PLANTED-TOKEN',
  'X-Plain': 'PLAIN-PLANTED',
  'X-Signing': 'SIGNING-PLANTED',
  Cookie: 'sid=COOKIE-PLANTED',
  'X-Basic': `Basic ${Buffer.from('user:BASIC-PLANTED').toString('base64')}`,
};

const READ = statement(
  'test_attempts',
  `SELECT convert_from(first_attempt, 'UTF8') AS attempt FROM deliveries UNION ALL SELECT convert_from(attempt, 'UTF8') FROM attempts`,
);
/** As an earlier version stored them. */
const MAKE_OLD = statement(
  'test_make_old',
  `UPDATE deliveries SET first_attempt = convert_to(replace(replace(convert_from(first_attempt, 'UTF8'),
     '["X-Plain","***"]', '["X-Plain","PLAIN-PLANTED"]'), 'understood', 'SIGNING-PLANTED'), 'UTF8')`,
);

async function stored(database: Queryable): Promise<string> {
  return (await database.query<{ attempt: string }>(READ)).map(({ attempt }) => attempt).join('\n');
}

test('neither stored attempts nor the API show a webhook’s own headers or secret, even if its endpoint repeats them', async () => {
  await using place = await testPostgresUrl();
  await using node = await startNode({ databaseUrl: place.url });
  await using receiver = await startReceiver(({ headers }, index) => ({
    status: index % 2 === 0 ? 500 : 200,
    headers: { 'x-echo': headers['authorization'] ?? '' },
    body: JSON.stringify({ headers, secret: SECRET, password: 'BASIC-PLANTED', token: 'AUTH-PLANTED-TOKEN', status: 'understood' }),
  }));
  const tenant = await makeTenant(node);
  const { id: webhook } = await tenant.webhook({ url: receiver.url, headers: HEADERS, secret: SECRET });
  const { id } = await tenant.emit('a.b', {});
  await tenant.settled(id, 'retrying', 1);
  node.clock.advance(3_600_000);
  const shown = await tenant.settled(id, 'delivered', 2);
  expect(receiver.requests[0]?.headers).toMatchObject({ 'x-plain': 'PLAIN-PLANTED', cookie: 'sid=COOKIE-PLANTED' });
  expect(shown.attempts[1]?.response?.body).toContain('"status":"understood"');
  const sent = new Map(shown.attempts[1]?.request.headers);
  for (const name of Object.keys(HEADERS)) expect([name, sent.get(name)]).toEqual([name, '***']);
  expect(sent.get('webhook-signature')).toMatch(/^v1,/);
  const database = await openPostgres(place.url);
  const recorded = await stored(database);
  expect(recorded).toContain('understood');
  expect(`${recorded}\n${JSON.stringify(shown)}`).not.toMatch(/PLANTED/);

  await database.query(MAKE_OLD);
  expect(await stored(database)).toMatch(/PLAIN-PLANTED.*SIGNING-PLANTED/);
  await database.close();
  expect(JSON.stringify(await tenant.delivery(id))).not.toMatch(/PLANTED/);
  await tenant.call('DELETE', `/webhooks/${webhook}`);
  expect(JSON.stringify(await tenant.delivery(id))).not.toMatch(/PLAIN-PLANTED/);
});
