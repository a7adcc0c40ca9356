import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { StartError } from '../start-error.ts';
import { lockFolder, type LockHolder } from './folder-lock.ts';
import { makeFolderPrivate, makePrivate } from './private-files.ts';

/** The folder of an embedded server, locked for this process. */
export interface DataFolder {
  readonly databasePath: string;
  /** Removes other users' permissions on Posthorn's files. Returns the paths that it can't change: others own them. */
  makePrivate(): Promise<string[]>;
  /** Releases the lock. */
  release(): void;
}

/** Posthorn's own files in the folder. Other files there are left alone. */
const OWN_ENTRIES = ['lock', 'lock-holder.json', 'root-key', 'encryption-key', 'pglite'];

/** Creates the folder if it is missing, and locks it. Throws StartError if another server uses it. */
export async function openDataFolder(path: string): Promise<DataFolder> {
  const release = await lock(path);
  // Before anything else is created in it: those files must be private too.
  await makeFolderPrivate(path);
  return {
    databasePath: join(path, 'pglite'),
    async makePrivate() {
      const own = OWN_ENTRIES.map((entry) => makePrivate(join(path, entry)));
      return [await makeFolderPrivate(path), ...(await Promise.all(own))].flat();
    },
    release,
  };
}

async function lock(path: string): Promise<() => void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const taken = lockFolder(path, { pid: process.pid, host: hostname(), since: new Date().toISOString() });
    if (taken.kind === 'locked') return () => taken.release();
    throw new StartError(inUse(path, taken.holder));
  } catch (error) {
    if (error instanceof StartError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `The data folder ${resolve(path)} cannot be used: ${reason}. It must be a folder that Posthorn may write to, on a file system that can lock files. Choose another with POSTHORN_DATA_DIR.`,
      { cause: error },
    );
  }
}

function inUse(path: string, holder: LockHolder | null): string {
  const server =
    holder === null || isGone(holder)
      ? 'Another server'
      : `The server with process id ${holder.pid} on ${holder.host}, started at ${holder.since},`;
  return [
    `${server} uses the data folder ${resolve(path)}.`,
    'Two servers on one embedded database would lose events, so this one does not start.',
    'Stop the other server, or choose another folder with POSTHORN_DATA_DIR. Several servers can share PostgreSQL: set DATABASE_URL.',
  ].join('\n');
}

/** Whether the lock's holder has ended: a killed server's entry remains until the new holder has written its own. */
function isGone({ pid, host }: LockHolder): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
