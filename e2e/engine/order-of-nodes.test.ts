import { expect, test } from 'vitest';
import { testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import type { Api } from '../harness/api.ts';
import { ownedShards, startNode, TestClock } from '../harness/node-in-process.ts';
import { startReceiver, type Receiver } from '../harness/receiver.ts';
import { makeTenant, type TestTenant } from '../harness/tenant.ts';

const RETRY = { kind: 'fixed', delayMs: 3_600_000, retries: 5, jitter: 0 };
const HOUR_MS = 3_600_000;
const SUBJECT = { kind: 'execution', id: 'a' };

/** A caller that waits for each response. */
function emit(node: Api, tenant: TestTenant, step: number): Promise<{ id: string }> {
  return node.call('POST', `${tenant.path}/events`, { type: 'step.done', data: { step }, subject: SUBJECT });
}

function steps(receiver: Receiver): number[] {
  return receiver.requests.map(({ text }) => (JSON.parse(text) as { data: { step: number } }).data.step);
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Two nodes with organizations in shards of both. */
async function startTwoNodes(clocks: readonly [TestClock, TestClock] = [new TestClock(), new TestClock()]) {
  const stack = new AsyncDisposableStack();
  const place = stack.use(await testPostgresUrl());
  const nodes = [];
  for (const clock of clocks) nodes.push(stack.use(await startNode({ databaseUrl: place.url, clock })));
  const [first, second] = nodes;
  if (!first || !second) throw new Error('There are not two nodes.');
  const receivers = await Promise.all(numbers(4).map(async () => stack.use(await startReceiver())));
  const tenants = await Promise.all(
    receivers.map(async (receiver) => {
      const tenant = await makeTenant(first);
      return { tenant, receiver };
    }),
  );
  return { nodes: [first, second] as const, tenants, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test('VIR-07 ordered events arrive as they were accepted, even if a caller sends them to two nodes in turn', async () => {
  await using stage = await startTwoNodes();
  const { nodes, tenants } = stage;
  const count = 30;
  for (const { tenant, receiver } of tenants) await tenant.webhook({ url: receiver.url, ordered: true });
  await Promise.all(
    tenants.map(async ({ tenant }) => {
      for (const step of numbers(count)) await emit(nodes[step % 2 === 0 ? 0 : 1], tenant, step);
    }),
  );
  for (const { receiver } of tenants) {
    await receiver.waitFor(count);
    expect(steps(receiver)).toEqual(numbers(count));
  }
});

test('events that waited behind a failing one follow as they were accepted, even if the clocks of the nodes differ', async () => {
  const clocks = [new TestClock(), new TestClock()] as const;
  clocks[1].advance(-2_000);
  await using stage = await startTwoNodes(clocks);
  const { nodes, tenants } = stage;
  for (const { tenant, receiver } of tenants) {
    receiver.react({ status: 500 });
    await tenant.webhook({ url: receiver.url, ordered: true, retry: RETRY });
    const first = await emit(nodes[0], tenant, 0);
    await tenant.settled(first.id, 'retrying', 1);
    for (const step of numbers(8)) await emit(nodes[step % 2 === 0 ? 1 : 0], tenant, step + 1);
    receiver.react({});
  }
  for (const clock of clocks) clock.advance(HOUR_MS);
  for (const { receiver } of tenants) {
    await receiver.waitFor(10);
    expect(steps(receiver)).toEqual([0, ...numbers(9)]);
  }
});

test('a list of ordered events arrives in its order, even if two batches are stored at once', async () => {
  await using stage = await startTwoNodes();
  const { nodes, tenants } = stage;
  const [{ tenant, receiver }] = tenants as [(typeof tenants)[number]];
  await tenant.webhook({ url: receiver.url, ordered: true });
  const count = 900;
  const events = numbers(count).map((step) => ({ type: 'step.done', data: { step }, subject: SUBJECT }));
  await Promise.all([
    nodes[0].call('POST', `${tenant.path}/events/batch`, { events }),
    ...numbers(5).map(() => nodes[0].call('POST', `${tenant.path}/events`, { type: 'a.b', data: { step: -1 } })),
  ]);
  await receiver.waitFor(count + 5, 60_000);
  expect(steps(receiver).filter((step) => step >= 0)).toEqual(numbers(count));
});

test('when a webhook is enabled, a new event does not overtake those of its subject that were held', async () => {
  await using stage = await startTwoNodes();
  const { nodes, tenants } = stage;
  for (const { tenant, receiver } of tenants) {
    receiver.react({ delayMs: 5 });
    const { id } = await tenant.webhook({ url: receiver.url, ordered: true, status: 'paused' });
    for (const step of numbers(6)) await emit(nodes[0], tenant, step);
    await tenant.call('POST', `/webhooks/${id}/enable`, {});
    for (const step of numbers(4)) await emit(nodes[step % 2 === 0 ? 0 : 1], tenant, step + 6);
  }
  for (const { receiver } of tenants) {
    await receiver.waitFor(10);
    expect(steps(receiver)).toEqual(numbers(10));
  }
});

test('an order continues after its shard moved to a joining node and came back when that node left', async () => {
  await using place = await testPostgresUrl();
  const clock = new TestClock();
  await using first = await startNode({ databaseUrl: place.url, clock });
  await using receiver = await startReceiver({ status: 500 });
  // Every second shard moves.
  const tenants = await Promise.all(numbers(6).map(() => makeTenant(first)));
  for (const tenant of tenants) {
    await tenant.webhook({ url: receiver.url, ordered: true, retry: RETRY });
    const { id } = await emit(first, tenant, 1);
    await tenant.settled(id, 'retrying', 1);
  }
  const second = await startNode({ databaseUrl: place.url, clock });
  receiver.react({});
  await eventually(async () => expect(await ownedShards(first)).toBe(32));
  clock.advance(HOUR_MS);
  await receiver.waitFor(12);
  await second[Symbol.asyncDispose]();
  await eventually(async () => expect(await ownedShards(first)).toBe(64));
  for (const tenant of tenants) {
    const { id } = await emit(first, tenant, 2);
    await tenant.settled(id, 'delivered', 1);
  }
});
