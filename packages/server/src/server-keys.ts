import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { Redacted } from './telemetry/redacted.ts';

/** The keys a server works with. */
export interface ServerKeys {
  readonly root: Redacted;
  /** The first seals, all open. */
  readonly encryption: readonly [Redacted, ...Redacted[]];
  /** The root key was made by the server: it is printed so that it can be used. */
  readonly rootWasMade: boolean;
}

/** The configured keys; in embedded mode missing ones are made once and kept in the data folder, readable by its owner alone. */
export async function serverKeys(config: Pick<Config, 'rootKey' | 'encryptionKeys' | 'dataDir'>): Promise<ServerKeys> {
  return {
    root: config.rootKey ?? (await keptKey(config.dataDir, 'root-key', 'ph_root_')),
    encryption: config.encryptionKeys ?? [await keptKey(config.dataDir, 'encryption-key', '')],
    rootWasMade: config.rootKey === null,
  };
}

async function keptKey(folder: string, name: string, prefix: string): Promise<Redacted> {
  const path = join(folder, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    // Written only where there is none: two servers that start at once agree on one.
    await writeFile(path, `${prefix}${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return new Redacted((await readFile(path, 'utf8')).trim());
}
