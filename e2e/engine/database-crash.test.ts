import { setTimeout as after } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { statement } from '../../packages/server/src/store/database.ts';
import { openPostgres } from '../../packages/server/src/store/postgres.ts';
import { startDatabaseLine } from '../../packages/server/test-support/database-line.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { startPostgres } from '../../packages/server/test-support/postgres-server.ts';
import type { Api } from '../harness/api.ts';
import { ownedShards, startNode } from '../harness/node-in-process.ts';
import { startReceiver, type Receiver } from '../harness/receiver.ts';
import { makeTenant, type TestTenant } from '../harness/tenant.ts';

const ORGANIZATIONS = 8;
const BURNT_IDS = 5_000;
const NEXT = statement('next_xid', 'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xid');
const BURN = `CREATE TEMP TABLE burnt (x int) ON COMMIT DROP;
DO $$ BEGIN FOR i IN 1..${BURNT_IDS} LOOP BEGIN INSERT INTO burnt VALUES (1); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$`;

/** Returns the next transaction id, after using some that leave no trace on disk. */
async function nextXid(url: string, { burn }: { burn: boolean }): Promise<number> {
  const database = await openPostgres(url, { connections: 1 });
  const rollback = new Error('Rolled back on purpose.');
  if (burn) {
    const burning = database.transaction(async (transaction) => {
      await transaction.script(BURN);
      throw rollback;
    });
    await expect(burning).rejects.toBe(rollback);
  }
  const [row] = await database.query<{ xid: string }>(NEXT);
  await database.close();
  return Number(row?.xid);
}

function missing(receiver: Receiver, accepted: readonly string[]): string[] {
  const received = new Set(receiver.requests.map(({ headers }) => headers['webhook-id']));
  return accepted.filter((id) => !received.has(id));
}

/** Emits until told to stop. Returns the ids of the accepted events. */
function emitAll(node: Api, tenants: readonly TestTenant[]): () => Promise<string[]> {
  const accepted: string[] = [];
  const stopping = new AbortController();
  const worker = async ({ path }: TestTenant): Promise<void> => {
    while (!stopping.signal.aborted) {
      const answer = await node.request<{ id: string }>('POST', `${path}/events`, { body: { type: 'a.b', data: {} } }).catch(() => null);
      if (answer?.status === 202) accepted.push(answer.body.id);
      await after(10);
    }
  };
  const workers = tenants.map(worker);
  return async () => {
    stopping.abort();
    await Promise.all(workers);
    return accepted;
  };
}

test('after a crash of PostgreSQL that gives transaction ids out again, everything accepted is delivered', async () => {
  // Ids used in quick succession reach the disk late.
  const server = await startPostgres({ settings: { wal_writer_delay: '10s' } });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => server.stop());
  const url = `${server.url}/postgres`;
  const lines = [stack.use(await startDatabaseLine(url)), stack.use(await startDatabaseLine(url))] as const;
  // A commit of a node writes the ids below it to disk, so both nodes renew rarely.
  const timing = { leaseMs: 6_000, renewMs: 1_500 };
  const late = stack.use(await startNode({ databaseUrl: lines[0].url, timing }));
  const early = stack.use(await startNode({ databaseUrl: lines[1].url, timing }));
  const receiver = stack.use(await startReceiver());
  await eventually(async () => expect([await ownedShards(late), await ownedShards(early)]).toEqual([32, 32]));
  const tenants = await Promise.all(Array.from({ length: ORGANIZATIONS }, () => makeTenant(early)));
  for (const tenant of tenants) await tenant.webhook({ url: receiver.url });

  let reused = false;
  for (let round = 0; round < 10 && !reused; round++) {
    const before = await nextXid(url, { burn: true });
    // Long enough for both nodes to see the current ids.
    await after(60);
    await server.crash();
    const accept = lines[0].refuse();
    await server.restart();
    reused = (await nextXid(url, { burn: false })) < before - BURNT_IDS / 2;
    const stop = emitAll(early, tenants);
    await eventually(() => expect(receiver.requests.length).toBeGreaterThan(0));
    // One node comes back when the other has reused some of the ids.
    await after(500);
    accept();
    await after(1_000);
    const accepted = await stop();
    expect(accepted.length).toBeGreaterThan(0);
    await eventually(() => expect(missing(receiver, accepted)).toEqual([]), 30_000);
  }
  expect(reused).toBe(true);
}, 180_000);
