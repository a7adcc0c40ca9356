import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { openDataFolder, type DataFolder } from './data-folder/data-folder.ts';
import { checkEncryptionKeys } from './encryption-check.ts';
import { makeMissingKeys, readKeys, type ServerKeys } from './data-folder/server-keys.ts';
import type { Database } from './store/database.ts';
import { isOutage } from './errors/database-error.ts';
import { observeDatabase, type DatabaseObserver } from './store/database-observer.ts';
import { folderProblem, FullDisk } from './store/disk-watch.ts';
import { migrate } from './store/migrate.ts';
import { openPglite } from './store/pglite.ts';
import { openPostgres } from './store/postgres.ts';
import { createSealer, type Sealer } from './sealing/sealer.ts';
import type { OutageLog } from './telemetry/outage-log.ts';
import type { Redacted } from './telemetry/redacted.ts';

/** The migrated database and its keys. */
export interface Storage {
  readonly database: Database;
  readonly keys: ServerKeys;
  readonly sealer: Sealer;
  /** During a database outage, counts failures instead of logging each one. */
  readonly log: Logger;
  /** For further connection pools on the same database. */
  readonly observer: DatabaseObserver;
  /** Returns the problem of the database's disk, or null if none is known. */
  diskProblem(): Promise<string | null>;
  close(): Promise<void>;
}

/**
 * Reads the keys, opens the database, and creates what is missing at a first start. Keys are generated last: a failed
 * start leaves none, and a lost key is never replaced. Throws StartError if the folder is in use or the keys are wrong.
 */
export async function openStorage(config: Config, outages: OutageLog): Promise<Storage> {
  const { log } = outages;
  const alone = config.databaseUrl === null;
  const folder = alone ? await openDataFolder(config.dataDir) : null;
  const fullDisk = new FullDisk();
  const observer = observerOf(outages, fullDisk);
  const diskProblem = async (): Promise<string | null> => fullDisk.problem() ?? (alone ? folderProblem(config.dataDir) : null);
  let database: Database | null = null;
  const close = async (): Promise<void> => {
    try {
      await database?.close();
    } finally {
      folder?.release();
    }
  };
  try {
    const known = await readKeys(config);
    database = observeDatabase(await openDatabase(config, { folder, log }), observer);
    await migrate(database);
    await checkEncryptionKeys(database, { sealer: known.encryption && sealerOf(known.encryption), alone });
    const keys = await makeMissingKeys(known, config.dataDir);
    const sealer = sealerOf(keys.encryption);
    if (known.encryption === null) await checkEncryptionKeys(database, { sealer, alone });
    return { database, keys, sealer, log, observer, diskProblem, close };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

function observerOf(outages: OutageLog, fullDisk: FullDisk): DatabaseObserver {
  return {
    succeeded(statement) {
      outages.succeeded();
      fullDisk.succeeded(statement);
    },
    failed(statement, error) {
      if (isOutage(error)) outages.failed(error);
      fullDisk.failed(statement, error);
    },
  };
}

function sealerOf([first, ...older]: readonly [Redacted, ...Redacted[]]): Sealer {
  return createSealer([first.reveal(), ...older.map((key) => key.reveal())]);
}

async function openDatabase(config: Config, { folder, log }: { folder: DataFolder | null; log: Logger }): Promise<Database> {
  if (config.databaseUrl !== null) {
    const onError = (error: unknown): void => log.warn({ err: error }, 'Lost a database connection; replacing it');
    return openPostgres(config.databaseUrl.reveal(), { connections: 12, onError });
  }
  if (folder === null) throw new Error('An embedded database needs its folder.');
  const database = await openPglite(folder.databasePath);
  // After opening: it creates files that other users may read.
  const refused = await folder.makePrivate();
  if (refused.length > 0)
    log.warn({ paths: refused.slice(0, 5) }, 'Other users may be able to read the data folder: they own it, or files in it');
  return database;
}
