import { createHmac, createPublicKey, timingSafeEqual, verify as verifyEd25519, type KeyObject } from 'node:crypto';
import type { SignatureScheme } from './product.ts';
import { PUBLIC_KEY_PREFIX } from './secrets.ts';
import { standardKey } from './signing.ts';

/** Why a request is not to be trusted. */
export type VerificationCode = 'missing_header' | 'malformed_header' | 'timestamp_too_old' | 'timestamp_too_new' | 'no_matching_signature';

/** The request was not signed with this secret, or not now. Answer 400 and do nothing with it. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError';
  readonly code: VerificationCode;

  constructor(code: VerificationCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Headers as servers and `fetch` give them. Names are looked up in any case. */
export type ReceivedHeaders = { get(name: string): string | null } | Readonly<Record<string, string | readonly string[] | undefined>>;

/** A request as it arrived. */
export interface ReceivedWebhook {
  /** The raw bytes: parsed and printed again they are no longer what was signed. */
  readonly body: string | Uint8Array;
  readonly headers: ReceivedHeaders;
}

export interface VerifyOptions {
  /** Milliseconds since the epoch. Default: now. */
  readonly now?: number;
  /** How far the timestamp may lie from now, in seconds. Default: 300. */
  readonly toleranceSeconds?: number;
}

export interface VerifiedWebhook {
  /** The event's id: the same in every retry. Keep it to do nothing twice. */
  readonly id: string;
  /** When this attempt was signed. */
  readonly timestamp: Date;
}

const MAX_SIGNATURES = 20;
const DEFAULT_TOLERANCE_SECONDS = 300;

/**
 * Checks the Standard Webhooks signature of a request (https://www.standardwebhooks.com): v1 with a `whsec_…` secret or
 * any other text, v1a with a `whpk_…` public key. Comparison takes the same time wherever signatures differ.
 * Throws WebhookVerificationError.
 *
 * @example
 * const { id } = verify({ body: rawBody, headers: request.headers }, process.env.WEBHOOK_SECRET);
 */
export function verify({ body, headers }: ReceivedWebhook, secret: string, options: VerifyOptions = {}): VerifiedWebhook {
  const id = required(headers, 'webhook-id');
  const timestamp = required(headers, 'webhook-timestamp');
  const signatures = required(headers, 'webhook-signature').split(' ');
  const seconds = checkTimestamp(timestamp, options);
  if (signatures.length > MAX_SIGNATURES)
    throw new WebhookVerificationError('malformed_header', 'webhook-signature holds too many signatures.');
  const matches = secret.startsWith(PUBLIC_KEY_PREFIX)
    ? asymmetric({ id, timestamp, body, secret })
    : symmetric({ id, timestamp, body, secret });
  if (!signatures.some(matches)) {
    throw new WebhookVerificationError('no_matching_signature', 'No signature in webhook-signature matches the body and the secret.');
  }
  return { id, timestamp: new Date(seconds * 1_000) };
}

/** A legacy signature header of a product. */
export type HmacScheme = Omit<SignatureScheme & { kind: 'hmac' }, 'kind'>;

/** Checks a legacy HMAC header, such as `X-RevOps-Content-Hmac`, over the raw body. Throws WebhookVerificationError. */
export function verifyHmac({ body, headers }: ReceivedWebhook, secret: string, scheme: HmacScheme): void {
  const given = required(headers, scheme.header);
  const expected = (scheme.prefix ?? '') + createHmac(scheme.algorithm, secret).update(body).digest(scheme.encoding);
  if (!sameBytes(Buffer.from(given), Buffer.from(expected))) {
    throw new WebhookVerificationError('no_matching_signature', `${scheme.header} does not match the body and the secret.`);
  }
}

interface Signed {
  readonly id: string;
  readonly timestamp: string;
  readonly body: string | Uint8Array;
  readonly secret: string;
}

function symmetric({ id, timestamp, body, secret }: Signed): (signature: string) => boolean {
  const expected = createHmac('sha256', standardKey(secret)).update(`${id}.${timestamp}.`).update(body).digest('base64');
  // As text: base64 decoding would take other spellings of the same bytes.
  return (signature) => sameBytes(Buffer.from(signature), Buffer.from(`v1,${expected}`));
}

function asymmetric({ id, timestamp, body, secret }: Signed): (signature: string) => boolean {
  const key = ed25519PublicKey(secret);
  const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), typeof body === 'string' ? Buffer.from(body) : body]);
  return (signature) => {
    const bytes = Buffer.from(signature.slice(4), 'base64');
    return signature === `v1a,${bytes.toString('base64')}` && verifyEd25519(null, content, key, bytes);
  };
}

/** DER of an ed25519 SubjectPublicKeyInfo up to its 32-byte key (RFC 8410, section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

function ed25519PublicKey(secret: string): KeyObject {
  const key = Buffer.from(secret.slice(PUBLIC_KEY_PREFIX.length), 'base64');
  if (key.length !== 32) throw new RangeError('After whpk_ there must be an ed25519 key of 32 bytes in base64.');
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, key]), format: 'der', type: 'spki' });
}

function checkTimestamp(text: string, { now = Date.now(), toleranceSeconds = DEFAULT_TOLERANCE_SECONDS }: VerifyOptions): number {
  if (!/^\d{1,12}$/.test(text))
    throw new WebhookVerificationError('malformed_header', 'webhook-timestamp must be whole seconds since the epoch.');
  const seconds = Number(text);
  const current = Math.floor(now / 1_000);
  if (seconds < current - toleranceSeconds) throw new WebhookVerificationError('timestamp_too_old', 'webhook-timestamp lies too far back.');
  if (seconds > current + toleranceSeconds)
    throw new WebhookVerificationError('timestamp_too_new', 'webhook-timestamp lies in the future.');
  return seconds;
}

function required(headers: ReceivedHeaders, name: string): string {
  const value = lookUp(headers, name.toLowerCase());
  if (value === undefined || value === null || value === '')
    throw new WebhookVerificationError('missing_header', `The header ${name} is missing.`);
  if (typeof value !== 'string') throw new WebhookVerificationError('malformed_header', `The header ${name} stands more than once.`);
  return value;
}

function lookUp(headers: ReceivedHeaders, name: string): string | readonly string[] | null | undefined {
  if (typeof headers.get === 'function') return headers.get(name);
  const record = headers as Readonly<Record<string, string | readonly string[] | undefined>>;
  return record[name] ?? Object.entries(record).find(([key]) => key.toLowerCase() === name)?.[1];
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
