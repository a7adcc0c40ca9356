import { execFile } from 'node:child_process';
import { chmod, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A file system of its own that can be full. */
export interface SmallDisk extends AsyncDisposable {
  readonly folder: string;
  /** Leaves so many bytes free. */
  fill(freeBytes: number): Promise<void>;
  empty(): Promise<void>;
}

const run = promisify(execFile);

/** Mounts a tmpfs of so many bytes. Returns why not if this user may not. */
export async function mountSmallDisk(bytes: number): Promise<SmallDisk | { readonly refused: string }> {
  if (process.platform !== 'linux' || userInfo().uid !== 0) return { refused: 'mounting a small file system needs Linux and root' };
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-small-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);
  } catch {
    await rm(folder, { recursive: true });
    return { refused: 'this machine does not let root mount a small file system' };
  }
  // PostgreSQL runs as a user of its own, who must be able to enter.
  await chmod(folder, 0o755);
  const ballast = join(folder, 'ballast');
  return {
    folder,
    async fill(freeBytes) {
      await using file = await open(ballast, 'a');
      try {
        while ((await free(folder)) > freeBytes) await file.write(CHUNK);
      } catch (error) {
        // PostgreSQL writes at the same time.
        if (!isFull(error)) throw error;
      }
    },
    empty: () => rm(ballast, { force: true }),
    async [Symbol.asyncDispose]() {
      await run('umount', ['--lazy', folder]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const CHUNK = Buffer.alloc(262_144);

async function free(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}
