import { createHmac, timingSafeEqual, verify as verifyEd25519 } from 'node:crypto';
import { publicKeyFrom } from './ed25519-keys.ts';
import type { SignatureScheme } from './product.ts';
import { readBody, type ReceivedBody } from './received-body.ts';
import { headerValues, type ReceivedHeaders } from './received-headers.ts';
import { parseSecret } from './secrets.ts';

export type { ReceivedBody } from './received-body.ts';
export type { ReceivedHeaders } from './received-headers.ts';

/**
 * Why a request is not to be trusted. Two are faults of the receiver: `invalid_secret`, its own secret is missing or unusable;
 * `invalid_body`, what it passes is not the raw body.
 */
export type VerificationCode =
  | 'invalid_body'
  | 'missing_header'
  | 'malformed_header'
  | 'timestamp_too_old'
  | 'timestamp_too_new'
  | 'no_matching_signature'
  | 'invalid_secret';

/** The request was not signed with this secret, or not now. Answer 400 and do nothing with it. */
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
  /** The raw bytes: parsed and printed again they are no longer what was signed. */
  readonly body: ReceivedBody;
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

/** No full stop: it separates the id from the timestamp in what is signed. */
const ID = /^[\x21-\x2d\x2f-\x7e]{1,256}$/;
const TIMESTAMP = /^(?:0|[1-9]\d{0,11})$/;
/** A version and base64, of v1, v1a or a version yet to come. */
const SIGNATURE = /^v\d{1,3}[a-z]?,[A-Za-z0-9+/]+={0,2}$/;
const LONGEST_SIGNATURES = MAX_SIGNATURES * 1_100;

/**
 * Checks the Standard Webhooks signature of a request (https://www.standardwebhooks.com): v1 with a `whsec_…` secret or
 * any other text, v1a with a `whpk_…` public key. Signatures of other schemes beside them are skipped. Comparison takes the same
 * time wherever signatures differ. Every failure is a WebhookVerificationError, whose message says what to do.
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
  /** With its query string as it came: whole, or from the path on. */
  readonly url: string | URL;
  readonly headers: ReceivedHeaders;
}

/**
 * Checks the Standard Webhooks signature of a GET request, which covers its whole query string, byte for byte as it came.
 * Every failure is a WebhookVerificationError.
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
 * Checks a legacy HMAC header, such as `X-RevOps-Content-Hmac`, over the raw body; for GET over the query string that
 * was added to the webhook's URL. Throws WebhookVerificationError.
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
    'The URL has no query string. Pass the URL as it came: in Express `request.originalUrl`, in Fastify and with fetch `request.url`.',
  );
}

interface Signed {
  readonly id: string;
  readonly timestamp: string;
  readonly body: string | Uint8Array;
}

/** An empty or broken secret would be a key that everybody knows, so it verifies nothing. */
function matcherFor(signed: Signed, secret: string): (signature: string) => boolean {
  const parsed = parseSecret(presentSecret(secret));
  switch (parsed.kind) {
    case 'malformed':
      throw invalidSecret(parsed.problem);
    case 'private':
      throw invalidSecret('is a signing key (whsk_); receivers have its public key (whpk_)');
    case 'public':
      return asymmetric(signed, parsed.key);
    case 'symmetric':
    case 'text':
      return symmetric(signed, parsed.key);
  }
}

function symmetric({ id, timestamp, body }: Signed, key: Uint8Array): (signature: string) => boolean {
  const expected = `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
  // As text: base64 decoding would take other spellings of the same bytes.
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

/** The signatures that look like ones. Others belong to schemes that this version does not know. */
function signaturesIn(text: string): string[] {
  const parts = text.length > LONGEST_SIGNATURES ? [] : text.split(' ');
  if (parts.length === 0 || parts.length > MAX_SIGNATURES) throw malformed('webhook-signature holds too many signatures.');
  const signatures = parts.filter((part) => SIGNATURE.test(part));
  // A comma at the end: the header came twice, and was joined.
  if (signatures.length === 0 || parts.some((part) => part === '' || part.endsWith(','))) {
    throw malformed('webhook-signature must hold signatures such as v1,<base64>, separated by single spaces.');
  }
  return signatures;
}

/** Written so that a tolerance or clock that is not a number accepts nothing. */
function checkTimestamp(seconds: number, { now = Date.now(), toleranceSeconds = DEFAULT_TOLERANCE_SECONDS }: VerifyOptions): void {
  const age = Math.floor(now / 1_000) - seconds;
  if (age < -toleranceSeconds) throw new WebhookVerificationError('timestamp_too_new', 'webhook-timestamp lies in the future.');
  if (!(age <= toleranceSeconds)) throw new WebhookVerificationError('timestamp_too_old', 'webhook-timestamp lies too far back.');
}

function required(headers: ReceivedHeaders, name: string, format?: RegExp): string {
  const [value, ...more] = headerValues(headers, name);
  if (more.length > 0) throw malformed(`The header ${name} stands more than once.`);
  if (value === undefined || value === '') {
    throw new WebhookVerificationError('missing_header', `The header ${name} is missing. Pass all headers of the request as they came.`);
  }
  if (typeof value !== 'string' || (format && !format.test(value))) {
    throw malformed(`The header ${name} does not have the form that Standard Webhooks gives it.`);
  }
  return value;
}

/** Callers without types, or with a framework's, pass whatever they have. */
function partsOf(received: Partial<ReceivedWebhook> | undefined): { body: string | Uint8Array; headers: ReceivedHeaders } {
  const read = readBody(received?.body);
  if (read.kind === 'unusable') throw new WebhookVerificationError('invalid_body', read.problem);
  return { body: read.body, headers: received?.headers ?? {} };
}

/** Secrets often come from an environment, where they may be missing whatever the types say. */
function presentSecret(secret: unknown): string {
  if (typeof secret === 'string' && secret !== '') return secret;
  const wrong =
    secret === undefined || secret === null
      ? 'it is missing'
      : secret === ''
        ? 'it is empty'
        : `it is not text but of type ${typeof secret}`;
  throw invalidSecret(`${wrong}; pass the secret that the webhook’s creation returned, and check the variable or setting that holds it`);
}

function noMatch(message: string, body: string | Uint8Array): WebhookVerificationError {
  const hint =
    body.length === 0
      ? ' The body is empty: check that no body parser has read it before.'
      : ' Check that the body is passed byte for byte as it came, and that the secret is the one of this webhook.';
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
