import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { StartError } from '../start-error.ts';
import { writeWholeFile } from './whole-file.ts';
import { Redacted } from '../telemetry/redacted.ts';

/** The server's keys. */
export interface ServerKeys {
  readonly root: Redacted;
  /** The first encrypts, all decrypt. */
  readonly encryption: EncryptionKeys;
  /** Whether this start generated the root key, so that it has not been shown yet. */
  readonly rootWasMade: boolean;
}

type EncryptionKeys = readonly [Redacted, ...Redacted[]];
type KeyConfig = Pick<Config, 'rootKey' | 'encryptionKeys' | 'dataDir'>;

/** Keys from the configuration or the data folder; null: there is none. */
export interface KnownKeys {
  readonly root: Redacted | null;
  readonly encryption: EncryptionKeys | null;
}

interface KeyFile {
  readonly name: string;
  readonly prefix: string;
  /** Advice for the error message if the file can't be used. */
  readonly remedy: string;
}

const ROOT: KeyFile = {
  name: 'root-key',
  prefix: 'ph_root_',
  remedy: 'Restore it from a backup, or delete it to get a new root key. To use a key of your own, set POSTHORN_ROOT_KEY.',
};
const ENCRYPTION: KeyFile = {
  name: 'encryption-key',
  prefix: '',
  remedy:
    'Restore it from a backup. If nothing has been encrypted with it, delete it to get a new one. To use a key of your own, set POSTHORN_ENCRYPTION_KEY.',
};
const RANDOM_BYTES = 24;
const RANDOM_CHARACTERS = 32;

/** Reads the keys without generating any. Throws StartError if a file doesn't contain a complete key. */
export async function readKeys(config: KeyConfig): Promise<KnownKeys> {
  const root = config.rootKey ?? (await readKey(config.dataDir, ROOT));
  if (config.encryptionKeys !== null) return { root, encryption: config.encryptionKeys };
  const encryption = await readKey(config.dataDir, ENCRYPTION);
  return { root, encryption: encryption && [encryption] };
}

/** Generates the missing keys and stores them in the data folder, which the caller must have locked. */
export async function makeMissingKeys({ root, encryption }: KnownKeys, dataDir: string): Promise<ServerKeys> {
  return {
    encryption: encryption ?? [await makeKey(dataDir, ENCRYPTION)],
    root: root ?? (await makeKey(dataDir, ROOT)),
    rootWasMade: root === null,
  };
}

async function readKey(folder: string, file: KeyFile): Promise<Redacted | null> {
  const path = join(folder, file.name);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`The key file ${resolve(path)} cannot be read: ${reason}. ${file.remedy}`, { cause: error });
  });
  if (text === null) return null;
  const key = text.trim();
  if (isWhole(key, file)) return new Redacted(key);
  const length = file.prefix.length + RANDOM_CHARACTERS;
  throw new StartError(
    `The key file ${resolve(path)} is damaged: it contains ${key.length} characters instead of ${length}${file.prefix === '' ? '' : `, which start with ${file.prefix}`}. ${file.remedy}`,
  );
}

function isWhole(key: string, { prefix }: KeyFile): boolean {
  const random = key.slice(prefix.length);
  return key.startsWith(prefix) && random.length === RANDOM_CHARACTERS && /^[\w-]+$/.test(random);
}

async function makeKey(folder: string, { name, prefix }: KeyFile): Promise<Redacted> {
  const path = join(folder, name);
  const key = `${prefix}${randomBytes(RANDOM_BYTES).toString('base64url')}`;
  try {
    await writeWholeFile(path, `${key}\n`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `The key file ${resolve(path)} cannot be written: ${reason}. Free disk space or give Posthorn write permission, then start it again.`,
      {
        cause: error,
      },
    );
  }
  return new Redacted(key);
}
