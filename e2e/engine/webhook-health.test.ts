import type { ProductDefinition } from '@posthorn/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testPostgresUrl, type TestPostgresUrl } from '../../packages/server/test-support/database.ts';
import { startNode, type InProcessNode } from '../harness/node-in-process.ts';
import { startReceiver, type Reaction, type Receiver } from '../harness/receiver.ts';
import { makeTenant, type TestTenant } from '../harness/tenant.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** No retries; disabled after two days of failures. */
const PATIENT: ProductDefinition = {
  name: 'patient',
  anyEvent: true,
  events: {},
  delivery: { retry: { kind: 'none' }, disableAfterMs: 2 * DAY_MS },
};
/** The first failure marks the webhook failed. */
const STRICT: ProductDefinition = {
  name: 'strict',
  anyEvent: true,
  events: {},
  delivery: { retry: { kind: 'none' }, whenExhausted: 'fail-webhook', disableAfterMs: null },
};
/** One retry after an hour, then the webhook is marked failed. */
const RETRYING: ProductDefinition = {
  name: 'retrying',
  anyEvent: true,
  events: {},
  delivery: { retry: { kind: 'fixed', delayMs: HOUR_MS, retries: 1, jitter: 0 }, whenExhausted: 'fail-webhook', disableAfterMs: null },
};
const PRODUCTS = [PATIENT, STRICT, RETRYING];

interface Shown {
  readonly status: string;
  readonly statusReason: string | null;
  readonly failingSince: string | null;
}

let place: TestPostgresUrl;
let node: InProcessNode;

beforeAll(async () => {
  place = await testPostgresUrl();
  node = await startNode({ databaseUrl: place.url, products: PRODUCTS });
});

