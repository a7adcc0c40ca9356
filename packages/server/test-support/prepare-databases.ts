import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import type { Database } from '../src/store/database.ts';
import { migrate } from '../src/store/migrate.ts';
import { makePartitions } from '../src/store/partitions.ts';
import { openPglite } from '../src/store/pglite.ts';
import { openPostgres } from '../src/store/postgres.ts';
import { startPostgres } from './postgres-server.ts';

export interface PostgresTemplate {
  /** URL of a database from which others can be made and dropped. */
  readonly adminUrl: string;
  /** Database with migrations and partitions to copy. */
  readonly template: string;
}

export interface PgliteTemplate {
  /** Data folder to copy. */
  readonly template: string;
  /** Where copies may lie; removed after the run. */
  readonly directory: string;
}

/** The databases of a test run, each made at its first use. */
export interface TestDatabases {
  postgres(): Promise<PostgresTemplate>;
  pglite(): Promise<PgliteTemplate>;
  stop(): Promise<void>;
}

/** Uses the server at `TEST_DATABASE_URL` where that is set, and one of its own otherwise. */
export function prepareDatabases(directory: string): TestDatabases {
  const atStop: (() => Promise<void>)[] = [];
  let postgres: Promise<PostgresTemplate> | undefined;
  let pglite: Promise<PgliteTemplate> | undefined;
  return {
    postgres: () => (postgres ??= preparePostgres(atStop)),
    pglite: () => (pglite ??= preparePglite(directory)),
    async stop() {
      await Promise.allSettled([postgres, pglite]);
      for (const stop of atStop.toReversed()) await stop();
    },
  };
}

async function preparePostgres(atStop: (() => Promise<void>)[]): Promise<PostgresTemplate> {
  const adminUrl = process.env['TEST_DATABASE_URL'] ?? (await ownServer(atStop));
  const template = `posthorn_template_${randomBytes(6).toString('hex')}`;
  await administer(adminUrl, `CREATE DATABASE ${template}`);
  atStop.push(() => administer(adminUrl, `DROP DATABASE IF EXISTS ${template} WITH (FORCE)`));
  await fill(await openPostgres(databaseUrl(adminUrl, template), { connections: 1 }));
  return { adminUrl, template };
}

async function ownServer(atStop: (() => Promise<void>)[]): Promise<string> {
  const server = await startPostgres({ fsync: false });
  atStop.push(() => server.stop());
  return `${server.url}/postgres`;
}

async function preparePglite(directory: string): Promise<PgliteTemplate> {
  const template = join(directory, 'template');
  await fill(await openPglite(template));
  return { template, directory };
}

async function fill(database: Database): Promise<void> {
  await migrate(database);
  await makePartitions(database, Date.now());
  await database.close();
}

/** Runs one statement on the server that `adminUrl` names. */
export async function administer(adminUrl: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** The same server and user, another database. */
export function databaseUrl(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}
