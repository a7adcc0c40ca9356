import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a file that only its owner may read, whole or not at all: a full disk, a crash or a loss of power never leaves a part
 * of it under its name. One process at a time may write the same path.
 */
export async function writeWholeFile(path: string, text: string): Promise<void> {
  const partial = `${path}.partial`;
  await rm(partial, { force: true });
  try {
    await using file = await open(partial, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await rename(partial, path);
  await syncFolder(dirname(path));
}

/** A renamed file has its new name for good once its folder is on disk. Windows opens no folders. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  await using folder = await open(path, 'r');
  await folder.sync();
}
