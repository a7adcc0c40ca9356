import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { openDataFolder } from './data-folder.ts';
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
 * Opens the database and reads the keys, or makes them at a first start. Keys are made last: a start that fails before leaves
 * none, and none is made in place of one that is lost. Throws StartError if the folder is in use or the keys are wrong.
 */
export async function openStorage(config: Config, log: Logger): Promise<Storage> {
  const opened = await openDatabase(config, log);
  try {
    const { database } = opened;
    const alone = config.databaseUrl === null;
    const known = await readKeys(config);
    await migrate(database);
    await checkEncryptionKeys(database, { sealer: known.encryption && sealerOf(known.encryption), alone });
    const keys = await makeMissingKeys(known, config.dataDir);
    const sealer = sealerOf(keys.encryption);
    if (known.encryption === null) await checkEncryptionKeys(database, { sealer, alone });
    return { ...opened, keys, sealer };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function sealerOf([first, ...older]: readonly [Redacted, ...Redacted[]]): Sealer {
  return createSealer([first.reveal(), ...older.map((key) => key.reveal())]);
}

async function openDatabase(config: Config, log: Logger): Promise<{ database: Database; close(): Promise<void> }> {
  if (config.databaseUrl === null) return openEmbedded(config.dataDir, log);
  const database = await openPostgres(config.databaseUrl.reveal(), {
    connections: 12,
    onError: (error) => log.warn({ err: error }, 'A database connection broke; it is replaced.'),
  });
  return { database, close: () => database.close() };
}

async function openEmbedded(dataDir: string, log: Logger): Promise<{ database: Database; close(): Promise<void> }> {
  const folder = await openDataFolder(dataDir);
  try {
    const database = await openPglite(folder.databasePath);
    // After opening, which writes files that others may read.
    const refused = await folder.makePrivate();
    if (refused.length > 0) log.warn({ paths: refused.slice(0, 5) }, 'Other users may read the data folder: they own it, or files in it.');
    return {
      database,
      async close() {
        try {
          await database.close();
        } finally {
          folder.release();
        }
      },
    };
  } catch (error) {
    folder.release();
    throw error;
  }
}
