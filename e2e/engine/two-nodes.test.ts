import { expect, test } from 'vitest';
import { testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { startNode } from '../harness/node-in-process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { makeTenant } from '../harness/tenant.ts';

const ORGANIZATIONS = 8;

test('what one node accepts for another is delivered without waiting for the other to look by itself', async () => {
  await using place = await testPostgresUrl();
  await using receiver = await startReceiver();
  await using owner = await startNode({ databaseUrl: place.url, timing: { logPollMs: 3_600_000 } });
  // It joins, and gets half of the shards; the other half stays with the owner, which looks once an hour.
  await using other = await startNode({ databaseUrl: place.url });
  const tenants = await Promise.all(Array.from({ length: ORGANIZATIONS }, () => makeTenant(owner)));
  for (const tenant of tenants) await tenant.webhook({ url: receiver.url });
  const emitAll = (): Promise<string[]> =>
    Promise.all(
      tenants.map(async ({ path }) => (await other.call<{ id: string }>('POST', `${path}/events`, { type: 'a.b', data: {} })).id),
    );
  const first = await emitAll();
  await eventually(async () => {
    // A transaction that was open while the owner looked hides what is younger: the next event tells it again.
    await emitAll();
    const received = new Set(receiver.requests.map(({ headers }) => headers['webhook-id']));
    expect(first.filter((id) => !received.has(id))).toEqual([]);
  });
});
