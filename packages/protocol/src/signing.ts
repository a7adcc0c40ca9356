import { createHmac, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { privateKeyOf, publicBytesOf, seedOf } from './ed25519-keys.ts';
import { HmacSha256 } from './hmac.ts';
import type { SignatureScheme } from './product.ts';
import { parseSecret, PRIVATE_KEY_PREFIX, PUBLIC_KEY_PREFIX, SYMMETRIC_PREFIX } from './secrets.ts';

/** The content that signatures cover. */
export interface SignedContent {
  /** The event's id. */
  readonly id: string;
  readonly timestampSeconds: number;
  /** The JSON body that POST sends, for any method. */
  readonly body: Uint8Array;
  /** What legacy headers cover: the body as sent, or for GET the added query string. */
  readonly wire: Uint8Array | string;
  /** What is sent instead of the JSON body: a form, or for GET the whole query string. It has its own signature. */
  readonly sent?: Uint8Array;
}

/** Creates the signature headers of a webhook. Keys are prepared once. */
export interface Signer {
  headers(content: SignedContent): [name: string, value: string][];
}

/** One secret in one scheme. */
interface Key {
  signature(content: SignedContent): string;
}

interface LegacyKey {
  readonly header: string;
  readonly key: Key;
}

/** Shared to save memory: most webhooks have no legacy header, and each has a signer. */
const NO_LEGACY: readonly LegacyKey[] = [];

/**
 * Creates a signer for a product's schemes and a webhook's secrets, current one first. `webhook-signature` has a
 * signature per secret (two if a form or query is sent), legacy headers only that of the current one. Without a secret,
 * only id and timestamp are sent. Throws RangeError if a secret cannot sign.
 */
export function createSigner(schemes: readonly SignatureScheme[], secrets: readonly string[]): Signer {
  const usesStandard = schemes.some((scheme) => scheme.kind === 'standard-webhooks');
  const current = secrets[0];
  const legacy = schemes.flatMap((scheme) =>
    scheme.kind === 'hmac' && current !== undefined ? [{ header: scheme.header, key: new LegacyHmac(scheme, current) }] : [],
  );
  return new WebhookSigner(usesStandard ? secrets.map(standardKey) : [], legacy.length === 0 ? NO_LEGACY : legacy);
}

class WebhookSigner implements Signer {
  readonly #standard: readonly Key[];
  readonly #legacy: readonly LegacyKey[];

  constructor(standard: readonly Key[], legacy: readonly LegacyKey[]) {
    this.#standard = standard;
    this.#legacy = legacy;
  }

  headers(content: SignedContent): [string, string][] {
    const headers: [string, string][] = [
      ['webhook-id', content.id],
      ['webhook-timestamp', String(content.timestampSeconds)],
    ];
    if (this.#standard.length > 0) headers.push(['webhook-signature', this.#signatures(content)]);
    for (const { header, key } of this.#legacy) headers.push([header, key.signature(content)]);
    return headers;
  }

  #signatures(content: SignedContent): string {
    const { sent } = content;
    const ofBody = this.#standard.map((key) => key.signature(content));
    if (sent === undefined) return ofBody.join(' ');
    const ofSent = this.#standard.map((key) => key.signature({ ...content, body: sent }));
    return [...ofSent, ...ofBody].join(' ');
  }
}

/** Standard Webhooks v1 (HMAC-SHA256) or v1a (ed25519), depending on the secret (https://www.standardwebhooks.com). */
function standardKey(secret: string): Key {
  const parsed = parseSecret(secret);
  switch (parsed.kind) {
    case 'malformed':
      throw new RangeError(`The secret cannot sign: it ${parsed.problem}.`);
    case 'public':
      throw new RangeError(`A public key (${PUBLIC_KEY_PREFIX}) cannot sign. Use the private key (${PRIVATE_KEY_PREFIX}).`);
    case 'private':
      return new StandardEd25519(privateKeyOf(parsed.seed));
    case 'symmetric':
    case 'text':
      return new StandardHmac(parsed.key);
  }
}

class StandardHmac implements Key {
  readonly #hmac: HmacSha256;

  constructor(key: Uint8Array) {
    this.#hmac = new HmacSha256(key);
  }

  signature({ id, timestampSeconds, body }: SignedContent): string {
    return `v1,${this.#hmac.sign(`${id}.${timestampSeconds}.`, body)}`;
  }
}

class StandardEd25519 implements Key {
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
  }

  signature(content: SignedContent): string {
    return `v1a,${sign(null, standardContent(content), this.#key).toString('base64')}`;
  }
}

function standardContent({ id, timestampSeconds, body }: SignedContent): Buffer {
  return Buffer.concat([Buffer.from(`${id}.${timestampSeconds}.`), body]);
}

/** Keyed with the characters of the secret, prefix included, because receivers of such headers use it that way. */
class LegacyHmac implements Key {
  readonly #scheme: SignatureScheme & { kind: 'hmac' };
  readonly #secret: string;

  constructor(scheme: SignatureScheme & { kind: 'hmac' }, secret: string) {
    if (secret === '') throw new RangeError('The secret cannot sign: it must not be empty.');
    this.#scheme = scheme;
    this.#secret = secret;
  }

  signature({ wire }: SignedContent): string {
    const { algorithm, encoding, prefix = '' } = this.#scheme;
    return prefix + createHmac(algorithm, this.#secret).update(wire).digest(encoding);
  }
}

/** Returns the `whpk_` key for a `whsk_` key. Throws RangeError. */
export function publicKeyOf(secret: string): string {
  const parsed = parseSecret(secret);
  if (parsed.kind !== 'private') throw new RangeError(`Only a private key (${PRIVATE_KEY_PREFIX}) has a public key.`);
  return PUBLIC_KEY_PREFIX + publicBytesOf(privateKeyOf(parsed.seed)).toString('base64');
}

/** Generates a symmetric secret of 24 random bytes. */
export function generateSecret(random: (bytes: number) => Buffer = randomBytes): string {
  return SYMMETRIC_PREFIX + random(24).toString('base64');
}

/** Generates an ed25519 signing key. */
export function generateSigningKey(): string {
  return PRIVATE_KEY_PREFIX + seedOf(generateKeyPairSync('ed25519').privateKey).toString('base64');
}
