import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** The process that locked a folder. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** ISO 8601. */
  readonly since: string;
}

export type FolderLock =
  | { readonly kind: 'locked'; /** Lets other processes lock the folder. */ release(): void }
  /** Another process, or another lock of this one, holds it. `holder` is null if it left no readable name. */
  | { readonly kind: 'busy'; readonly holder: LockHolder | null };

const LOCK_FILE = 'lock';
const HOLDER_FILE = 'lock-holder.json';
/** SQLITE_BUSY; the next byte contains details. */
const BUSY = 5;

/**
 * Locks a folder for this process by an operating system lock on the file `lock`, taken through SQLite. Of simultaneous
 * starts one gets it, and it ends with the process. Writes nothing, so it works on a full disk. Throws if the file
 * can't be locked.
 */
export function lockFolder(folder: string, holder: LockHolder): FolderLock {
  const database = new DatabaseSync(join(folder, LOCK_FILE), { timeout: 0 });
  try {
    // Without a journal in memory, SQLite creates a second file beside it.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    return { kind: 'busy', holder: readHolder(join(folder, HOLDER_FILE)) };
  }
  writeHolder(join(folder, HOLDER_FILE), holder);
  return {
    kind: 'locked',
    release() {
      rmSync(join(folder, HOLDER_FILE), { force: true });
      database.close();
    },
  };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === BUSY;
}

/** The name is only for error messages, so a full disk must not prevent a start. */
function writeHolder(path: string, holder: LockHolder): void {
  try {
    writeFileSync(path, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  } catch {
    rmSync(path, { force: true });
  }
}

function readHolder(path: string): LockHolder | null {
  try {
    const { pid, host, since } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Record<keyof LockHolder, unknown>>;
    return typeof pid === 'number' && typeof host === 'string' && typeof since === 'string' ? { pid, host, since } : null;
  } catch {
    return null;
  }
}
