import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { openDataFolder, type DataFolder } from './data-folder.ts';
import { checkEncryptionKeys } from './encryption-check.ts';
import { makeMissingKeys, readKeys, type ServerKeys } from './server-keys.ts';
import type { Database } from './store/database.ts';
import { migrate } from './store/migrate.ts';
import { openPglite } from './store/pglite.ts';
import { openPostgres } from './store/postgres.ts';
import { createSealer, type Sealer } from './store/sealing.ts';
import type { Redacted } from './telemetry/redacted.ts';

/** The database, migrated, and the keys that belong to it. */
export interface Storage {
  readonly database: Database;
  readonly keys: ServerKeys;
  readonly sealer: Sealer;
  close(): Promise<void>;
}

/**
 * Reads the keys and opens the database; makes at a first start what is missing. Keys are made last: a start that fails before
 * leaves none, and none is made in place of one that is lost. Throws StartError if the folder is in use or the keys are wrong.
 */
export async function openStorage(config: Config, log: Logger): Promise<Storage> {
  const alone = config.databaseUrl === null;
  const folder = alone ? await openDataFolder(config.dataDir) : null;
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
    database = await openDatabase(config, { folder, log });
    await migrate(database);
    await checkEncryptionKeys(database, { sealer: known.encryption && sealerOf(known.encryption), alone });
    const keys = await makeMissingKeys(known, config.dataDir);
    const sealer = sealerOf(keys.encryption);
    if (known.encryption === null) await checkEncryptionKeys(database, { sealer, alone });
    return { database, keys, sealer, close };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

function sealerOf([first, ...older]: readonly [Redacted, ...Redacted[]]): Sealer {
  return createSealer([first.reveal(), ...older.map((key) => key.reveal())]);
}

async function openDatabase(config: Config, { folder, log }: { folder: DataFolder | null; log: Logger }): Promise<Database> {
  if (config.databaseUrl !== null) {
    const onError = (error: unknown): void => log.warn({ err: error }, 'A database connection broke; it is replaced.');
    return openPostgres(config.databaseUrl.reveal(), { connections: 12, onError });
  }
  if (folder === null) throw new Error('An embedded database needs its folder.');
  const database = await openPglite(folder.databasePath);
  // After opening, which writes files that others may read.
  const refused = await folder.makePrivate();
  if (refused.length > 0) log.warn({ paths: refused.slice(0, 5) }, 'Other users may read the data folder: they own it, or files in it.');
  return database;
}
