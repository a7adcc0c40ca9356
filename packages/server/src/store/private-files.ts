import { chmod, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = 0o700;
const FILE = 0o600;
/** What others than the owner may do. */
const OTHERS = 0o077;

/**
 * Takes every right of others away from a file, or from a folder with all that is in it. Links are not followed; a path that
 * does not exist is skipped. Returns the paths whose rights could not be changed, because another user owns them.
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

/** As `makePrivate`, for the folder itself and nothing in it. */
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
