import { afterAll, beforeAll, expect, test } from 'vitest';
import { testPostgresUrl, type TestPostgresUrl } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { startNode, type InProcessNode } from '../harness/node-in-process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { makeTenant, type TestTenant } from '../harness/tenant.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const OFTEN = { kind: 'fixed', delayMs: 1_000, retries: 20, jitter: 0 } as const;

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

/** Creates a webhook whose endpoint has been down so long that it is tried every five minutes. */
async function longDown(tenant: TestTenant, settings: { url: string; ordered?: boolean }): Promise<void> {
  await tenant.webhook({ retry: { kind: 'fixed', delayMs: DAY_MS, retries: 50, jitter: 0 }, ...settings });
  for (let i = 0; i < 12; i++) await tenant.emit('a.b', {}, { subject: { kind: 'row', id: String(i) } });
  await attemptsPass(tenant, 9);
  for (let i = 0; i < 9; i++) {
    const attempts = await attemptCount(tenant);
    node.clock.advance(300_000);
    await tenant.emit('a.b', {}, { subject: { kind: 'row', id: `later ${i}` } });
    await attemptsPass(tenant, attempts);
  }
}

async function attemptCount(tenant: TestTenant): Promise<number> {
  const { data } = await tenant.call<{ data: { attemptCount: number }[] }>('GET', '/deliveries?limit=100');
  return data.reduce((sum, delivery) => sum + delivery.attemptCount, 0);
}

/** Waits until more attempts are recorded: the breaker counts the time to the next probe from their end. */
async function attemptsPass(tenant: TestTenant, count: number): Promise<void> {
  await eventually(async () => expect(await attemptCount(tenant)).toBeGreaterThan(count));
}

test('an endpoint that recovers after a long outage gets an event accepted 5 s after the last attempt', async () => {
  await using receiver = await startReceiver({ status: 500 });
  const tenant = await makeTenant(node);
  await longDown(tenant, { url: receiver.url });
  receiver.react({});
  node.clock.advance(5_000);
  const { id } = await tenant.emit('a.b', { fresh: true });
  expect(await tenant.settled(id, 'delivered')).toMatchObject({ attemptCount: 1 });
});

test('a recovered endpoint is found within 5 s of an event that came too early to be tried', async () => {
  await using receiver = await startReceiver({ status: 500 });
  const tenant = await makeTenant(node);
  await longDown(tenant, { url: receiver.url });
  node.clock.advance(5_000);
  const attempts = await attemptCount(tenant);
  await tenant.emit('a.b', { probe: true });
  await attemptsPass(tenant, attempts);
  receiver.react({});
  const { id } = await tenant.emit('a.b', { early: true });
  await eventually(async () => expect((await tenant.delivery(id)).status).toBe('pending'));
  node.clock.advance(5_000);
  expect(await tenant.settled(id, 'delivered')).toMatchObject({ attemptCount: 1 });
});

test('a recovered endpoint of an ordered webhook is found too, and gets the events of a subject in order', async () => {
  await using receiver = await startReceiver({ status: 500 });
  const tenant = await makeTenant(node);
  await longDown(tenant, { url: receiver.url, ordered: true });
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.push((await tenant.emit('a.b', { n }, { subject: { kind: 'row', id: 'fresh' } })).id);
  for (const id of ids) await eventually(async () => expect((await tenant.delivery(id)).status).toBe('pending'));
  receiver.react({});
  const before = receiver.requests.length;
  node.clock.advance(5_000);
  for (const id of ids) await tenant.settled(id, 'delivered');
  const sent = receiver.requests.slice(before).map(({ headers }) => headers['webhook-id'] ?? '');
  expect(sent.filter((id) => ids.includes(id))).toEqual(ids);
});

test.each([
  ['short', 4_000],
  ['long', HOUR_MS],
])('a 429 with a %s Retry-After pauses all deliveries of its webhook for that time, and no other webhook', async (_name, pauseMs) => {
  await using busy = await startReceiver({ status: 429, headers: { 'retry-after': String(pauseMs / 1_000) } });
  await using other = await startReceiver();
  const tenant = await makeTenant(node);
  const webhook = await tenant.webhook({ url: busy.url, retry: OFTEN });
  const { id: first } = await tenant.emit('a.b', { n: 0 });
  await eventually(async () => expect((await tenant.delivery(first)).status).toBe('retrying'));
  await tenant.webhook({ url: other.url });
  const ids: string[] = [];
  for (let n = 1; n <= 20; n++) ids.push((await tenant.emit('a.b', { n })).id);
  await tenant.call('POST', `/webhooks/${webhook.id}/test`, { type: 'a.b' });
  await other.waitFor(20);
  node.clock.advance(pauseMs - 1_500);
  await tenant.emit('a.b', { n: 21 });
  await other.waitFor(21);
  expect(busy.requests).toHaveLength(1);
  busy.react({});
  node.clock.advance(2_000);
  await busy.waitFor(1 + 1 + 20 + 1 + 1);
});

test('a 503 without Retry-After pauses nothing', async () => {
  await using busy = await startReceiver({ status: 503 });
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: busy.url, retry: { kind: 'none' } });
  for (let n = 1; n <= 5; n++) await tenant.emit('a.b', { n });
  expect(await busy.waitFor(5)).toHaveLength(5);
});
