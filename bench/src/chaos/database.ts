import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import { parseStat } from '../environment/process-usage.ts';
import { startPostgres, type PostgresServer, type PostgresServerOptions } from '../../../packages/server/test-support/postgres-server.ts';

/** PostgreSQL of one stage, with fsync on, that can be frozen and crashed. */
export interface ChaosDatabase extends AsyncDisposable {
  readonly url: string;
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  crash(): Promise<void>;
  restart(): Promise<void>;
  /** Freezes all of its processes, or lets them continue. */
  freeze(): Promise<void>;
  thaw(): void;
}

const NAME = 'posthorn_chaos';
const CONNECT_MS = 10_000;

export async function startDatabase(options: PostgresServerOptions): Promise<ChaosDatabase> {
  const server = await startPostgres(options);
  await query(`${server.url}/postgres`, `CREATE DATABASE ${NAME}`);
  return new Freezable(server);
}

class Freezable implements ChaosDatabase {
  readonly url: string;
  readonly #server: PostgresServer;
  #frozen: readonly number[] = [];

  constructor(server: PostgresServer) {
    this.#server = server;
    this.url = `${server.url}/${NAME}`;
  }

  query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return query<Row>(this.url, text, values);
  }

  crash = (): Promise<void> => this.#server.crash();
  restart = (): Promise<void> => this.#server.restart();

  async freeze(): Promise<void> {
    const [row] = await this.query<{ file: string }>(`SELECT pg_read_file('postmaster.pid') AS file`);
    const postmaster = Number(row?.file.split('\n')[0]);
    process.kill(postmaster, 'SIGSTOP');
    const children = await childrenOf(postmaster);
    for (const child of children) signal(child, 'SIGSTOP');
    this.#frozen = [postmaster, ...children];
  }

  thaw(): void {
    for (const pid of this.#frozen.toReversed()) signal(pid, 'SIGCONT');
    this.#frozen = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.thaw();
    await this.#server.stop();
  }
}

async function query<Row extends pg.QueryResultRow>(url: string, text: string, values: readonly unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS });
  // A database that is crashed breaks connections; the query that needs one reports it.
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const children = pids.map(async (pid) => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
    return stat !== null && parseStat(stat).parent === parent ? [Number(pid)] : [];
  });
  return (await Promise.all(children)).flat();
}

/** A backend may have ended meanwhile. */
function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch {}
}
