import { hash } from 'node:crypto';

/** Returns the SHA-256 under which a key is stored. Keys are random, so no slow hash is needed. */
export function hashKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}
