import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';

/**
 * Creates an empty database in `folder` if there is none, from prepared files: unpacking takes 0.4 s, `initdb` took 2
 * to 3 s, more than half of a first start. They are unpacked beside the folder and then moved, so that a killed start
 * leaves nothing.
 */
export async function makeDatabaseFiles(folder: string): Promise<void> {
  const exists = existsSync(folder);
  if (exists && (await readdir(folder)).length > 0) return;
  // Only a first start needs these modules: other starts save the 25 ms of loading them.
  const [{ dataDir: archive }, { UnpackSync }] = await Promise.all([import('@electric-sql/pglite-prepopulatedfs'), import('tar')]);
  const unpacked = `${folder}.new`;
  await rm(unpacked, { recursive: true, force: true });
  await mkdir(unpacked, { recursive: true });
  const files = gunzipSync(await (await archive()).arrayBuffer());
  // Nothing else runs yet, and synchronous calls write a thousand small files in a third of the time.
  new UnpackSync({ cwd: unpacked, umask: 0o077, onwarn: refuseDamage }).end(files);
  // Only some systems let `rename` replace an empty folder. `rmdir` never removes files that were added meanwhile.
  if (exists) await rmdir(folder);
  await rename(unpacked, folder);
}

/** For `tar`, a file truncated by a full disk is only a warning, but the database would be damaged. */
function refuseDamage(code: string, message: string | Error): void {
  if (code !== 'TAR_ENTRY_INFO') throw new Error(`The files of the embedded database could not be written: ${String(message)}`);
}
