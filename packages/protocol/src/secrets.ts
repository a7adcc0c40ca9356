/** Prefix of a symmetric Standard Webhooks secret. */
export const SYMMETRIC_PREFIX = 'whsec_';
/** Prefix of an asymmetric (ed25519) signing key. */
export const PRIVATE_KEY_PREFIX = 'whsk_';
/** Prefix of an asymmetric (ed25519) verification key. */
export const PUBLIC_KEY_PREFIX = 'whpk_';

const MIN_BYTES = 24;
const MAX_BYTES = 64;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** What is wrong with a secret that a person chose; null: nothing. */
export function secretProblem(secret: string): string | null {
  if (secret.startsWith(SYMMETRIC_PREFIX)) {
    const bytes = base64Bytes(secret.slice(SYMMETRIC_PREFIX.length));
    if (bytes === null) return 'after whsec_ there must be base64';
    return bytes < MIN_BYTES || bytes > MAX_BYTES ? `after whsec_ there must be ${MIN_BYTES} to ${MAX_BYTES} bytes in base64` : null;
  }
  if (secret.startsWith(PRIVATE_KEY_PREFIX)) {
    const bytes = base64Bytes(secret.slice(PRIVATE_KEY_PREFIX.length));
    return bytes === 32 || bytes === 64 ? null : 'after whsk_ there must be an ed25519 key of 32 or 64 bytes in base64';
  }
  if (secret.startsWith(PUBLIC_KEY_PREFIX)) return 'a public key (whpk_) cannot sign; give the private key (whsk_)';
  if (secret.length < 8 || secret.length > 256) return 'must have 8 to 256 characters';
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  return /[\u0000-\u001f\u007f]/.test(secret) ? 'must not contain control characters' : null;
}

function base64Bytes(text: string): number | null {
  if (!BASE64.test(text)) return null;
  return Math.floor((text.replaceAll('=', '').length * 3) / 4);
}
