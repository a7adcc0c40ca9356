import { expect, test } from 'vitest';
import { startDatabaseLine } from '../../packages/server/test-support/database-line.ts';
import { testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { ownedShards, startNode, TestClock } from '../harness/node-in-process.ts';
import { startReceiver, type Receiver } from '../harness/receiver.ts';
import { makeTenant } from '../harness/tenant.ts';

const HOUR_MS = 3_600_000;
const RETRY = { kind: 'fixed', delayMs: HOUR_MS, retries: 5, jitter: 0 };
const SUBJECT = { kind: 'execution', id: 'a' };
const ORGANIZATIONS = 6;

function repeats(receiver: Receiver): number {
  return receiver.requests.length - new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size;
}

test('a node that joins repeats nothing of what is in flight, and sends the rest', async () => {
  await using place = await testPostgresUrl();
  await using first = await startNode({ databaseUrl: place.url });
  let answer = (): void => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  await using receiver = await startReceiver(async (_request, index) => {
    if (index < 20) await answered;
    return {};
  });
  const tenants = await Promise.all(Array.from({ length: ORGANIZATIONS }, () => makeTenant(first)));
  for (const tenant of tenants) await tenant.webhook({ url: receiver.url, timeoutMs: 30_000 });
  const ids = (await Promise.all(tenants.flatMap((tenant) => Array.from({ length: 10 }, () => tenant.emit('a.b', {}))))).map(
    ({ id }) => id,
  );
  await receiver.waitFor(20);
  await using second = await startNode({ databaseUrl: place.url });
  await eventually(async () => expect(await ownedShards(first)).toBe(32));
  // Shards without exchanges have moved; the others wait for theirs.
  await eventually(async () => expect(await ownedShards(second)).toBeGreaterThan(0));
  answer();
  await eventually(() => expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(ids.length));
  await eventually(async () => expect(await ownedShards(second)).toBe(32));
  expect(repeats(receiver)).toBe(0);
});

test('a node that lost its shards and owns them again sends the ordered events from before and since', async () => {
  await using place = await testPostgresUrl();
  await using line = await startDatabaseLine(place.url);
  const clock = new TestClock();
  await using frozen = await startNode({ databaseUrl: line.url, clock });
  await using receiver = await startReceiver({ status: 500 });
  const tenants = await Promise.all(Array.from({ length: ORGANIZATIONS }, () => makeTenant(frozen)));
  for (const tenant of tenants) {
    await tenant.webhook({ url: receiver.url, ordered: true, retry: RETRY });
    const { id } = await tenant.emit('a.b', { step: 1 }, { subject: SUBJECT });
    await tenant.settled(id, 'retrying', 1);
  }
  const release = line.refuse();
  const other = await startNode({ databaseUrl: place.url, clock });
  await eventually(async () => expect(await ownedShards(other)).toBe(64));
  receiver.react({});
  clock.advance(HOUR_MS);
  await receiver.waitFor(2 * ORGANIZATIONS);
  release();
  await eventually(async () => expect(await ownedShards(frozen)).toBe(32));
  await other[Symbol.asyncDispose]();
  await eventually(async () => expect(await ownedShards(frozen)).toBe(64));
  for (const tenant of tenants) {
    const { id } = await tenant.emit('a.b', { step: 2 }, { subject: SUBJECT });
    await tenant.settled(id, 'delivered', 1);
  }
});

test('a node that had no database for longer than its leases sends nothing of what another node has taken over', async () => {
  await using place = await testPostgresUrl();
  await using line = await startDatabaseLine(place.url);
  await using cut = await startNode({ databaseUrl: line.url });
  await using receiver = await startReceiver();
  const tenants = await Promise.all(Array.from({ length: ORGANIZATIONS }, () => makeTenant(cut)));
  const ids: string[] = [];
  for (const tenant of tenants) {
    await tenant.webhook({ url: receiver.url, rateLimit: 1 });
    for (let n = 0; n < 3; n++) ids.push((await tenant.emit('a.b', { n })).id);
  }
  const release = line.refuse();
  await using other = await startNode({ databaseUrl: place.url });
  await eventually(async () => expect(await ownedShards(other)).toBe(64));
  const arrived = (): number => new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size;
  await eventually(() => expect(arrived()).toBe(ids.length));
  const before = repeats(receiver);
  // It reads the organizations of its queued deliveries before it learns that its leases are lost.
  line.delayAnswersTo('renew_shards', 1_500);
  release();
  await eventually(async () => expect(await ownedShards(cut)).toBe(32));
  expect(repeats(receiver)).toBe(before);
});
