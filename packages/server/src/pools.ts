import type { Config } from './config.ts';
import type { Storage } from './storage.ts';
import type { Database } from './store/database.ts';
import { observeDatabase } from './store/database-observer.ts';
import { openPostgres, type PostgresOptions } from './store/postgres.ts';

/** Connection pools beside the one that accepts events. An embedded database has one connection, which they share. */
export interface Pools {
  /** Records outcomes without waiting for the disk, so that accepting events is not delayed by them. */
  readonly outcomes: Database;
  /** Reads lists: slow ones delayed accepts from 73 ms to 1.7 s. A list that gets no connection within 2 s fails. */
  readonly reads: Database;
  close(): Promise<void>;
}

const OUTCOMES: PostgresOptions = { connections: 3, applicationName: 'posthorn-outcomes', durable: false };
const READS: PostgresOptions = { connections: 6, applicationName: 'posthorn-reads', readsWithinMs: 5_000, connectMs: 2_000 };

export async function openPools(config: Config, { database, log, observer }: Storage): Promise<Pools> {
  if (config.databaseUrl === null) return { outcomes: database, reads: database, close: async () => {} };
  const url = config.databaseUrl.reveal();
  const onError = (error: Error): void => log.warn({ err: error }, 'Lost a database connection; replacing it');
  const outcomes = observeDatabase(await openPostgres(url, { ...OUTCOMES, onError }), observer);
  try {
    // Not observed: having no free connection for another list is not an outage.
    const reads = await openPostgres(url, { ...READS, onError });
    return { outcomes, reads, close: async () => void (await Promise.all([outcomes.close(), reads.close()])) };
  } catch (error) {
    await outcomes.close();
    throw error;
  }
}
