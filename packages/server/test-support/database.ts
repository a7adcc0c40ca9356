import { randomBytes } from 'node:crypto';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, inject } from 'vitest';
import type { Database } from '../src/store/database.ts';
import { openPglite } from '../src/store/pglite.ts';
import { openPostgres } from '../src/store/postgres.ts';
import { administer, databaseUrl, type PgliteTemplate, type PostgresTemplate } from './prepare-databases.ts';

/** A migrated database of one test, with partitions around today. Leaving the `await using` scope removes it. */
export interface TestDatabase extends Database, AsyncDisposable {}

/** As TestDatabase, on a real server: `url` opens further pools on the same database. */
export interface TestPostgres extends TestDatabase {
  readonly url: string;
}

/** A name that is not taken, and the promise that it is removed. */
export interface TestPostgresUrl extends AsyncDisposable {
  readonly url: string;
}

/**
 * An own database on real PostgreSQL, copied from a migrated template.
 *
 * ```ts
 * await using database = await testPostgres();
 * ```
 */
export async function testPostgres(options: { connections?: number } = {}): Promise<TestPostgres> {
  const place = await testPostgresUrl();
  const database = await openPostgres(place.url, { connections: options.connections ?? 5, applicationName: 'posthorn-test' });
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await database.close();
  };
  return {
    ...database,
    url: place.url,
    close,
    async [Symbol.asyncDispose]() {
      await close();
      await place[Symbol.asyncDispose]();
    },
  };
}

/** A database on real PostgreSQL for a process to open: migrated, or empty. */
export async function testPostgresUrl(options: { empty?: boolean } = {}): Promise<TestPostgresUrl> {
  const { adminUrl, template } = await ask<PostgresTemplate>('/postgres');
  const name = `posthorn_test_${randomBytes(6).toString('hex')}`;
  await administer(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${options.empty ? 'template0' : template}`);
  return {
    url: databaseUrl(adminUrl, name),
    [Symbol.asyncDispose]: () => administer(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** An own PGlite, copied from a migrated template. */
export async function testPglite(): Promise<TestDatabase> {
  const { template, directory } = await ask<PgliteTemplate>('/pglite');
  const copy = join(directory, randomBytes(6).toString('hex'));
  await cp(template, copy, { recursive: true });
  const database = await openPglite(copy);
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await database.close();
  };
  return {
    ...database,
    close,
    async [Symbol.asyncDispose]() {
      await close();
      await rm(copy, { recursive: true, force: true });
    },
  };
}

/** Runs the same tests on PostgreSQL and on PGlite. */
export function describeOnBothDatabases(name: string, tests: (open: () => Promise<TestDatabase>) => void): void {
  describe(`${name} (PostgreSQL)`, () => {
    tests(() => testPostgres());
  });
  describe(`${name} (PGlite)`, () => {
    tests(() => testPglite());
  });
}

async function ask<Answer>(path: string): Promise<Answer> {
  const response = await fetch(inject('testDatabases') + path);
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as Answer;
}
