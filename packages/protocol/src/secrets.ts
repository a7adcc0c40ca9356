/** Prefix of a symmetric Standard Webhooks secret. */
export const SYMMETRIC_PREFIX = 'whsec_';
/** Prefix of an asymmetric (ed25519) signing key. */
export const PRIVATE_KEY_PREFIX = 'whsk_';
/** Prefix of an asymmetric (ed25519) verification key. */
export const PUBLIC_KEY_PREFIX = 'whpk_';

const MIN_BYTES = 24;
const MAX_BYTES = 64;
const MIN_TEXT = 8;
const MAX_TEXT = 256;
const ED25519_BYTES = 32;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** A parsed secret. `malformed` says what is wrong without showing the secret. */
export type ParsedSecret =
  /** `whsec_…`: an HMAC key of 24 to 64 bytes. */
  | { readonly kind: 'symmetric'; readonly key: Uint8Array }
  /** `whsk_…`: the 32-byte seed of an ed25519 signing key. */
  | { readonly kind: 'private'; readonly seed: Uint8Array }
  /** `whpk_…`: the 32 bytes of an ed25519 verification key. */
  | { readonly kind: 'public'; readonly key: Uint8Array }
  /** Anything else: its UTF-8 bytes are an HMAC key. */
  | { readonly kind: 'text'; readonly key: Uint8Array }
  | { readonly kind: 'malformed'; readonly problem: string };

/** Parses a secret by its prefix (https://www.standardwebhooks.com). */
export function parseSecret(secret: string): ParsedSecret {
  if (secret === '') return { kind: 'malformed', problem: 'must not be empty' };
  if (secret.startsWith(SYMMETRIC_PREFIX)) return parseSymmetric(decodeBase64(secret.slice(SYMMETRIC_PREFIX.length)));
  if (secret.startsWith(PRIVATE_KEY_PREFIX)) return parsePrivate(decodeBase64(secret.slice(PRIVATE_KEY_PREFIX.length)));
  if (secret.startsWith(PUBLIC_KEY_PREFIX)) return parsePublic(decodeBase64(secret.slice(PUBLIC_KEY_PREFIX.length)));
  return { kind: 'text', key: new TextEncoder().encode(secret) };
}

/** Returns what is wrong with a secret chosen for signing; null if nothing. */
export function secretProblem(secret: string): string | null {
  const parsed = parseSecret(secret);
  switch (parsed.kind) {
    case 'malformed':
      return secret === '' ? tooShortOrLong() : parsed.problem;
    case 'public':
      return `is a public key (${PUBLIC_KEY_PREFIX}), which cannot sign. Send the private key (${PRIVATE_KEY_PREFIX})`;
    case 'symmetric':
    case 'private':
      return null;
    case 'text':
      if (secret.length < MIN_TEXT || secret.length > MAX_TEXT) return tooShortOrLong();
      // It cannot be encoded as UTF-8, so the key would be another one.
      if (!secret.isWellFormed()) return 'must not contain half of a surrogate pair';
      // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
      return /[\u0000-\u001f\u007f]/.test(secret) ? 'must not contain control characters' : null;
  }
}

function tooShortOrLong(): string {
  return `must have ${MIN_TEXT} to ${MAX_TEXT} characters`;
}

function parseSymmetric(key: Uint8Array | null): ParsedSecret {
  if (key === null) return { kind: 'malformed', problem: 'must have base64 after whsec_' };
  if (key.length >= MIN_BYTES && key.length <= MAX_BYTES) return { kind: 'symmetric', key };
  return { kind: 'malformed', problem: `must have ${MIN_BYTES} to ${MAX_BYTES} bytes in base64 after whsec_` };
}

/** Libraries that follow libsodium append the 32-byte public key to the seed. */
function parsePrivate(bytes: Uint8Array | null): ParsedSecret {
  if (bytes?.length === ED25519_BYTES || bytes?.length === 2 * ED25519_BYTES) {
    return { kind: 'private', seed: bytes.subarray(0, ED25519_BYTES) };
  }
  return { kind: 'malformed', problem: 'must have an ed25519 key of 32 or 64 bytes in base64 after whsk_' };
}

function parsePublic(key: Uint8Array | null): ParsedSecret {
  if (key?.length === ED25519_BYTES) return { kind: 'public', key };
  return { kind: 'malformed', problem: 'must have an ed25519 key of 32 bytes in base64 after whpk_' };
}

function decodeBase64(text: string): Uint8Array | null {
  return BASE64.test(text) ? Uint8Array.from(atob(text), (character) => character.charCodeAt(0)) : null;
}
