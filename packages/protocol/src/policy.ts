import { isoTime } from './iso-time.ts';
import type { DeliveryPolicy, Envelope, ProductDefinition, RetryPlan, SignatureScheme } from './product.ts';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);
const DURATION = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d)$/;

/** Parses a duration such as `500ms`, `30s`, `5m`, `1.5h` or `2d` to whole milliseconds. Throws RangeError. */
export function duration(text: string): number {
  const [, amount = '', unit = ''] = DURATION.exec(text) ?? [];
  const milliseconds = Math.round(Number(amount) * (UNITS.get(unit) ?? Number.NaN));
  if (!Number.isSafeInteger(milliseconds)) throw new RangeError(`"${text}" is not a duration such as 500ms, 30s, 5m, 1h or 2d.`);
  return milliseconds;
}

/** Retries at a fixed interval. `every('1h', 5)`: five retries, an hour apart, 6 attempts in all. Throws RangeError. */
export function every(delay: string, retries: number, jitter = 0): RetryPlan {
  return { kind: 'fixed', delayMs: duration(delay), retries: count(retries), jitter: part(jitter) };
}

/** Retries once after each of the waits. Throws RangeError. */
export function delays(waits: readonly string[], jitter = 0): RetryPlan {
  if (waits.length === 0) throw new RangeError('delays() needs at least one wait. Use NO_RETRY for no retries.');
  return { kind: 'list', delaysMs: waits.map(duration), jitter: part(jitter) };
}

/** Options of `exponential`. */
export interface ExponentialWaits {
  /** The wait before the first retry, such as `'5s'`. */
  readonly first: string;
  /** Each wait is the previous one times this. Default: 2. */
  readonly factor?: number;
  /** The longest wait, such as `'12h'`. */
  readonly max: string;
  readonly retries: number;
  /** The fraction of a wait by which it varies up or down, 0 to 1. Default: 0.1. */
  readonly jitter?: number;
}

/** Retries after growing waits: `{ first: '5s', max: '1h', retries: 8 }` after 5 s, 10 s, 20 s … Throws RangeError. */
export function exponential({ first, factor = 2, max, retries, jitter = 0.1 }: ExponentialWaits): RetryPlan {
  if (!(factor >= 1 && factor <= 100)) throw new RangeError('factor must be between 1 and 100.');
  return {
    kind: 'exponential',
    firstMs: duration(first),
    factor,
    maxMs: duration(max),
    retries: count(retries),
    jitter: part(jitter),
  };
}

/** No retries: one attempt. Deliveries can be redelivered by hand. */
export const NO_RETRY: RetryPlan = { kind: 'none' };

/** The Standard Webhooks signature. */
export function standardWebhooks(): SignatureScheme {
  return { kind: 'standard-webhooks' };
}

/** A header name (RFC 9110, section 5.1). */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** An HMAC in a header of the product's own. Throws RangeError if the header cannot be used. */
export function hmacSignature(scheme: Omit<SignatureScheme & { kind: 'hmac' }, 'kind'>): SignatureScheme {
  if (!HEADER_NAME.test(scheme.header)) throw new RangeError(`"${scheme.header}" is not a valid header name.`);
  if (scheme.header.toLowerCase().startsWith('webhook-'))
    throw new RangeError(`The header ${scheme.header} is reserved for Standard Webhooks. Choose another name.`);
  return { kind: 'hmac', ...scheme };
}

/** The default policy of a product: Standard Webhooks, https, ten attempts over three days. */
export const DEFAULT_POLICY: DeliveryPolicy = {
  methods: ['POST'],
  contentTypes: ['application/json'],
  url: 'https',
  success: { status: '2xx', bodyContains: null },
  timeoutMs: duration('20s'),
  retry: delays(['5s', '5m', '30m', '2h', '5h', '10h', '14h', '20h', '24h'], 0.1),
  whenExhausted: 'nothing',
  disableAfterMs: duration('5d'),
  signatures: [standardWebhooks()],
  secret: 'generated',
  headers: {},
  formParameter: 'payload',
  ordered: false,
};

/** Returns a product's policy with all defaults filled in. */
export function resolvePolicy(definition: Pick<ProductDefinition, 'delivery'>): DeliveryPolicy {
  return { ...DEFAULT_POLICY, ...definition.delivery };
}

/** The Standard Webhooks envelope. */
export const defaultEnvelope: Envelope = ({ type, time, data }) => ({ type, timestamp: isoTime(time.getTime()), data });

function count(retries: number): number {
  if (Number.isInteger(retries) && retries >= 0) return retries;
  throw new RangeError(`retries must be a whole number of 0 or more, not ${retries}.`);
}

function part(jitter: number): number {
  if (jitter >= 0 && jitter <= 1) return jitter;
  throw new RangeError(`jitter must be between 0 and 1, not ${jitter}.`);
}
