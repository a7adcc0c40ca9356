import { expect, test } from 'vitest';
import { startDatabaseLine } from '../../packages/server/test-support/database-line.ts';
import { testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { statement } from '../../packages/server/src/store/database.ts';
import { openPostgres } from '../../packages/server/src/store/postgres.ts';
import { cancelRecorded } from '../../packages/server/src/store/redelivery.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { startNode, TestClock } from '../harness/node-in-process.ts';
import { startReceiver, type Receiver } from '../harness/receiver.ts';
import { makeTenant } from '../harness/tenant.ts';

const HOUR_MS = 3_600_000;
const RETRY = { kind: 'fixed', delayMs: HOUR_MS, retries: 5, jitter: 0 };

function idsOf(receiver: Receiver): (string | undefined)[] {
  return receiver.requests.map(({ headers }) => headers['webhook-id']);
}

test('a pending delivery that is queued in memory and is cancelled is not sent, and can be sent again', async () => {
  await using place = await testPostgresUrl();
  await using node = await startNode({ databaseUrl: place.url });
  await using receiver = await startReceiver();
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url, rateLimit: 2 });
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) ids.push((await tenant.emit('a.b', { n })).id);
  const last = ids.at(-1) ?? '';
  const delivery = await tenant.delivery(last);
  expect(delivery.status).toBe('pending');
  await tenant.call('POST', `/deliveries/${delivery.id}/cancel`);
  for (const name of ['first', 'second']) await tenant.settled((await tenant.emit('a.b', { name })).id, 'delivered');
  expect(idsOf(receiver)).not.toContain(last);
  expect((await tenant.delivery(last)).status).toBe('cancelled');
  await tenant.call('POST', `/deliveries/${delivery.id}/redeliver`);
  await tenant.settled(last, 'delivered', 1);
  expect(idsOf(receiver).filter((id) => id === last)).toHaveLength(1);
});

test('a delivery that is cancelled while it is sent is not sent again, and the next of its subject follows', async () => {
  await using place = await testPostgresUrl();
  const clock = new TestClock();
  await using node = await startNode({ databaseUrl: place.url, clock });
  let answer = (): void => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  await using receiver = await startReceiver(async (_request, index) => {
    if (index === 0) await answered;
    return { status: index === 0 ? 500 : 200 };
  });
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url, ordered: true, retry: RETRY });
  const subject = { kind: 'execution', id: 'a' };
  const first = await tenant.emit('a.b', { step: 1 }, { subject });
  await receiver.waitFor(1);
  const second = await tenant.emit('a.b', { step: 2 }, { subject });
  await tenant.call('POST', `/deliveries/${(await tenant.delivery(first.id)).id}/cancel`);
  answer();
  await tenant.settled(second.id, 'delivered', 1);
  clock.advance(HOUR_MS);
  await tenant.settled((await tenant.emit('a.b', { step: 3 }, { subject })).id, 'delivered', 1);
  // The attempt is recorded on its own.
  await eventually(async () => {
    const delivery = await tenant.delivery(first.id);
    expect([delivery.status, delivery.attempts.length]).toEqual(['cancelled', 1]);
  });
  expect(idsOf(receiver).filter((id) => id === first.id)).toHaveLength(1);
});

test('a delivery that waits for its retry and is cancelled is not sent', async () => {
  await using place = await testPostgresUrl();
  const clock = new TestClock();
  await using node = await startNode({ databaseUrl: place.url, clock });
  await using receiver = await startReceiver((_request, index) => ({ status: index === 0 ? 500 : 200 }));
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url, retry: RETRY });
  const { id } = await tenant.emit('a.b', {});
  const delivery = await tenant.settled(id, 'retrying', 1);
  await tenant.call('POST', `/deliveries/${delivery.id}/cancel`);
  clock.advance(HOUR_MS);
  await tenant.settled((await tenant.emit('a.b', {})).id, 'delivered', 1);
  expect(idsOf(receiver).filter((one) => one === id)).toHaveLength(1);
});

test('a delivery that is cancelled while queued, and then held with the others, does not block its subject', async () => {
  await using place = await testPostgresUrl();
  await using node = await startNode({ databaseUrl: place.url });
  await using receiver = await startReceiver();
  const tenant = await makeTenant(node);
  const webhook = await tenant.webhook({ url: receiver.url, rateLimit: 1, ordered: true });
  const subject = { kind: 'execution', id: 'a' };
  await tenant.settled((await tenant.emit('a.b', { step: 0 })).id, 'delivered');
  const first = await tenant.emit('a.b', { step: 1 }, { subject });
  const second = await tenant.emit('a.b', { step: 2 }, { subject });
  await tenant.call('POST', `/deliveries/${(await tenant.delivery(first.id)).id}/cancel`);
  await tenant.call('POST', `/webhooks/${webhook.id}/pause`);
  await tenant.settled(second.id, 'held');
  await tenant.call('POST', `/webhooks/${webhook.id}/enable`, {});
  await tenant.settled(second.id, 'delivered', 1);
  expect((await tenant.delivery(first.id)).status).toBe('cancelled');
  expect(idsOf(receiver)).not.toContain(first.id);
});

test('a delivery cancelled while the owner got no notifications is not sent, and the next of its subject follows', async () => {
  await using place = await testPostgresUrl();
  await using line = await startDatabaseLine(place.url);
  const clock = new TestClock();
  const timing = { leaseMs: 60_000 };
  await using owner = await startNode({ databaseUrl: line.url, clock, timing });
  await using receiver = await startReceiver({ status: 500 });
  const tenant = await makeTenant(owner);
  await tenant.webhook({ url: receiver.url, ordered: true, retry: RETRY });
  const subject = { kind: 'execution', id: 'a' };
  const first = await tenant.emit('a.b', { step: 1 }, { subject });
  const delivery = await tenant.settled(first.id, 'retrying', 1);
  const second = await tenant.emit('a.b', { step: 2 }, { subject });
  await tenant.settled(second.id, 'pending', 0);
  await using opened = new AsyncDisposableStack();
  const database = opened.adopt(await openPostgres(place.url), (one) => one.close());
  const [organization] = await database.query<{ key: number }>(
    statement('key', 'SELECT organization_key AS key FROM deliveries WHERE id = $1'),
    [delivery.id],
  );
  const release = line.refuse();
  await cancelRecorded(database, organization?.key ?? 0, delivery.id);
  receiver.react({});
  release();
  await tenant.settled(second.id, 'delivered', 1);
  clock.advance(HOUR_MS);
  await tenant.settled((await tenant.emit('a.b', { step: 3 }, { subject })).id, 'delivered', 1);
  expect(idsOf(receiver).filter((id) => id === first.id)).toHaveLength(1);
});
