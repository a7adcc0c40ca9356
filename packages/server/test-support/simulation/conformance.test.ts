import { describe, expect, test } from 'vitest';
import { statement, type Database, type Queryable, type Statement, type Value } from '../../src/store/database.ts';
import { logHorizon } from '../../src/store/log-reading.ts';
import { SHARD_COUNT } from '../../src/ids/shard.ts';
import { testPostgres } from '../database.ts';
import { RandomCalls, type Tested } from './conformance.ts';
import { DatabaseServer } from './database/server.ts';
import { STATEMENTS } from './database/statements.ts';
import type { SimulatedTransaction } from './database/transaction.ts';
import { SeededRandom } from './random.ts';
import { VirtualTime } from './virtual-time.ts';

const SEQUENCES = 6;
const CALLS = 500;

/** The final contents of both databases, without times of the database's own clock. */
const TABLES = {
  events: `SELECT organization_key, id, xid::text, shard, claimed_by, type, subject_kind, subject_id, external_id, test, body, webhook_ids FROM events ORDER BY organization_key, id`,
  deliveries: `SELECT organization_key, id, webhook_id, event_id, event_type, test, status, attempt_count, next_attempt_at FROM deliveries ORDER BY id`,
  waiting: `SELECT delivery_id, organization_key, shard, webhook_id, event_id, attempt_count, order_key, event_xid::text, scheduled_at, reason,
    nullif(due_at, 'infinity') AS due_at FROM waiting ORDER BY delivery_id`,
  shards: `SELECT id, owner, epoch, low_water::text FROM shards ORDER BY id`,
  webhooks: `SELECT id, organization_key, ordered, status, health_version, failing_since, missed_since FROM webhooks ORDER BY id`,
  nodes: `SELECT id, knows FROM nodes ORDER BY id`,
  attempts: `SELECT delivery_id, number FROM attempts ORDER BY delivery_id, number`,
  event_ids: `SELECT organization_key, external_id, event_id FROM event_ids ORDER BY event_id`,
  organizations: `SELECT key, version FROM organizations ORDER BY key`,
} as const;

function simulated(webhooks: readonly { id: string; organizationKey: number }[]): { database: Database; server: DatabaseServer } {
  const statements = new Map(STATEMENTS);
  statements.set('conformance_epochs', ({ transaction }) =>
    [...transaction.table('shards').rows()].map(({ id, epoch }) => ({ id, epoch })),
  );
  statements.set('conformance_versions', ({ transaction }) => transaction.table('organizations').rows());
  const settings = { walWriterMs: 200, maxCommitMs: 0 };
  const server = new DatabaseServer({ time: new VirtualTime(), random: new SeededRandom(1), settings, statements });
  const setup = server.begin();
  for (let id = 0; id < SHARD_COUNT; id++)
    setup.table('shards').put(String(id), { id, owner: null, epoch: 0, expires_at: 0, low_water: 0 });
  for (const { id, organizationKey: key } of webhooks) {
    setup.table('organizations').put(String(key), { key, id: `o${key}`, product: 'generic', version: 1 });
    const health = { health_version: 1, failing_since: null, missed_since: null };
    setup
      .table('webhooks')
      .put(id, { id, organization_key: key, ordered: false, retry: {}, status: 'active', status_changed_at: 0, ...health });
  }
  server.load(setup);
  return { database: directDatabase(server), server };
}

/** Without latency: each statement returns and commits before the next one. */
function directDatabase(server: DatabaseServer): Database {
  const runIn = (transaction: SimulatedTransaction): Queryable => ({
    query: <Row>({ name }: Statement, values: readonly Value[] = []) =>
      new Promise<Row[]>((resolve, reject) => {
        server.execute(transaction, { name, values }, (error, rows) => (error ? reject(error) : resolve(rows as Row[])));
      }),
    script: () => Promise.reject(new Error('not used')),
  });
  const transaction: Database['transaction'] = async (work) => {
    const begun = server.begin();
    try {
      const result = await work(runIn(begun));
      server.load(begun);
      return result;
    } catch (error) {
      server.rollback(begun);
      throw error;
    }
  };
  return {
    query: (asked, values) => transaction((queryable) => queryable.query(asked, values)),
    script: () => Promise.reject(new Error('not used')),
    transaction,
    listen: () => Promise.reject(new Error('not used')),
    close: () => Promise.resolve(),
  };
}

