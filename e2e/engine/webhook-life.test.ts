import { Webhook as StandardWebhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testPostgresUrl, type TestPostgresUrl } from '../../packages/server/test-support/database.ts';
import { startNode, type InProcessNode } from '../harness/node-in-process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { makeTenant, type ShownDelivery } from '../harness/tenant.ts';

let place: TestPostgresUrl;
let node: InProcessNode;

beforeAll(async () => {
  place = await testPostgresUrl();
  node = await startNode({ databaseUrl: place.url });
});

afterAll(async () => {
  await node[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

test('a paused webhook’s deliveries are held and go out when it is enabled', async () => {
  await using receiver = await startReceiver();
  const tenant = await makeTenant(node);
  const webhook = await tenant.webhook({ url: receiver.url });
  await tenant.call('POST', `/webhooks/${webhook.id}/pause`);
  const events = [await tenant.emit('a.b', { n: 1 }), await tenant.emit('a.b', { n: 2 })];
  for (const { id } of events) await tenant.settled(id, 'held');
  expect(receiver.requests).toHaveLength(0);
  await tenant.call('POST', `/webhooks/${webhook.id}/enable`);
  for (const { id } of events) await tenant.settled(id, 'delivered', 1);
});

test('a deleted webhook’s waiting deliveries are cancelled', async () => {
  await using receiver = await startReceiver({ status: 500 });
  const tenant = await makeTenant(node);
  const webhook = await tenant.webhook({ url: receiver.url });
  const { id } = await tenant.emit('a.b', {});
  await tenant.settled(id, 'retrying', 1);
  await tenant.call('DELETE', `/webhooks/${webhook.id}`);
  const cancelled = await tenant.settled(id, 'cancelled', 1);
  expect(cancelled.attempts).toHaveLength(1);
});

test('redelivery sends the same id and bytes once more, and keeps both attempts', async () => {
  await using receiver = await startReceiver();
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url });
  const { id } = await tenant.emit('a.b', { n: 1 });
  const delivery = await tenant.settled(id, 'delivered', 1);
  await tenant.call('POST', `/deliveries/${delivery.id}/redeliver`);
  const again = await tenant.settled(id, 'delivered', 2);
  expect(again.attempts.map(({ number }) => number)).toEqual([1, 2]);
  const [first, second] = receiver.requests;
  expect(second?.text).toBe(first?.text);
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
});

test('a cancelled delivery is not tried again', async () => {
  await using receiver = await startReceiver({ status: 500 });
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url });
  const { id } = await tenant.emit('a.b', {});
  const delivery = await tenant.settled(id, 'retrying', 1);
  await tenant.call('POST', `/deliveries/${delivery.id}/cancel`);
  node.clock.advance(60_000);
  const other = await tenant.emit('a.b', {});
  await tenant.settled(other.id, 'retrying', 1);
  expect(await tenant.delivery(id)).toMatchObject({ status: 'cancelled', attemptCount: 1 });
  const { status } = await node.request('POST', `${tenant.path}/deliveries/${delivery.id}/cancel`);
  expect(status).toBe(409);
});

test('replay sends failed deliveries of a time span again, and events from before the webhook was created', async () => {
  await using receiver = await startReceiver({ status: 500 });
  const tenant = await makeTenant(node);
  const since = new Date(node.clock.now() - 1_000).toISOString();
  const before = await tenant.emit('a.b', { n: 0 });
  const webhook = await tenant.webhook({ url: receiver.url, retry: { kind: 'none' } });
  const failed = await tenant.emit('a.b', { n: 1 });
  await tenant.settled(failed.id, 'failed', 1);
  receiver.react({});
  expect(await tenant.call('POST', `/webhooks/${webhook.id}/replay`, { since })).toEqual({ deliveries: 2 });
  await tenant.settled(failed.id, 'delivered', 2);
  await receiver.waitFor(3);
  expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([before.id, failed.id]));
});

