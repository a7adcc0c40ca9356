import { expect, test } from 'vitest';
import { testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { startNode, TestClock } from '../harness/node-in-process.ts';
import { startReceiver, type Receiver } from '../harness/receiver.ts';
import { makeTenant } from '../harness/tenant.ts';

const HOUR_MS = 3_600_000;
const ORGANIZATIONS = 6;

function received(receiver: Receiver): Set<string | undefined> {
  return new Set(receiver.requests.map(({ headers }) => headers['webhook-id']));
}

test('with one node 25 hours ahead, everything that either node accepts is delivered', async () => {
  await using place = await testPostgresUrl();
  const ahead = new TestClock();
  ahead.advance(25 * HOUR_MS);
  await using first = await startNode({ databaseUrl: place.url });
  await using second = await startNode({ databaseUrl: place.url, clock: ahead });
  await using receiver = await startReceiver();
  const tenants = await Promise.all(Array.from({ length: ORGANIZATIONS }, () => makeTenant(first)));
  for (const tenant of tenants) await tenant.webhook({ url: receiver.url });
  const ids: string[] = [];
  for (const node of [first, second, first, second]) {
    for (const { path } of tenants) ids.push((await node.call<{ id: string }>('POST', `${path}/events`, { type: 'a.b', data: {} })).id);
  }
  await eventually(() => expect(ids.filter((id) => !received(receiver).has(id))).toEqual([]));
});

test.each([
  ['while the node runs', false],
  ['while it is stopped', true],
])('a clock that goes back an hour %s does not delay a retry by an hour', async (_when, stopped) => {
  await using place = await testPostgresUrl();
  const clock = new TestClock();
  clock.advance(HOUR_MS);
  await using receiver = await startReceiver((_request, index) => ({ status: index === 0 ? 500 : 200 }));
  let node = await startNode({ databaseUrl: place.url, clock });
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url, retry: { kind: 'fixed', delayMs: 60_000, retries: 5, jitter: 0 } });
  const { id } = await tenant.emit('a.b', {});
  await tenant.settled(id, 'retrying', 1);
  if (stopped) await node[Symbol.asyncDispose]();
  clock.advance(-HOUR_MS);
  if (stopped) node = await startNode({ databaseUrl: place.url, clock });
  await using running = node;
  const deliveries = `${tenant.path}/deliveries?event=${id}`;
  const next = async (): Promise<number> => {
    const { data } = await running.call<{ data: { nextAttemptAt: string }[] }>('GET', deliveries);
    return Date.parse(data[0]?.nextAttemptAt ?? '');
  };
  await eventually(async () => expect(await next()).toBeLessThanOrEqual(clock.now() + 60_000));
  expect(receiver.requests).toHaveLength(1);
  clock.advance(60_000);
  await receiver.waitFor(2);
});
