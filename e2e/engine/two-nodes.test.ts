import { expect, test } from 'vitest';
import { testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { startNode, TestClock } from '../harness/node-in-process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { makeTenant, type TestTenant } from '../harness/tenant.ts';

const ORGANIZATIONS = 8;
const DAY_MS = 86_400_000;

test('an event accepted by one node for another is delivered without waiting for the other’s next poll', async () => {
  await using place = await testPostgresUrl();
  await using receiver = await startReceiver();
  await using owner = await startNode({ databaseUrl: place.url, timing: { logPollMs: 3_600_000 } });
  // It joins and gets half of the shards. The owner keeps the other half and polls once an hour.
  await using other = await startNode({ databaseUrl: place.url });
  const tenants = await Promise.all(Array.from({ length: ORGANIZATIONS }, () => makeTenant(owner)));
  for (const tenant of tenants) await tenant.webhook({ url: receiver.url });
  const emitAll = (): Promise<string[]> =>
    Promise.all(
      tenants.map(async ({ path }) => (await other.call<{ id: string }>('POST', `${path}/events`, { type: 'a.b', data: {} })).id),
    );
  const first = await emitAll();
  await eventually(async () => {
    // A transaction that was open during the poll hides later events: the next event notifies again.
    await emitAll();
    const received = new Set(receiver.requests.map(({ headers }) => headers['webhook-id']));
    expect(first.filter((id) => !received.has(id))).toEqual([]);
  });
});

test('a success on one node clears the failure that another has saved: one more failure, days later, does not disable the webhook', async () => {
  await using place = await testPostgresUrl();
  const clock = new TestClock();
  const options = { databaseUrl: place.url, clock };
  const first = await startNode(options);
  await using second = await startNode(options);
  const bad = new Set<string>();
  await using receiver = await startReceiver(({ target }) => ({ status: bad.has(target) ? 500 : 200 }));
  const tenants = await Promise.all(
    Array.from({ length: ORGANIZATIONS }, async () => {
      const tenant = await makeTenant(second, 'generic');
      const target = `/${tenant.id}`;
      return { tenant, target, id: (await tenant.webhook({ url: receiver.url + target, retry: { kind: 'none' } })).id };
    }),
  );
  const becomes = (tenant: TestTenant, id: string, shown: object) =>
    expect.poll(() => tenant.call('GET', `/webhooks/${id}`), { timeout: 15_000 }).toMatchObject(shown);
  const emitAll = (status: string) =>
    Promise.all(tenants.map(async ({ tenant }) => tenant.settled((await tenant.emit('a.b', {})).id, status, 1)));
  // Both nodes know that every organization is healthy, whichever sends its deliveries.
  for (const { tenant } of tenants) await first.call('POST', `${tenant.path}/events`, { type: 'a.b', data: {} });
  await emitAll('delivered');
  for (const { target } of tenants) bad.add(target);
  await emitAll('failed');
  for (const { tenant, id } of tenants) await becomes(tenant, id, { failingSince: expect.any(String) });
  await first[Symbol.asyncDispose]();
  bad.clear();
  await emitAll('delivered');
  for (const { tenant, id } of tenants) await becomes(tenant, id, { failingSince: null });
  clock.advance(6 * DAY_MS);
  for (const { target } of tenants) bad.add(target);
  await emitAll('failed');
  bad.clear();
  await emitAll('delivered');
  for (const { tenant, id } of tenants) expect(await tenant.call('GET', `/webhooks/${id}`)).toMatchObject({ status: 'active' });
});