test('after a rotation both secrets sign until the overlap ends', async () => {
  await using receiver = await startReceiver();
  const tenant = await makeTenant(node);
  const webhook = await tenant.webhook({ url: receiver.url });
  const rotated = await tenant.call<{ secret: string }>('POST', `/webhooks/${webhook.id}/rotate-secret`, { overlapSeconds: 60 });
  await tenant.emit('a.b', {});
  const [first] = await receiver.waitFor(1);
  for (const secret of [webhook.secret, rotated.secret]) new StandardWebhook(secret).verify(first?.text ?? '', { ...first?.headers });
  node.clock.advance(61_000);
  await tenant.emit('a.b', {});
  const second = (await receiver.waitFor(2))[1];
  expect(second?.headers['webhook-signature']?.split(' ')).toHaveLength(1);
});

test('a ping and a test send go to their webhook alone, signed, and are marked as tests', async () => {
  await using receiver = await startReceiver({ status: 500 });
  const tenant = await makeTenant(node, 'revops');
  const webhook = await tenant.webhook({ url: receiver.url, events: ['account-*'] });
  const ping = await tenant.call<{ deliveryId: string }>('POST', `/webhooks/${webhook.id}/ping`);
  const sent = await tenant.call<{ deliveryId: string }>('POST', `/webhooks/${webhook.id}/test`, { type: 'deal-signed' });
  for (const { deliveryId } of [ping, sent]) {
    await expect
      .poll(() => tenant.call<ShownDelivery>('GET', `/deliveries/${deliveryId}`))
      .toMatchObject({ test: true, status: 'failed', attemptCount: 1 });
  }
  expect(receiver.requests.every(({ headers }) => headers['webhook-signature']?.startsWith('v1,'))).toBe(true);
  expect(receiver.requests.some(({ text }) => text.includes('"type":"deal-signed"'))).toBe(true);
});

test('an event with the caller’s own id is delivered once, however often and concurrently it is sent', async () => {
  await using receiver = await startReceiver();
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url });
  const answers = await Promise.all(Array.from({ length: 20 }, () => tenant.emit('a.b', { n: 1 }, { id: 'order-1' })));
  answers.push(await tenant.emit('a.b', { n: 2 }, { id: 'order-1' }));
  expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(new Set(['{"id":"order-1","deliveries":1}']));
  await tenant.settled('order-1', 'delivered', 1);
  expect(receiver.requests).toHaveLength(1);
  expect(receiver.requests[0]?.headers['webhook-id']).toBe('order-1');
});

test('a webhook gets events from the moment its creation is confirmed', async () => {
  await using receiver = await startReceiver();
  const tenant = await makeTenant(node);
  for (let count = 0; count < 10; count++) {
    expect((await tenant.emit('a.b', {})).deliveries).toBe(count);
    await tenant.webhook({ url: receiver.url });
  }
});

test('no organization reaches another’s data', async () => {
  await using receiver = await startReceiver();
  const [mine, theirs] = [await makeTenant(node), await makeTenant(node)];
  const webhook = await theirs.webhook({ url: receiver.url });
  const { id } = await theirs.emit('a.b', {});
  const delivery = await theirs.settled(id, 'delivered');
  for (const path of [`/webhooks/${webhook.id}`, `/events/${id}`, `/deliveries/${delivery.id}`]) {
    expect(await node.request('GET', mine.path + path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  }
  const { key } = await mine.call<{ key: string }>('POST', '/api-keys', { name: 'mine' });
  const asMine = { headers: { authorization: `Bearer ${key}` } };
  expect((await node.request('GET', `${mine.path}/webhooks`, asMine)).status).toBe(200);
  expect(await node.request('GET', `${theirs.path}/webhooks`, asMine)).toMatchObject({
    status: 404,
    body: { code: 'organization_not_found' },
  });
  expect((await node.request('GET', '/v1/organizations', asMine)).status).toBe(403);
});