afterAll(async () => {
  await node[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

const show = (tenant: TestTenant, id: string) => tenant.call<Shown>('GET', `/webhooks/${id}`);
const becomes = (tenant: TestTenant, id: string, shown: Partial<Shown>) =>
  expect.poll(() => show(tenant, id), { timeout: 15_000 }).toMatchObject(shown);

/** An endpoint that holds its first request until it gets a response to send. Other requests get 200. */
async function slowFirst(): Promise<{ receiver: Receiver; answer: (reaction: Reaction) => void } & AsyncDisposable> {
  const { promise, resolve } = Promise.withResolvers<Reaction>();
  const receiver = await startReceiver((_, index) => (index === 0 ? promise : {}));
  return { receiver, answer: resolve, [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose]() };
}

/** The webhook after another delivery was sent and recorded. */
async function afterDelivery(tenant: TestTenant, id: string): Promise<Shown> {
  const { id: event } = await tenant.emit('a.b', {});
  await tenant.settled(event, 'delivered', 1);
  return show(tenant, id);
}

const ACTIVE = { status: 'active', statusReason: null };

describe('an outcome counts only for the webhook as it was when the attempt was sent', () => {
  test('a webhook that was enabled right after a 410 starts from nothing', async () => {
    await using receiver = await startReceiver({ status: 410 });
    const tenant = await makeTenant(node, 'patient');
    const { id } = await tenant.webhook({ url: receiver.url });
    await tenant.emit('a.b', {});
    await becomes(tenant, id, { status: 'failed' });
    receiver.react({});
    await tenant.call('POST', `/webhooks/${id}/enable`);
    expect(await afterDelivery(tenant, id)).toMatchObject({ ...ACTIVE, failingSince: null });
    node.clock.advance(3 * DAY_MS);
    receiver.react({ status: 500 });
    await tenant.settled((await tenant.emit('a.b', {})).id, 'failed', 1);
    await becomes(tenant, id, { failingSince: expect.any(String) });
    receiver.react({});
    expect(await afterDelivery(tenant, id)).toMatchObject(ACTIVE);
    await becomes(tenant, id, { failingSince: null });
  });

  test.each([
    ['patient', 410],
    ['strict', 500],
  ])('%s: a %i to an exchange that began before the webhook was enabled does not mark it failed', async (product, status) => {
    await using slow = await slowFirst();
    const tenant = await makeTenant(node, product);
    const { id } = await tenant.webhook({ url: slow.receiver.url });
    const { id: early } = await tenant.emit('a.b', {});
    await slow.receiver.waitFor(1);
    await tenant.call('POST', `/webhooks/${id}/pause`);
    await tenant.call('POST', `/webhooks/${id}/enable`);
    slow.answer({ status });
    await tenant.settled(early, 'failed', 1);
    expect(await afterDelivery(tenant, id)).toMatchObject(ACTIVE);
  });

  test.each([
    ['patient', 410, (url: string) => ({ url: `${url}/other` })],
    ['strict', 500, (url: string) => ({ url: `${url}/other` })],
    ['strict', 401, () => ({ headers: { Authorization: 'Bearer the-right-one' } })],
    ['strict', 401, () => ({ secret: 'the one that the endpoint knows' })],
  ])('%s: a %i to an exchange that began before the webhook was changed does not mark it failed', async (product, status, change) => {
    await using slow = await slowFirst();
    const tenant = await makeTenant(node, product);
    const { id } = await tenant.webhook({ url: slow.receiver.url });
    const { id: early } = await tenant.emit('a.b', {});
    await slow.receiver.waitFor(1);
    await tenant.call('PATCH', `/webhooks/${id}`, change(slow.receiver.url));
    slow.answer({ status });
    await tenant.settled(early, 'failed', 1);
    expect(await afterDelivery(tenant, id)).toMatchObject(ACTIVE);
  });

  test('a new URL starts from nothing; a new description does not', async () => {
    await using receiver = await startReceiver({ status: 500 });
    await using other = await startReceiver({ status: 500 });
    const tenant = await makeTenant(node, 'patient');
    const { id } = await tenant.webhook({ url: receiver.url });
    await tenant.settled((await tenant.emit('a.b', {})).id, 'failed', 1);
    await becomes(tenant, id, { failingSince: expect.any(String) });
    const { failingSince } = await show(tenant, id);
    expect(await tenant.call('PATCH', `/webhooks/${id}`, { description: 'the same', url: receiver.url })).toMatchObject({ failingSince });
    node.clock.advance(3 * DAY_MS);
    expect(await tenant.call('PATCH', `/webhooks/${id}`, { url: other.url })).toMatchObject({ failingSince: null });
    await tenant.settled((await tenant.emit('a.b', {})).id, 'failed', 1);
    await becomes(tenant, id, { status: 'active', failingSince: expect.any(String) });
    node.clock.advance(3 * DAY_MS);
    await tenant.settled((await tenant.emit('a.b', {})).id, 'failed', 1);
    await becomes(tenant, id, { status: 'failed', statusReason: expect.stringContaining('Every attempt has failed since') });
  });
});

test('deliveries wait for an endpoint that asked for it, but not after the webhook moved to another origin', async () => {
  await using busy = await startReceiver({ status: 429, headers: { 'retry-after': '80000' } });
  await using receiver = await startReceiver();
  const tenant = await makeTenant(node, 'patient');
  const { id } = await tenant.webhook({ url: busy.url });
  await tenant.settled((await tenant.emit('a.b', {})).id, 'failed', 1);
  const { id: waits } = await tenant.emit('a.b', {});
  await tenant.call('PATCH', `/webhooks/${id}`, { url: receiver.url });
  await tenant.settled(waits, 'delivered', 1);
  expect(busy.requests).toHaveLength(1);
});

describe('enable with replay', () => {
  const replay = (tenant: TestTenant, id: string) => tenant.call('POST', `/webhooks/${id}/enable`, { replay: true });

  test('sends the delivery for which the webhook was marked failed, and those that failed beside it', async () => {
    await using slow = await slowFirst();
    const tenant = await makeTenant(node, 'patient');
    const { id } = await tenant.webhook({ url: slow.receiver.url });
    const { id: older } = await tenant.emit('a.b', {});
    await slow.receiver.waitFor(1);
    slow.receiver.react({ status: 410 });
    node.clock.advance(60_000);
    const { id: cause } = await tenant.emit('a.b', {});
    await becomes(tenant, id, { status: 'failed' });
    slow.answer({ status: 410 });
    await tenant.settled(older, 'failed', 1);
    slow.receiver.react({});
    const { id: missed } = await tenant.emit('a.b', {});
    await replay(tenant, id);
    for (const event of [cause, older, missed]) await tenant.settled(event, 'delivered');
    const sent = slow.receiver.requests.map(({ headers }) => headers['webhook-id']);
    expect(Object.groupBy(sent, (event) => event ?? '')).toEqual({ [cause]: [cause, cause], [older]: [older, older], [missed]: [missed] });
  });

  test('sends a delivery that used up its retries, however old its event is, and none that somebody cancelled', async () => {
    await using receiver = await startReceiver({ status: 500 });
    const tenant = await makeTenant(node, 'retrying');
    const { id } = await tenant.webhook({ url: receiver.url });
    const { id: cause } = await tenant.emit('a.b', {});
    await tenant.settled(cause, 'retrying', 1);
    const { id: unwanted } = await tenant.emit('a.b', {});
    const { id: delivery } = await tenant.settled(unwanted, 'retrying', 1);
    await tenant.call('POST', `/deliveries/${delivery}/cancel`);
    node.clock.advance(HOUR_MS);
    await tenant.settled(cause, 'failed', 2);
    await becomes(tenant, id, { status: 'failed' });
    receiver.react({});
    await replay(tenant, id);
    await tenant.settled(cause, 'delivered', 3);
    expect(await tenant.delivery(unwanted)).toMatchObject({ status: 'cancelled' });
  });
});
