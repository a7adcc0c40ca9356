import { expect, test } from 'vitest';
import { statement } from '../../packages/server/src/store/database.ts';
import { openPostgres } from '../../packages/server/src/store/postgres.ts';
import { testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { startNode, TestClock, type InProcessNode } from '../harness/node-in-process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { makeTenant, type TestTenant } from '../harness/tenant.ts';

interface ShownDigest {
  readonly nextRunAt: string;
  readonly lastRunAt: string | null;
}

// Ids of a process never go back in time, so each test starts later than the one before.
const score = (points: number) => ({
  object: { id: '1', name: 'A' },
  features: [],
  groups: [],
  total: { points, score: null, totalPoints: 100 },
});
const digestOf = async (tenant: TestTenant) => (await tenant.call<{ data: ShownDigest[] }>('GET', '/digests')).data[0];
const push = (tenant: TestTenant, points: number) => tenant.push('score/1', score(points), { scope: 'model:m' });
const eventsOf = async (tenant: TestTenant) => (await tenant.call<{ data: object[] }>('GET', '/events?type=model.scoreChange')).data;

const LOCK_CHANGES = statement('test_lock_changes', 'SELECT 1 FROM digest_changes FOR UPDATE');
const CUT_WAITING = statement(
  'test_cut_waiting',
  `SELECT pg_terminate_backend(pid) AS cut FROM pg_stat_activity
   WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%digest_changes%'`,
);

/** An organization whose scores have changed since they were first seen. */
async function changed(node: InProcessNode): Promise<TestTenant> {
  const tenant = await makeTenant(node, 'revos');
  await push(tenant, 1);
  await push(tenant, 2);
  return tenant;
}

async function hasRun(tenant: TestTenant, after: string | null = null): Promise<ShownDigest> {
  return eventually(async () => {
    const digest = await digestOf(tenant);
    if (!digest || digest.lastRunAt === null || digest.lastRunAt === after) throw new Error('The digest has not run.');
    return digest;
  });
}

test.each([
  // The nights before these are an hour shorter, and an hour longer.
  { name: 'in spring', from: '2027-03-26T12:00:00Z', runs: ['2027-03-27T06:00', '2027-03-28T05:00', '2027-03-29T05:00'] },
  { name: 'in autumn', from: '2027-10-29T12:00:00Z', runs: ['2027-10-30T05:00', '2027-10-31T06:00', '2027-11-01T06:00'] },
])('RVS-03 over the clock change $name there is one run a day, at seven by the clock of Berlin', async ({ from, runs }) => {
  await using place = await testPostgresUrl();
  const clock = new TestClock();
  clock.set(from);
  await using node = await startNode({ databaseUrl: place.url, clock });
  const tenant = await changed(node);
  let last: string | null = null;
  for (const [index, run] of runs.entries()) {
    expect((await digestOf(tenant))?.nextRunAt).toBe(`${run}:00.000Z`);
    clock.set(`${run}:01Z`);
    ({ lastRunAt: last } = await hasRun(tenant, last));
    expect(last).toContain(run);
    expect(await eventsOf(tenant)).toHaveLength(index + 1);
    await push(tenant, 10 + index);
  }
});

test('RVS-03 runs missed while no node was running are made up for once at the start, however many days have passed', async () => {
  await using place = await testPostgresUrl();
  await using receiver = await startReceiver();
  const clock = new TestClock();
  clock.set('2028-06-01T12:00:00Z');
  const before = await startNode({ databaseUrl: place.url, clock });
  const tenant = await changed(before);
  await tenant.webhook({ url: receiver.url });
  await before[Symbol.asyncDispose]();
  clock.set('2028-06-05T03:00:00Z');
  await using after = await startNode({ databaseUrl: place.url, clock });
  await receiver.waitFor(1);
  const { data } = await after.call<{ data: ShownDigest[] }>('GET', `${tenant.path}/digests`);
  expect(data).toMatchObject([{ lastRunAt: expect.stringContaining('2028-06-05T03:00'), nextRunAt: '2028-06-05T05:00:00.000Z' }]);
  expect(receiver.requests).toHaveLength(1);
});

test('RVS-03 two nodes at seven o’clock make one digest for each organization', async () => {
  await using place = await testPostgresUrl();
  await using receiver = await startReceiver();
  const clock = new TestClock();
  clock.set('2029-06-01T12:00:00Z');
  await using one = await startNode({ databaseUrl: place.url, clock });
  await using two = await startNode({ databaseUrl: place.url, clock });
  const tenants = await Promise.all(Array.from({ length: 12 }, (_, index) => changed(index % 2 === 0 ? one : two)));
  for (const tenant of tenants) await tenant.webhook({ url: receiver.url });
  clock.set('2029-06-02T05:00:01Z');
  for (const tenant of tenants) await hasRun(tenant);
  await receiver.waitFor(tenants.length);
  for (const tenant of tenants) expect(await eventsOf(tenant)).toHaveLength(1);
  expect(receiver.requests).toHaveLength(tenants.length);
});

test('RVS-03 a digest interrupted half-way is sent once: no change is reported twice or lost', async () => {
  await using place = await testPostgresUrl();
  const clock = new TestClock();
  clock.set('2030-06-01T12:00:00Z');
  await using node = await startNode({ databaseUrl: place.url, clock });
  const tenant = await changed(node);
  const blocker = await openPostgres(place.url);
  await blocker.transaction(async (transaction) => {
    // The run has locked its schedule and waits here, in the middle of its transaction.
    await transaction.query(LOCK_CHANGES);
    clock.set('2030-06-02T05:00:01Z');
    await eventually(async () => {
      const [cut] = await blocker.query<{ cut: boolean }>(CUT_WAITING);
      if (!cut) throw new Error('No run is waiting.');
    });
    expect(await eventsOf(tenant)).toHaveLength(0);
  });
  await blocker.close();
  await hasRun(tenant);
  expect(await eventsOf(tenant)).toMatchObject([{ type: 'model.scoreChange', scope: 'model:m' }]);
});

test('changes made while a digest runs are reported once, by this run or the next', async () => {
  await using place = await testPostgresUrl();
  const clock = new TestClock();
  clock.set('2031-06-01T12:00:00Z');
  await using node = await startNode({ databaseUrl: place.url, clock });
  const tenant = await changed(node);
  const told: [unknown, unknown][] = [];
  let last = 2;
  for (let round = 0; round < 10; round++) {
    const pushes = Array.from({ length: 5 }, (_, index) => push(tenant, (last = 100 + round * 5 + index)));
    const [{ events }] = await Promise.all([
      tenant.call<{ events: { data: { changes: { total: Record<string, { points: number }> }[] } }[] }>('POST', '/digests/daily/run', {}),
      ...pushes,
    ]);
    told.push(
      ...events.flatMap(({ data }) =>
        data.changes.map(({ total }): [unknown, unknown] => [total['original']?.points, total['changed']?.points]),
      ),
    );
  }
  const { events } = await tenant.call<{ events: { data: { changes: { total: Record<string, { points: number }> }[] } }[] }>(
    'POST',
    '/digests/daily/run',
    {},
  );
  told.push(
    ...events.flatMap(({ data }) =>
      data.changes.map(({ total }): [unknown, unknown] => [total['original']?.points, total['changed']?.points]),
    ),
  );
  // Each digest begins where the previous one ended.
  expect(told[0]?.[0]).toBe(1);
  for (const [index, [original]] of told.entries()) if (index > 0) expect(original).toBe(told[index - 1]?.[1]);
  const current = await tenant.call<{ state: { total: { points: number } } }>('GET', '/objects/score/1?scope=model:m');
  expect(told.at(-1)?.[1]).toBe(current.state.total.points);
  expect(last).toBeGreaterThan(0);
});
