import { globSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test, vi } from 'vitest';
import { testPostgres } from '../../test-support/database.ts';
import type * as databaseModule from './database.ts';
import type { Statement } from './database.ts';
import { SESSION } from './postgres.ts';

const statements = vi.hoisted(() => [] as Statement[]);
vi.mock('./database.ts', async (original) => {
  const real = await original<typeof databaseModule>();
  const statement: typeof real.statement = (name, text) => {
    const made = real.statement(name, text);
    statements.push(made);
    return made;
  };
  return { ...real, statement };
});

/** What reads a table from end to end, and why it may. All may read `shards`: there are 64. */
const READ_WHOLE: Readonly<Record<string, string>> = {
  applied_migrations: 'there are a handful',
  any_notices: 'stops at the first',
  take_notices: 'in order, up to a limit',
  forget_waiting: 'once an hour',
  last_logged: 'stops at the first',
  list_inbound_maintenance: 'there are a handful',
  organizations_of_product: 'all of them are wanted',
  list_organizations: 'in order, up to a limit',
  read_key_check: 'there is one row',
  update_key_check: 'there is one row',
  any_sealed_webhook: 'stops at the first, once a start',
  any_webhook_sealed_with: 'stops at the first, at the first start on a database of an earlier version',
  live_nodes: 'there are a handful',
  unaware_nodes: 'there are a handful',
  forget_nodes: 'there are a handful',
};

/** What reads of a table through one of its indexes alone, since the others lead through far more rows; by the end of the index's name. */
const READ_THROUGH: Readonly<Record<string, { table: string; index: string }>> = {
  list_unfinished_deliveries: { table: 'deliveries', index: 'organization_key_status_id_idx' },
};

/** What compares each row with each, and why it may. */
const COMPARE_ALL: Readonly<Record<string, string>> = {
  renew_shards: 'there are 64',
  release_shards: 'there are 64',
  log_horizon: 'there are no more than connections',
};

/**
 * Plans are made once, mostly while the tables are still empty: they must be right for full ones too. Statistics are gathered at a time
 * that nobody chooses, often of the few tables that have rows from the start: plans must be right without and with them.
 */
test.each([
  { known: 'without statistics', gather: 'SELECT' },
  { known: 'with statistics', gather: 'ANALYZE shards' },
])('no statement’s plan goes through all rows for each row, or through a table that grows, $known', async ({ gather }) => {
  await using database = await testPostgres();
  const settings = Object.entries(SESSION).map(([name, value]) => `-c ${name}=${value}`);
  const client = new pg.Client({ connectionString: database.url, options: settings.join(' ') });
  await client.connect();
  await client.query(gather);
  for (const file of globSync('*.ts', { cwd: import.meta.dirname })) {
    if (!file.endsWith('.test.ts')) await import(/* @vite-ignore */ join(import.meta.dirname, file));
  }
  expect(statements.length).toBeGreaterThan(100);
  const wrong: string[] = [];
  for (const { name, text } of statements) {
    if (!/^\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b/.test(text)) continue;
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN (GENERIC_PLAN) ${text}`);
    const plan = rows.map((row) => row['QUERY PLAN']);
    const readsWhole = plan.some(
      (line, index) => /Seq Scan|Index (Only )?Scan/.test(line) && !/ on shards\b/.test(line) && !plan[index + 1]?.includes('Index Cond'),
    );
    const through = READ_THROUGH[name];
    const strays = through && plan.some((line) => line.includes(` on ${through.table}_`) && !line.includes(`_${through.index} `));
    const comparesAll = plan.some((line) => line.includes('Join Filter'));
    if ((comparesAll && !(name in COMPARE_ALL)) || (readsWhole && !(name in READ_WHOLE)) || strays) wrong.push([name, ...plan].join('\n'));
  }
  await client.end();
  expect(wrong).toEqual([]);
});
