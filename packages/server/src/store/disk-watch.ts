import { statfs } from 'node:fs/promises';
import { sqlState } from '../errors/database-error.ts';

const DISK_FULL = '53100';
/**
 * Without an end, a node that gets no requests because it is not ready would never notice that the disk has room again.
 */
const REMEMBERED_MS = 10_000;
const MIN_FREE_BYTES = 32 * 1024 * 1024;

/**
 * Remembers statements that failed because PostgreSQL's disk is full, until they succeed or ten seconds have passed.
 */
export class FullDisk {
  readonly #now: () => number;
  readonly #failed = new Map<string, number>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  succeeded(statement: string): void {
    if (this.#failed.size > 0) this.#failed.delete(statement);
  }

  failed(statement: string, error: unknown): void {
    if (sqlState(error) === DISK_FULL) this.#failed.set(statement, this.#now());
  }

  /** null: there is no known problem. */
  problem(): string | null {
    const latest = Math.max(...this.#failed.values());
    return this.#now() - latest < REMEMBERED_MS ? 'the disk of the database is full' : null;
  }
}

/** Returns a problem if the folder's disk is nearly full; null: it has room, or the system doesn't say. */
export async function folderProblem(folder: string, freeBytes = freeBytesOf): Promise<string | null> {
  const bytes = await freeBytes(folder).catch(() => null);
  if (bytes === null || bytes >= MIN_FREE_BYTES) return null;
  return `the disk of the data folder is full: ${Math.floor(bytes / 1024 / 1024)} MiB are free, 32 MiB are needed`;
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
