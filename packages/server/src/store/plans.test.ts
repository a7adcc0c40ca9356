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

/** Statements that read a whole table, and why they may. All may read `shards`, which has 64 rows. */
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

const EVENTS_BY_ID = { table: 'events', indexes: ['pkey'] };
const EVENTS_BY_XID = { table: 'events', indexes: ['xid_idx'] };
const DELIVERIES_BY_ID = { table: 'deliveries', indexes: ['pkey'] };

/**
 * Statements that must read a table only through these indexes, by the end of the index's name, because other plans
 * read far more rows. It includes every list, each of which reads a bounded number of rows.
 */
const READ_THROUGH: Readonly<Record<string, { table: string; indexes: readonly string[] }>> = {
  list_events: EVENTS_BY_ID,
  list_events_of_subject: { table: 'events', indexes: ['organization_key_subject_kind_subject_id_id_idx'] },
  events_to_replay: EVENTS_BY_ID,
  list_deliveries: DELIVERIES_BY_ID,
  list_deliveries_of_webhook: { table: 'deliveries', indexes: ['webhook_id_id_idx'] },
  list_unfinished_deliveries: { table: 'deliveries', indexes: ['organization_key_status_id_idx'] },
  deliveries_of_event: DELIVERIES_BY_ID,
  count_unsettled_events: EVENTS_BY_XID,
  unsettled_among_many_events: EVENTS_BY_ID,
  list_objects: { table: 'objects', indexes: ['pkey'] },
  list_objects_of_scope: { table: 'objects', indexes: ['pkey'] },
  list_webhooks: { table: 'webhooks', indexes: ['webhooks_organization'] },
  list_organizations: { table: 'organizations', indexes: ['organizations_listed'] },
  list_api_keys: { table: 'api_keys', indexes: ['api_keys_listed'] },
  list_root_keys: { table: 'api_keys', indexes: ['api_keys_listed'] },
  list_inbound_hooks: { table: 'inbound_hooks', indexes: ['inbound_hooks_organization'] },
  list_inbound_requests: { table: 'inbound_requests', indexes: ['inbound_requests_hook', 'inbound_requests_target'] },
  list_partitions: { table: 'pg_inherits', indexes: ['pg_inherits_parent_index'] },
  list_goals: { table: 'goals', indexes: ['goals_organization_key_id_key'] },
  list_goal_points: { table: 'goal_points', indexes: ['pkey'] },
  list_goal_changes: { table: 'goal_changes', indexes: ['pkey'] },
};

function strays(plan: readonly string[], name: string): boolean {
  const through = READ_THROUGH[name];
  if (!through) return name.startsWith('list_') && !(name in READ_WHOLE);
  const scans = plan.filter((line) => new RegExp(`Scan .*\\bon ${through.table}(?:_\\w+)? `).test(line));
  const subPlan = plan.findIndex((line) => line.includes('SubPlan'));
  const elsewhere = scans.some((line) => !through.indexes.some((index) => new RegExp(`using \\w*${index} `).test(line)));
  // A sort reads all rows before it returns the first. Lookups for a single row may sort the few rows that they find.
  return (
    scans.length === 0 ||
    elsewhere ||
    plan.slice(0, subPlan === -1 ? plan.length : subPlan).some((line) => /(?:^|->)\s*(?:Incremental )?Sort  \(/.test(line))
  );
}

/** Statements that compare each row with each, and why they may. */
const COMPARE_ALL: Readonly<Record<string, string>> = {
  renew_shards: 'there are 64',
  release_shards: 'there are 64',
  log_horizon: 'there are no more than connections',
};

/**
 * Plans are made once, usually while the tables are empty, and must suit full ones too. Statistics are gathered at any
 * time, often when few tables have rows: plans must be right with and without them.
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
    const comparesAll = plan.some((line) => line.includes('Join Filter'));
    if ((comparesAll && !(name in COMPARE_ALL)) || (readsWhole && !(name in READ_WHOLE)) || strays(plan, name))
      wrong.push([name, ...plan].join('\n'));
  }
  await client.end();
  expect(wrong).toEqual([]);
});
