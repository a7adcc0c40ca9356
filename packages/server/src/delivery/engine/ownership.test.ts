import { pino } from 'pino';
import { expect, test } from 'vitest';
import { startDatabaseLine } from '../../../test-support/database-line.ts';
import { testPostgres } from '../../../test-support/database.ts';
import { eventually } from '../../../test-support/eventually.ts';
import type { Database } from '../../store/database.ts';
import { openPostgres } from '../../store/postgres.ts';
import { registerNode, removeNode } from '../../store/shards.ts';
import { MemoryBudget } from './memory-budget.ts';
import { Ownership } from './ownership.ts';

const log = pino({ level: 'silent' });

async function node(database: Database, options: { leaseMs?: number } = {}) {
  const ownership = new Ownership({
    database,
    memory: new MemoryBudget(),
    log,
    nodeName: 'test',
    leaseMs: options.leaseMs ?? 60_000,
    renewMs: 50,
    lowWaterLimit: () => ({ xid: 0, continuity: null }),
    onClosed: () => {},
  });
  await ownership.start();
  return { ownership, [Symbol.asyncDispose]: () => ownership.stop() };
}

test('three nodes share all shards, and each has its share', async () => {
  await using database = await testPostgres();
  await using first = await node(database);
  await using second = await node(database);
  await using third = await node(database);
  const counts = (): number[] => [first, second, third].map(({ ownership }) => ownership.count);
  await eventually(() => {
    expect(Math.max(...counts())).toBeLessThanOrEqual(22);
    expect(counts().reduce((sum, count) => sum + count)).toBe(64);
  });
});

test('callers that wait until all other nodes know this one are refused in time, and admitted when they do', async () => {
  await using database = await testPostgres();
  const deaf = await registerNode(database, 'deaf');
  await using joins = await node(database);
  const { ownership } = joins;
  await expect(ownership.known()).rejects.toMatchObject({ code: 'unavailable' });
  expect(ownership.isKnown).toBe(false);
  const waiting = ownership.known();
  await removeNode(database, deaf);
  await waiting;
  expect(ownership.isKnown).toBe(true);
});

test('a node without a database for longer than its leases refuses callers in time, and is known again after it recovers', async () => {
  await using place = await testPostgres();
  await using line = await startDatabaseLine(place.url);
  await using opened = new AsyncDisposableStack();
  const database = opened.adopt(await openPostgres(line.url), (one) => one.close());
  await using cut = await node(database, { leaseMs: 1_000 });
  const { ownership } = cut;
  await ownership.known();
  const release = line.refuse();
  await eventually(() => expect(ownership.isKnown).toBe(false));
  await expect(ownership.known()).rejects.toMatchObject({ code: 'unavailable' });
  release();
  await eventually(() => ownership.known());
  expect(ownership.isKnown).toBe(true);
});
