import { createHmac, timingSafeEqual, verify as verifyEd25519 } from 'node:crypto';
import { publicKeyFrom } from './ed25519-keys.ts';
import type { SignatureScheme } from './product.ts';
import { readBody, type ReceivedBody } from './received-body.ts';
import { headerValues, type ReceivedHeaders } from './received-headers.ts';
import { parseSecret } from './secrets.ts';

export type { ReceivedBody } from './received-body.ts';
export type { ReceivedHeaders } from './received-headers.ts';

/**
 * Why a request cannot be trusted. Two codes are faults of the receiver: `invalid_secret` if its secret is missing or
 * unusable, `invalid_body` if it does not pass the raw body.
 */
export type VerificationCode =
  | 'invalid_body'
  | 'missing_header'
  | 'malformed_header'
  | 'timestamp_too_old'
  | 'timestamp_too_new'
  | 'no_matching_signature'
  | 'invalid_secret';

/** Thrown if the request was not signed with this secret, or not recently. Respond with 400 and ignore the request. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError';
  readonly code: VerificationCode;

  constructor(code: VerificationCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A request as it arrived. */
export interface ReceivedWebhook {
  /** The raw bytes. A parsed and re-serialized body no longer matches the signature. */
  readonly body: ReceivedBody;
  readonly headers: ReceivedHeaders;
}

export interface VerifyOptions {
  /** Milliseconds since the epoch. Default: now. */
  readonly now?: number;
  /** How far the timestamp may be from now, in seconds. Default: 300. */
  readonly toleranceSeconds?: number;
}

export interface VerifiedWebhook {
  /** The event's id, the same in every retry. Store it to process each event only once. */
  readonly id: string;
  /** When this attempt was signed. */
  readonly timestamp: Date;
}

const MAX_SIGNATURES = 20;
const DEFAULT_TOLERANCE_SECONDS = 300;

/** No full stop: it separates the id from the timestamp in the signed content. */
const ID = /^[\x21-\x2d\x2f-\x7e]{1,256}$/;
const TIMESTAMP = /^(?:0|[1-9]\d{0,11})$/;
/** A version (v1, v1a or a future one) and base64. */
const SIGNATURE = /^v\d{1,3}[a-z]?,[A-Za-z0-9+/]+={0,2}$/;
const LONGEST_SIGNATURES = MAX_SIGNATURES * 1_100;

/**
 * Verifies the Standard Webhooks signature of a request (https://www.standardwebhooks.com): v1 with a `whsec_…` secret
 * or any other text, v1a with a `whpk_…` public key. Ignores signatures of other schemes. Compares in constant time.
 * Throws WebhookVerificationError for every failure; its message says what to do.
 *
 * @example
 * const { id } = verify({ body: rawBody, headers: request.headers }, process.env.WEBHOOK_SECRET ?? '');
 */
export function verify(received: ReceivedWebhook, secret: string, options: VerifyOptions = {}): VerifiedWebhook {
  const { body, headers } = partsOf(received);
  const id = required(headers, 'webhook-id', ID);
  const timestamp = required(headers, 'webhook-timestamp', TIMESTAMP);
  const signatures = signaturesIn(required(headers, 'webhook-signature'));
  const matches = matcherFor({ id, timestamp, body }, secret);
  checkTimestamp(Number(timestamp), options);
  if (!signatures.some(matches)) {
    throw noMatch('No signature in webhook-signature matches the body and the secret.', body);
  }
  return { id, timestamp: new Date(Number(timestamp) * 1_000) };
}

/** A GET request as it arrived. */
export interface ReceivedQuery {
  /** The unchanged URL with its query string, with or without the origin. */
  readonly url: string | URL;
  readonly headers: ReceivedHeaders;
}

/**
 * Verifies the Standard Webhooks signature of a GET request, which covers the unchanged query string.
 * Throws WebhookVerificationError for every failure.
 *
 * @example
 * const { id } = verifyQuery({ url: request.url, headers: request.headers }, process.env.WEBHOOK_SECRET ?? '');
 */
export function verifyQuery(received: ReceivedQuery, secret: string, options: VerifyOptions = {}): VerifiedWebhook {
  const { url, headers } = received ?? {};
  return verify({ body: queryOf(url), headers }, secret, options);
}

/** A legacy signature header of a product. */
export type HmacScheme = Omit<SignatureScheme & { kind: 'hmac' }, 'kind'>;

/**
 * Verifies a legacy HMAC header such as `X-RevOps-Content-Hmac`, over the raw body or, for GET, over the query string
 * that was added to the webhook's URL. Throws WebhookVerificationError.
 */
export function verifyHmac(received: ReceivedWebhook, secret: string, scheme: HmacScheme): void {
  const { body, headers } = partsOf(received);
  const key = presentSecret(secret);
  const given = required(headers, scheme.header);
  const expected = (scheme.prefix ?? '') + createHmac(scheme.algorithm, key).update(body).digest(scheme.encoding);
  if (!sameText(given, expected)) {
    throw noMatch(`${scheme.header} does not match the body and the secret.`, body);
  }
}

