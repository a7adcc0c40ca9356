import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { privateKeyOf, publicBytesOf, seedOf } from './ed25519-keys.ts';
import { hmacSha256 } from './hmac.ts';
import type { SignatureScheme } from './product.ts';
import { parseSecret, PRIVATE_KEY_PREFIX, PUBLIC_KEY_PREFIX, SYMMETRIC_PREFIX } from './secrets.ts';

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
 * Without a secret, id and timestamp are sent, and no signature. Throws RangeError where a secret cannot sign.
 */
export function createSigner(schemes: readonly SignatureScheme[], secrets: readonly string[]): Signer {
  const usesStandard = schemes.some((scheme) => scheme.kind === 'standard-webhooks');
  const standard = usesStandard ? secrets.map(standardSignature) : [];
  const current = secrets[0];
  const legacy = schemes.flatMap((scheme) =>
    scheme.kind === 'hmac' && current !== undefined ? [{ header: scheme.header, signature: hmacSignature(scheme, current) }] : [],
  );
  return {
    headers(content) {
      const headers: [string, string][] = [
        ['webhook-id', content.id],
        ['webhook-timestamp', String(content.timestampSeconds)],
      ];
      if (standard.length > 0) headers.push(['webhook-signature', standard.map((signature) => signature(content)).join(' ')]);
      for (const { header, signature } of legacy) headers.push([header, signature(content)]);
      return headers;
    },
  };
}

/** Standard Webhooks v1 (HMAC-SHA256) or v1a (ed25519), as the secret says (https://github.com/standard-webhooks/standard-webhooks). */
function standardSignature(secret: string): Signature {
  const parsed = parseSecret(secret);
  switch (parsed.kind) {
    case 'malformed':
      throw new RangeError(`The secret cannot sign: ${parsed.problem}.`);
    case 'public':
      throw new RangeError(`A public key (${PUBLIC_KEY_PREFIX}) cannot sign.`);
    case 'private': {
      const key = privateKeyOf(parsed.seed);
      return (content) => `v1a,${sign(null, standardContent(content), key).toString('base64')}`;
    }
    case 'symmetric':
    case 'text': {
      const hmac = hmacSha256(parsed.key);
      return ({ id, timestampSeconds, body }) => `v1,${hmac(`${id}.${timestampSeconds}.`, body)}`;
    }
  }
}

function standardContent({ id, timestampSeconds, body }: SignedContent): Buffer {
  return Buffer.concat([Buffer.from(`${id}.${timestampSeconds}.`), body]);
}

/** Keyed with the characters of the secret as shown, prefix included: that is what receivers of such headers have. */
function hmacSignature(scheme: SignatureScheme & { kind: 'hmac' }, secret: string): Signature {
  if (secret === '') throw new RangeError('The secret cannot sign: must not be empty.');
  const { algorithm, encoding, prefix = '' } = scheme;
  return ({ wire }) => prefix + createHmac(algorithm, secret).update(wire).digest(encoding);
}

/** The `whpk_` key that verifies what a `whsk_` key signs. Throws RangeError. */
export function publicKeyOf(secret: string): string {
  const parsed = parseSecret(secret);
  if (parsed.kind !== 'private') throw new RangeError(`Only a private key (${PRIVATE_KEY_PREFIX}) has a public one.`);
  return PUBLIC_KEY_PREFIX + publicBytesOf(privateKeyOf(parsed.seed)).toString('base64');
}

/** A new symmetric secret of 24 random bytes. */
export function generateSecret(random: (bytes: number) => Buffer = randomBytes): string {
  return SYMMETRIC_PREFIX + random(24).toString('base64');
}

/** A new ed25519 signing key. */
export function generateSigningKey(): string {
  return PRIVATE_KEY_PREFIX + seedOf(generateKeyPairSync('ed25519').privateKey).toString('base64');
}
