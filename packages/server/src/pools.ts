import type { Config } from './config.ts';
import type { Storage } from './storage.ts';
import type { Database } from './store/database.ts';
import { observeDatabase } from './store/database-observer.ts';
import { openPostgres, type PostgresOptions } from './store/postgres.ts';

/** Connections apart from those of accepting. Of an embedded database, which has one: that one. */
export interface Pools {
  /** Outcomes do not wait for the disk, so that accepted events need not wait for them. */
  readonly outcomes: Database;
  /** Lists that took seconds kept accepts waiting: 73 ms became 1.7 s. One that finds no connection is refused within 2 s. */
  readonly reads: Database;
  close(): Promise<void>;
}

const OUTCOMES: PostgresOptions = { connections: 3, applicationName: 'posthorn-outcomes', durable: false };
const READS: PostgresOptions = { connections: 6, applicationName: 'posthorn-reads', readsWithinMs: 5_000, connectMs: 2_000 };

export async function openPools(config: Config, { database, log, observer }: Storage): Promise<Pools> {
  if (config.databaseUrl === null) return { outcomes: database, reads: database, close: async () => {} };
  const url = config.databaseUrl.reveal();
  const onError = (error: Error): void => log.warn({ err: error }, 'A database connection broke; it is replaced.');
  const outcomes = observeDatabase(await openPostgres(url, { ...OUTCOMES, onError }), observer);
  try {
    // Not observed: that no connection for another list is free is no outage.
    const reads = await openPostgres(url, { ...READS, onError });
    return { outcomes, reads, close: async () => void (await Promise.all([outcomes.close(), reads.close()])) };
  } catch (error) {
    await outcomes.close();
    throw error;
  }
}