function queryOf(url: unknown): string {
  const [, query] = /^[^?#]*\?([^#]*)/.exec(url instanceof URL ? url.href : typeof url === 'string' ? url : '') ?? [];
  if (query !== undefined) return query;
  throw new WebhookVerificationError(
    'invalid_body',
    'The URL has no query string. Pass the unchanged URL of the request: in Express `request.originalUrl`, in Fastify and with fetch `request.url`.',
  );
}

interface Signed {
  readonly id: string;
  readonly timestamp: string;
  readonly body: string | Uint8Array;
}

/** Refuses an empty or malformed secret, because it would be a key that everybody knows. */
function matcherFor(signed: Signed, secret: string): (signature: string) => boolean {
  const parsed = parseSecret(presentSecret(secret));
  switch (parsed.kind) {
    case 'malformed':
      throw invalidSecret(`it ${parsed.problem}`);
    case 'private':
      throw invalidSecret('it is a signing key (whsk_). Receivers need its public key (whpk_)');
    case 'public':
      return asymmetric(signed, parsed.key);
    case 'symmetric':
    case 'text':
      return symmetric(signed, parsed.key);
  }
}

function symmetric({ id, timestamp, body }: Signed, key: Uint8Array): (signature: string) => boolean {
  const expected = `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
  // Compares text, because base64 decoding would accept other spellings of the same bytes.
  return (signature) => sameText(signature, expected);
}

function asymmetric({ id, timestamp, body }: Signed, publicKey: Uint8Array): (signature: string) => boolean {
  const key = publicKeyFrom(publicKey);
  const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), typeof body === 'string' ? Buffer.from(body) : body]);
  return (signature) => {
    const bytes = Buffer.from(signature.slice(4), 'base64');
    return signature === `v1a,${bytes.toString('base64')}` && verifyEd25519(null, content, key, bytes);
  };
}

/** Returns the well-formed signatures. Others belong to schemes that this version does not know. */
function signaturesIn(text: string): string[] {
  const parts = text.length > LONGEST_SIGNATURES ? [] : text.split(' ');
  if (parts.length === 0 || parts.length > MAX_SIGNATURES)
    throw malformed(`webhook-signature has more than ${MAX_SIGNATURES} signatures, or is too long.`);
  const signatures = parts.filter((part) => SIGNATURE.test(part));
  // A comma at the end means that two headers were joined.
  if (signatures.length === 0 || parts.some((part) => part === '' || part.endsWith(','))) {
    throw malformed('webhook-signature must have signatures such as v1,<base64>, separated by single spaces.');
  }
  return signatures;
}

/** Throws also if the tolerance or the clock is NaN. */
function checkTimestamp(seconds: number, { now = Date.now(), toleranceSeconds = DEFAULT_TOLERANCE_SECONDS }: VerifyOptions): void {
  const age = Math.floor(now / 1_000) - seconds;
  if (age < -toleranceSeconds)
    throw new WebhookVerificationError('timestamp_too_new', 'webhook-timestamp is in the future. Check the clock of this machine.');
  if (!(age <= toleranceSeconds))
    throw new WebhookVerificationError(
      'timestamp_too_old',
      'webhook-timestamp is too old: the request was replayed or delayed, or the clock of this machine is wrong.',
    );
}

function required(headers: ReceivedHeaders, name: string, format?: RegExp): string {
  const [value, ...more] = headerValues(headers, name);
  if (more.length > 0) throw malformed(`The request has the header ${name} more than once.`);
  if (value === undefined || value === '') {
    throw new WebhookVerificationError('missing_header', `The header ${name} is missing. Pass all headers of the request, unchanged.`);
  }
  if (typeof value !== 'string' || (format && !format.test(value))) {
    throw malformed(`The header ${name} does not have the form that Standard Webhooks requires.`);
  }
  return value;
}

/** Checks at run time, because callers without types may pass anything. */
function partsOf(received: Partial<ReceivedWebhook> | undefined): { body: string | Uint8Array; headers: ReceivedHeaders } {
  const read = readBody(received?.body);
  if (read.kind === 'unusable') throw new WebhookVerificationError('invalid_body', read.problem);
  return { body: read.body, headers: received?.headers ?? {} };
}

/** Checks at run time, because a secret from the environment may be missing whatever its type says. */
function presentSecret(secret: unknown): string {
  if (typeof secret === 'string' && secret !== '') return secret;
  const wrong =
    secret === undefined || secret === null
      ? 'it is missing'
      : secret === ''
        ? 'it is empty'
        : `it is not text but of type ${typeof secret}`;
  throw invalidSecret(
    `${wrong}. Pass the secret that was returned when the webhook was created, and check the variable or setting that contains it`,
  );
}

function noMatch(message: string, body: string | Uint8Array): WebhookVerificationError {
  const hint =
    body.length === 0
      ? ' The body is empty. Check that no body parser has read it before.'
      : ' Pass the unchanged raw body, and check that the secret belongs to this webhook.';
  return new WebhookVerificationError('no_matching_signature', message + hint);
}

function malformed(message: string): WebhookVerificationError {
  return new WebhookVerificationError('malformed_header', message);
}

function invalidSecret(problem: string): WebhookVerificationError {
  return new WebhookVerificationError('invalid_secret', `The secret cannot verify: ${problem}.`);
}

function sameText(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && timingSafeEqual(first, second);
}
