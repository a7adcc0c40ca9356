import { afterAll, beforeAll, expect, test } from 'vitest';
import { testPostgresUrl, type TestPostgresUrl } from '../../packages/server/test-support/database.ts';
import { startNode, type InProcessNode } from '../harness/node-in-process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { makeTenant } from '../harness/tenant.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DEAL = { id: 'd1', status: 'signed' };
const RECEIVED = 'RevOps API Event Received';

const strict = {
  name: 'strict',
  events: {},
  anyEvent: true,
  delivery: { retry: { kind: 'none' }, whenExhausted: 'fail-webhook' },
} as const;

let place: TestPostgresUrl;
let node: InProcessNode;

beforeAll(async () => {
  place = await testPostgresUrl();
  node = await startNode({ databaseUrl: place.url, products: [strict] });
});

afterAll(async () => {
  await node[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

test('RVP-09 a failing endpoint gets 6 attempts an hour apart, then the delivery is failed', async () => {
  await using receiver = await startReceiver({ status: 500 });
  const tenant = await makeTenant(node, 'revops');
  await tenant.webhook({ url: receiver.url });
  const { id } = await tenant.emit('deal-signed', DEAL);
  for (let attempt = 1; attempt <= 5; attempt++) {
    const { attempts } = await tenant.settled(id, 'retrying', attempt);
    const last = attempts.at(-1);
    expect(Date.parse(last?.nextAttemptAt ?? '') - Date.parse(last?.at ?? '')).toBeGreaterThanOrEqual(HOUR_MS);
    expect(Date.parse(last?.nextAttemptAt ?? '') - Date.parse(last?.at ?? '')).toBeLessThan(HOUR_MS + 60_000);
    node.clock.advance(HOUR_MS);
  }
  const failed = await tenant.settled(id, 'failed', 6);
  expect(failed.attempts.map(({ number, failure }) => [number, failure?.code])).toEqual(
    [1, 2, 3, 4, 5, 6].map((number) => [number, 'status']),
  );
  expect(new Set(receiver.requests.map(({ text }) => text)).size).toBe(1);
  expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  node.clock.advance(DAY_MS);
  const { id: next } = await tenant.emit('deal-signed', DEAL);
  await tenant.settled(next, 'retrying', 1);
  expect(receiver.requests).toHaveLength(7);
});

test('RVP-08 only status 200 with the phrase is a success: 201, 204 and redirects are not', async () => {
  const answers = [
    { status: 201, body: RECEIVED },
    { status: 204 },
    { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
    { body: 'ok' },
  ];
  await using receiver = await startReceiver((_request, index) => answers[index] ?? { body: `<p>${RECEIVED}</p>` });
  const tenant = await makeTenant(node, 'revops');
  await tenant.webhook({ url: receiver.url });
  const { id } = await tenant.emit('deal-signed', DEAL);
  for (let attempt = 1; attempt <= 4; attempt++) {
    await tenant.settled(id, 'retrying', attempt);
    node.clock.advance(HOUR_MS);
  }
  const delivered = await tenant.settled(id, 'delivered', 5);
  expect(delivered.attempts.map(({ failure }) => failure?.code ?? null)).toEqual(['status', 'status', 'status', 'body_mismatch', null]);
});

test('a retry waits at least as long as Retry-After asks', async () => {
  await using receiver = await startReceiver({ status: 503, headers: { 'retry-after': '7200' } });
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url });
  const { id } = await tenant.emit('a.b', {});
  const { attempts } = await tenant.settled(id, 'retrying', 1);
  const [first] = attempts;
  expect(Date.parse(first?.nextAttemptAt ?? '') - Date.parse(first?.at ?? '')).toBeGreaterThanOrEqual(2 * HOUR_MS);
});

test('410 marks the webhook failed and ends the delivery', async () => {
  await using receiver = await startReceiver({ status: 410 });
  const tenant = await makeTenant(node);
  const webhook = await tenant.webhook({ url: receiver.url });
  const { id } = await tenant.emit('a.b', {});
  await tenant.settled(id, 'failed', 1);
  await expect
    .poll(() => tenant.call('GET', `/webhooks/${webhook.id}`))
    .toMatchObject({ status: 'failed', statusReason: 'The endpoint responded with 410 Gone.' });
  expect((await tenant.emit('a.b', {})).deliveries).toBe(0);
});

test('if the product says so, an exhausted delivery marks its webhook failed; enabled with replay, it gets the missed deliveries', async () => {
  await using receiver = await startReceiver({ status: 500 });
  const tenant = await makeTenant(node, 'strict');
  const webhook = await tenant.webhook({ url: receiver.url });
  const first = await tenant.emit('a.b', { n: 1 });
  await tenant.settled(first.id, 'failed', 1);
  await expect.poll(() => tenant.call('GET', `/webhooks/${webhook.id}`)).toMatchObject({ status: 'failed' });
  const missed = await tenant.emit('a.b', { n: 2 });
  expect(missed.deliveries).toBe(0);
  receiver.react({});
  expect(await tenant.call('POST', `/webhooks/${webhook.id}/enable`, { replay: true })).toMatchObject({ status: 'active' });
  await tenant.settled(first.id, 'delivered', 2);
  await tenant.settled(missed.id, 'delivered', 1);
});

test('five days of failures only mark a webhook failed', async () => {
  await using receiver = await startReceiver({ status: 500 });
  const tenant = await makeTenant(node);
  const webhook = await tenant.webhook({ url: receiver.url, retry: { kind: 'none' } });
  await tenant.settled((await tenant.emit('a.b', {})).id, 'failed');
  node.clock.advance(5 * DAY_MS + HOUR_MS);
  await tenant.settled((await tenant.emit('a.b', {})).id, 'failed');
  await expect.poll(() => tenant.call('GET', `/webhooks/${webhook.id}`)).toMatchObject({ status: 'failed' });
});

test('RVP-09 an endpoint that cannot be reached counts as a failed attempt, with its reason named', async () => {
  const receiver = await startReceiver();
  await receiver.close();
  const tenant = await makeTenant(node, 'revops');
  await tenant.webhook({ url: receiver.url });
  const { id } = await tenant.emit('deal-signed', DEAL);
  const { attempts } = await tenant.settled(id, 'retrying', 1);
  expect(attempts[0]).toMatchObject({ response: null, failure: { code: 'connect_refused' } });
});

test('RVP-10 the timeout covers the whole exchange', async () => {
  await using receiver = await startReceiver('hang');
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url, timeoutMs: 200 });
  const { id } = await tenant.emit('a.b', {});
  const { attempts } = await tenant.settled(id, 'retrying', 1);
  expect(attempts[0]).toMatchObject({ response: null, failure: { code: 'timeout' } });
});
