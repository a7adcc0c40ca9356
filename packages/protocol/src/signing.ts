import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import type { SignatureScheme } from './product.ts';
import { PRIVATE_KEY_PREFIX, PUBLIC_KEY_PREFIX, SYMMETRIC_PREFIX } from './secrets.ts';

/** What a signature covers. */
export interface SignedContent {
  /** The event's id. */
  readonly id: string;
  readonly timestampSeconds: number;
  /** The JSON body that POST sends, whatever the method. */
  readonly body: Uint8Array;
  /** The bytes as they go on the wire: the body, or for GET the query string added. */
  readonly wire: Uint8Array | string;
}

/** Makes the signature headers of a webhook. Keys are prepared once. */
export interface Signer {
  headers(content: SignedContent): [name: string, value: string][];
}

type Signature = (content: SignedContent) => string;

/**
 * A signer for a product's schemes and a webhook's secrets, the current one first. `webhook-signature` carries one
 * signature per secret, so that both hold while a rotation overlaps; a legacy header has room for the current one only.
 * Without a secret, id and timestamp are sent, and no signature.
 */
export function createSigner(schemes: readonly SignatureScheme[], secrets: readonly string[]): Signer {
  const standard = secrets.map(standardSignature);
  const current = secrets[0];
  const legacy = schemes.flatMap((scheme) =>
    scheme.kind === 'hmac' && current !== undefined ? [{ header: scheme.header, signature: hmacSignature(scheme, current) }] : [],
  );
  const usesStandard = schemes.some((scheme) => scheme.kind === 'standard-webhooks');
  return {
    headers(content) {
      const headers: [string, string][] = [
        ['webhook-id', content.id],
        ['webhook-timestamp', String(content.timestampSeconds)],
      ];
      if (usesStandard && standard.length > 0)
        headers.push(['webhook-signature', standard.map((signature) => signature(content)).join(' ')]);
      for (const { header, signature } of legacy) headers.push([header, signature(content)]);
      return headers;
    },
  };
}

/** Standard Webhooks v1 (HMAC-SHA256) or v1a (ed25519), as the secret says (https://github.com/standard-webhooks/standard-webhooks). */
function standardSignature(secret: string): Signature {
  if (secret.startsWith(PRIVATE_KEY_PREFIX)) {
    const key = ed25519PrivateKey(secret);
    return (content) => `v1a,${sign(null, standardContent(content), key).toString('base64')}`;
  }
  const key = standardKey(secret);
  return ({ id, timestampSeconds, body }) =>
    `v1,${createHmac('sha256', key).update(`${id}.${timestampSeconds}.`).update(body).digest('base64')}`;
}

function standardContent({ id, timestampSeconds, body }: SignedContent): Buffer {
  return Buffer.concat([Buffer.from(`${id}.${timestampSeconds}.`), body]);
}

/** The key of a symmetric secret: what follows `whsec_` in base64, or the characters of any other secret. */
export function standardKey(secret: string): Buffer {
  return secret.startsWith(SYMMETRIC_PREFIX) ? Buffer.from(secret.slice(SYMMETRIC_PREFIX.length), 'base64') : Buffer.from(secret);
}

function hmacSignature(scheme: SignatureScheme & { kind: 'hmac' }, secret: string): Signature {
  const prefix = scheme.prefix ?? '';
  return ({ wire }) => prefix + createHmac(scheme.algorithm, secret).update(wire).digest(scheme.encoding);
}

/** DER of an ed25519 PKCS#8 key up to its 32-byte seed (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

function ed25519PrivateKey(secret: string): KeyObject {
  const seed = Buffer.from(secret.slice(PRIVATE_KEY_PREFIX.length), 'base64').subarray(0, 32);
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}

/** The `whpk_` key that verifies what a `whsk_` key signs. */
export function publicKeyOf(secret: string): string {
  const spki = createPublicKey(ed25519PrivateKey(secret)).export({ format: 'der', type: 'spki' });
  return PUBLIC_KEY_PREFIX + spki.subarray(-32).toString('base64');
}

/** A new symmetric secret of 24 random bytes. */
export function generateSecret(random: (bytes: number) => Buffer = randomBytes): string {
  return SYMMETRIC_PREFIX + random(24).toString('base64');
}

/** A new ed25519 signing key. */
export function generateSigningKey(): string {
  const pkcs8 = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
  return PRIVATE_KEY_PREFIX + pkcs8.subarray(-32).toString('base64');
}