const XID_COLUMNS = new Set(['xid', 'event_xid', 'low_water']);

/** Replaces transaction ids by the number of their append. Everything else is printed as it is. */
function normalized(value: unknown, { xids }: Tested, isOrdered: boolean): unknown {
  const names = new Map(xids.map((xid, index) => [String(xid), `append ${index}`]));
  const plain = JSON.parse(
    JSON.stringify(value ?? null, (key, inner: unknown) =>
      XID_COLUMNS.has(key) && (typeof inner === 'string' || typeof inner === 'number')
        ? (names.get(String(inner)) ?? String(inner))
        : inner,
    ),
  ) as unknown;
  return Array.isArray(plain) && !isOrdered ? plain.map((row) => JSON.stringify(sorted(row))).sort() : plain;
}

function sorted(row: unknown): unknown {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return row;
  return Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function outcomeOf(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    return { error: (error as { code?: string }).code ?? String(error) };
  }
}

function heldBySimulation(name: keyof typeof TABLES, server: DatabaseServer): object[] {
  const columns = /SELECT (.*?) FROM/s.exec(TABLES[name])?.[1] ?? '';
  const wanted = [...columns.matchAll(/(\w+)(?:::text)?(?:,|$)/g)].map(([, column]) => column ?? '');
  return [...server.tables[name].values()].map((row: object) =>
    Object.fromEntries(
      Object.entries(row)
        .filter(([column]) => wanted.includes(column))
        .map(([column, value]: [string, unknown]) => [column, column.endsWith('_at') || column.endsWith('_since') ? dateOf(value) : value]),
    ),
  );
}

function dateOf(value: unknown): Date | null {
  return typeof value === 'number' && Number.isFinite(value) ? new Date(value) : null;
}

describe('the simulated database', () => {
  test('returns the same rows as the real one for random statements', async () => {
    for (let sequence = 1; sequence <= SEQUENCES; sequence++) {
      await using real = await testPostgres();
      const random = new SeededRandom(sequence);
      const startMs = Math.floor(Date.now() / 1_000) * 1_000;
      const webhooks = [1, 1, 2, 3].map((organizationKey, index) => ({ id: random.uuid(startMs + index), organizationKey }));
      await real.script(`
        INSERT INTO organizations (id, name, product) SELECT 'o' || n, 'O', 'generic' FROM generate_series(1, 3) n;
        ${webhooks.map(({ id, organizationKey }) => `INSERT INTO webhooks (id, organization_key, url, events, ordered) VALUES ('${id}', ${organizationKey}, 'http://x', '{}', false);`).join('\n')}
        UPDATE webhooks SET health_version = 1;`);
      const { database, server } = simulated(webhooks);
      const both: Tested[] = [];
      for (const one of [real, database]) both.push({ database: one, xids: [], continuity: (await logHorizon(one)).continuity });
      const calls = new RandomCalls(random, { webhooks, startMs });
      for (let count = 0; count < CALLS; count++) {
        const { name, isOrdered, run } = calls.next();
        const outcomes: unknown[] = [];
        for (const tested of both) outcomes.push(normalized(await outcomeOf(() => run(tested)), tested, isOrdered));
        expect(outcomes[1], `${name}, call ${count} of sequence ${sequence}`).toEqual(outcomes[0]);
      }
      const [one, other] = both;
      if (!one || !other) throw new Error('There are two databases.');
      for (const name of Object.keys(TABLES) as (keyof typeof TABLES)[]) {
        const rows = await real.query(statement(`conformance_${name}`, TABLES[name]));
        const expected = normalized(rows, one, false);
        expect(normalized(heldBySimulation(name, server), other, false), `${name} after sequence ${sequence}`).toEqual(expected);
      }
    }
  });
});
