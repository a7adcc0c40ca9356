import { hash, randomBytes } from 'node:crypto';

/** A new key of a caller, with what is stored of it. */
export interface NewKey {
  /** Shown once, and not stored. */
  readonly key: string;
  readonly hash: Buffer;
  /** Its last characters, to tell keys apart. */
  readonly hint: string;
}

const HINT_CHARACTERS = 4;

/** Creates a key from 32 random bytes. The prefix says what it is for, such as `ph_`. */
export function newKey(prefix: string): NewKey {
  const key = `${prefix}${randomBytes(32).toString('base64url')}`;
  return { key, hash: hashKey(key), hint: key.slice(-HINT_CHARACTERS) };
}

/** Returns the SHA-256 under which a key is stored. Keys are random, so no slow hash is needed. */
export function hashKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}
