import { afterAll, beforeAll, expect, test } from 'vitest';
import { testPostgresUrl, type TestPostgresUrl } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { startNode, type InProcessNode } from '../harness/node-in-process.ts';
import { startReceiver, type Receiver } from '../harness/receiver.ts';
import { makeTenant, type TestTenant } from '../harness/tenant.ts';

const MEMORY = { deliveries: 2_000, deliveriesOfOrganization: 600 };

let place: TestPostgresUrl;

beforeAll(async () => {
  place = await testPostgresUrl();
});

afterAll(() => place[Symbol.asyncDispose]());

function startSmallNode(memory = MEMORY): Promise<InProcessNode> {
  return startNode({ databaseUrl: place.url, timing: { memory } });
}

/** An endpoint that sends no response until it is opened. */
async function startGate(): Promise<Receiver & { open(): void }> {
  const gate = Promise.withResolvers<object>();
  const receiver = await startReceiver(() => gate.promise);
  return Object.assign(receiver, { open: () => gate.resolve({}) });
}

async function makeWebhooks(tenant: TestTenant, count: number, more: { url: string; ordered?: boolean }): Promise<void> {
  const numbers = Array.from({ length: count }, (_, number) => number);
  await Promise.all(numbers.map((number) => tenant.webhook({ ...more, url: `${more.url}/${number}` })));
}

async function emitBatch(tenant: TestTenant, count: number): Promise<string[]> {
  const events = Array.from({ length: count }, (_, n) => ({ type: 'a.b', data: { n }, subject: { kind: 'row', id: '1' } }));
  const { results } = await tenant.call<{ results: { id: string }[] }>('POST', '/events/batch', { events });
  return results.map(({ id }) => id);
}

async function gaugeOf(node: InProcessNode, state: string): Promise<number> {
  const response = await fetch(`${node.server.url}/metrics`, { headers: { authorization: `Bearer ${node.rootKey}` } });
  const [, value] = new RegExp(`posthorn_deliveries\\{state="${state}"\\} (\\d+)`).exec(await response.text()) ?? [];
  return Number(value);
}

/** The names of the deliveries that have arrived, without repeats. */
function arrived({ requests }: Receiver): Set<string> {
  return new Set(requests.map(({ target, headers }) => `${target} ${headers['webhook-id']}`));
}

test('events with many webhooks stay in the log above their organization’s share; events of others pass them, and all arrive once', async () => {
  await using node = await startSmallNode();
  await using bombed = await startGate();
  await using other = await startReceiver();
  const tenant = await makeTenant(node);
  await makeWebhooks(tenant, 300, { url: bombed.url });
  const bystander = await makeTenant(node);
  await bystander.webhook({ url: other.url });

  const events = await emitBatch(tenant, 40);
  await eventually(async () => expect(await gaugeOf(node, 'deferredEvents')).toBeGreaterThanOrEqual(38));
  expect(await gaugeOf(node, 'fresh')).toBeLessThanOrEqual(MEMORY.deliveriesOfOrganization);
  const { id } = await bystander.emit('a.b', {});
  await bystander.settled(id, 'delivered');
  await eventually(async () => expect(await gaugeOf(node, 'deferredEvents')).toBeGreaterThanOrEqual(38));

  bombed.open();
  let most = 0;
  await eventually(async () => {
    most = Math.max(most, await gaugeOf(node, 'fresh'));
    expect(bombed.requests.length).toBe(300 * events.length);
  }, 60_000);
  expect(arrived(bombed).size).toBe(300 * events.length);
  expect(most).toBeLessThanOrEqual(MEMORY.deliveriesOfOrganization);
  await eventually(async () => expect(await gaugeOf(node, 'fresh')).toBe(0));
  expect(await gaugeOf(node, 'deferredEvents')).toBe(0);
});

test('events that stay in the log are delivered after a restart, which does not wait for them', async () => {
  await using bombed = await startGate();
  await using other = await startReceiver();
  const first = await startSmallNode();
  const tenant = await makeTenant(first);
  await makeWebhooks(tenant, 100, { url: bombed.url });
  const bystander = await makeTenant(first);
  await bystander.webhook({ url: other.url });
  const events = await emitBatch(tenant, 50);
  await first[Symbol.asyncDispose]();

  await using second = await startSmallNode();
  const { id } = await second.call<{ id: string }>('POST', `${bystander.path}/events`, { type: 'a.b', data: {} });
  await other.waitFor(1);
  expect(other.requests[0]?.headers['webhook-id']).toBe(id);
  await eventually(async () => expect(await gaugeOf(second, 'deferredEvents')).toBeGreaterThan(0));
  bombed.open();
  await eventually(() => expect(arrived(bombed).size).toBe(100 * events.length), 60_000);
});

test('events that stayed in the log keep the order of their subject, also with those that come later', async () => {
  await using node = await startSmallNode({ deliveries: 2_000, deliveriesOfOrganization: 60 });
  await using receiver = await startReceiver();
  const tenant = await makeTenant(node);
  await makeWebhooks(tenant, 20, { url: receiver.url, ordered: true });
  const events = await emitBatch(tenant, 30);
  for (let n = 0; n < 10; n++) events.push((await tenant.emit('a.b', { n }, { subject: { kind: 'row', id: '1' } })).id);
  await receiver.waitFor(20 * events.length, 60_000);
  for (let number = 0; number < 20; number++) {
    const mine = receiver.requests.filter(({ target }) => target === `/${number}`);
    expect(mine.map(({ headers }) => headers['webhook-id'])).toEqual(events);
  }
});

test('a delivery that is cancelled while its event stays in the log is not sent', async () => {
  await using node = await startSmallNode({ deliveries: 2_000, deliveriesOfOrganization: 20 });
  await using receiver = await startGate();
  const tenant = await makeTenant(node);
  await makeWebhooks(tenant, 10, { url: receiver.url });
  const events = await emitBatch(tenant, 10);
  await eventually(async () => expect(await gaugeOf(node, 'deferredEvents')).toBeGreaterThan(0));
  const { data } = await tenant.call<{ data: { id: string }[] }>('GET', `/deliveries?event=${events.at(-1)}`);
  const [delivery] = data;
  await tenant.call('POST', `/deliveries/${delivery?.id}/cancel`);
  const later = await emitBatch(tenant, 1);
  receiver.open();
  await eventually(() => expect(receiver.requests.filter(({ headers }) => headers['webhook-id'] === later[0])).toHaveLength(10));
  await eventually(async () => expect(await gaugeOf(node, 'fresh')).toBe(0));
  expect(receiver.requests).toHaveLength(10 * (events.length + later.length) - 1);
});
