import { chmod, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = 0o700;
const FILE = 0o600;
/** The permissions of other users. */
const OTHERS = 0o077;

/**
 * Removes all permissions of other users from a file, or from a folder with its contents. Links are not followed,
 * missing paths are skipped. Returns paths that couldn't be changed because another user owns them.
 */
export async function makePrivate(path: string): Promise<string[]> {
  const status = await lstat(path).catch(() => null);
  if (status === null || status.isSymbolicLink()) return [];
  const refused = await restrict(path, { mode: status.mode, isFolder: status.isDirectory() });
  if (!status.isDirectory()) return refused;
  const entries = await readdir(path);
  const inside = await Promise.all(entries.map((entry) => makePrivate(join(path, entry))));
  return [...refused, ...inside.flat()];
}

/** Like `makePrivate`, but only for the folder itself. */
export async function makeFolderPrivate(path: string): Promise<string[]> {
  const { mode } = await lstat(path);
  return restrict(path, { mode, isFolder: true });
}

async function restrict(path: string, { mode, isFolder }: { mode: number; isFolder: boolean }): Promise<string[]> {
  if (process.platform === 'win32' || (mode & OTHERS) === 0) return [];
  try {
    await chmod(path, isFolder ? FOLDER : FILE);
    return [];
  } catch {
    return [path];
  }
}
