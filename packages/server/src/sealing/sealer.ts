import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Encrypts values that must not be readable in the database: secrets, custom headers, responses with a secret. */
export interface Sealer {
  /** `place` binds the value to where it is stored: copied to another row, it can't be opened. */
  seal(text: string, place: string): Buffer;
  /** Throws if the key is unknown, or if value and place don't match. */
  open(sealed: Uint8Array, place: string): string;
  /** The prefix of values sealed with the current key: the layout's version and the key's id. */
  readonly prefix: Buffer;
  /** The prefixes of all keys, the current one first. */
  readonly prefixes: readonly Buffer[];
  /** Whether the value was sealed with an older key. */
  isOutdated(sealed: Uint8Array): boolean;
}

const VERSION = 1;
const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES;

interface Key {
  readonly id: Buffer;
  readonly bytes: Buffer;
}

/**
 * Creates a sealer with AES-256-GCM (NIST SP 800-38D) and random nonces. The first key seals, all keys open: put a new
 * key first, and keep the old one until all is resealed. A key is any text, hashed with SHA-256. Layout: version, key
 * id, nonce, ciphertext, tag.
 */
export function createSealer(keys: readonly [string, ...string[]]): Sealer {
  const [current, ...older] = keys.map(deriveKey);
  if (!current) throw new Error('A sealer needs at least one key.');
  const all = [current, ...older];
  const prefixOf = ({ id }: Key): Buffer => Buffer.concat([Buffer.of(VERSION), id]);
  const prefix = prefixOf(current);
  return {
    prefix,
    prefixes: all.map(prefixOf),
    seal(text, place) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', current.bytes, nonce).setAAD(Buffer.from(place));
      return Buffer.concat([prefix, nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, place) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      const key = all.find(({ id }) => id.equals(keyId(bytes)));
      if (bytes[0] !== VERSION || !key) throw new Error('A sealed value was sealed with a key that is not configured.');
      const decipher = createDecipheriv('aes-256-gcm', key.bytes, bytes.subarray(1 + KEY_ID_BYTES, HEADER_BYTES));
      decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
    },
    isOutdated: (sealed) => !keyId(Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)).equals(current.id),
  };
}

function keyId(sealed: Buffer): Buffer {
  return sealed.subarray(1, 1 + KEY_ID_BYTES);
}

function deriveKey(text: string): Key {
  const bytes = createHash('sha256').update(text).digest();
  return { bytes, id: createHash('sha256').update('posthorn key id').update(bytes).digest().subarray(0, KEY_ID_BYTES) };
}
