import pg from 'pg';
import type { Database, Queryable, Statement, Value } from './database.ts';
import { listenOn } from './postgres-listener.ts';
import { WatchedClient } from './watched-client.ts';

export interface PostgresOptions {
  /** Connections in the pool. */
  readonly connections?: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName?: string;
  /**
   * Whether commits wait until they are on disk. Default: true. Without it, a crash of the database server (not of this
   * process) may lose the last commits, but never an earlier one without all later ones.
   */
  readonly durable?: boolean;
  /** Makes the connections read-only, and limits each statement to this many milliseconds. Default: neither. */
  readonly readsWithinMs?: number;
  /** How long to wait for a free connection, in milliseconds. Default: 10,000. */
  readonly connectMs?: number;
  /**
   * How long a response may take, in milliseconds, before its connection counts as broken: a server that was switched
   * off sends nothing, and TCP retransmits for a quarter of an hour. Default: 30,000.
   */
  readonly answerMs?: number;
  /** Called when an idle connection breaks. The pool replaces it. */
  readonly onError?: (error: Error) => void;
}

/**
 * Statements are small, so they are planned once and never compiled. All use an index: a plan made while a table was
 * empty would read the whole table later (3.4 ms instead of 0.03 ms at 10,000 rows).
 */
export const SESSION: Readonly<Record<string, string>> = {
  plan_cache_mode: 'force_generic_plan',
  jit: 'off',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  // A transaction left open by a node that vanished holds up the log readers of all nodes (`logHorizon`).
  idle_in_transaction_session_timeout: '5s',
};

const CONNECT_MS = 10_000;
const ANSWER_MS = 30_000;
/** How many times within the limit the connections in use are checked. */
const CHECKS = 5;

type PgValue = string | number | boolean | Date | Uint8Array | null | PgValue[];

interface Runner {
  query(query: string | { name: string; text: string; values: PgValue[] }): Promise<{ rows: unknown[] }>;
}

/**
 * Opens a pool on PostgreSQL 15 or later. Statements are prepared once per connection under their name. Throws if the
 * server can't be reached.
 */
export async function openPostgres(url: string, options: PostgresOptions = {}): Promise<Database> {
  const answerMs = options.answerMs ?? ANSWER_MS;
  const pool = new pg.Pool({
    connectionString: url,
    // Statements are sent before earlier ones return: the five round trips of a transaction become three. Each waits
    // for a turn of the event loop, 2 ms and more under load.
    pipeline: true,
    max: options.connections ?? 10,
    application_name: options.applicationName ?? 'posthorn',
    connectionTimeoutMillis: options.connectMs ?? CONNECT_MS,
    Client: WatchedClient,
    options: Object.entries(settingsOf(options))
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
  });
  pool.on('error', (error) => options.onError?.(error));
  // The pool handles errors of idle connections only: one that breaks while in use would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  const { patience, end } = watch(pool, answerMs);
  const close = async (): Promise<void> => {
    await pool.end();
    end();
  };
  await pool.query('SELECT 1').catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const direct = runOn(pool, patience);

  return {
    query: direct.query,
    script: direct.script,
    async transaction(work) {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        // Not awaited: it is sent with the first statement. If it fails, the connection is broken, and all that follows
        // fails.
        const begun = client.query('BEGIN');
        begun.catch(() => {});
        const result = await work(runOn(client, patience));
        await begun;
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((rollbackError: Error) => {
          broken = rollbackError;
        });
        throw error;
      } finally {
        client.release(broken);
      }
    },
    listen: (channel, onNotify, onReset) => listenOn({ url, channel, onNotify, onReset, answerMs }),
    close,
  };
}

function settingsOf({ durable, readsWithinMs }: PostgresOptions): Readonly<Record<string, string>> {
  return {
    ...SESSION,
    ...(durable === false && { synchronous_commit: 'off' }),
    ...(readsWithinMs !== undefined && { default_transaction_read_only: 'on', statement_timeout: String(readsWithinMs) }),
  };
}

/** Number of running scripts, which may take any time, as migrations do. */
interface Patience {
  scripts: number;
}

/** Closes connections in use whose server doesn't respond. */
function watch(pool: pg.Pool, answerMs: number): { patience: Patience; end: () => void } {
  const patience = { scripts: 0 };
  const inUse = new Set<WatchedClient>();
  pool.on('acquire', (client) => {
    if (!(client instanceof WatchedClient)) return;
    client.expectAnswer();
    inUse.add(client);
  });
  pool.on('release', (_error, client) => {
    if (client instanceof WatchedClient) inUse.delete(client);
  });
  const timer = setInterval(() => {
    for (const client of inUse) {
      if (patience.scripts > 0) client.expectAnswer();
      else client.check(answerMs);
    }
  }, answerMs / CHECKS);
  timer.unref();
  return { patience, end: () => clearInterval(timer) };
}

function runOn(runner: Runner, patience: Patience): Queryable {
  return {
    async query<Row>(statement: Statement, values: readonly Value[] = []): Promise<Row[]> {
      const result = await runner.query({ name: statement.name, text: statement.text, values: values as PgValue[] });
      return result.rows as Row[];
    },
    async script(text) {
      patience.scripts++;
      try {
        await runner.query(text);
      } finally {
        patience.scripts--;
      }
    },
  };
}
