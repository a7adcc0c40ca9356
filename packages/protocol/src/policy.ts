import type { DeliveryPolicy, Envelope, ProductDefinition, RetryPlan, SignatureScheme } from './product.ts';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** Milliseconds of a duration as people write it: `500ms`, `30s`, `5m`, `1h`, `2d`. Throws on anything else. */
export function duration(text: string): number {
  const [, amount, unit] = DURATION.exec(text) ?? [];
  if (amount === undefined || unit === undefined || !(unit in UNITS)) {
    throw new RangeError(`"${text}" is not a duration such as 500ms, 30s, 5m, 1h or 2d.`);
  }
  return Number(amount) * UNITS[unit as keyof typeof UNITS];
}

/** Retries at even distances. `every('1h', 5)`: five, an hour apart, 6 attempts in all. */
export function every(delay: string, retries: number): RetryPlan {
  return { kind: 'fixed', delayMs: duration(delay), retries, jitter: 0 };
}

/** Retries after the waits given. */
export function delays(waits: readonly string[], jitter = 0): RetryPlan {
  return { kind: 'list', delaysMs: waits.map(duration), jitter };
}

/** No retry: one attempt, redelivery by hand. */
export const NO_RETRY: RetryPlan = { kind: 'none' };

/** The Standard Webhooks signature. */
export function standardWebhooks(): SignatureScheme {
  return { kind: 'standard-webhooks' };
}

/** An HMAC in a header of the product's own. */
export function hmacSignature(scheme: Omit<SignatureScheme & { kind: 'hmac' }, 'kind'>): SignatureScheme {
  return { kind: 'hmac', ...scheme };
}

/** The policy of a product that says nothing: Standard Webhooks, https, ten attempts over three days. */
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

/** A product's policy with everything it leaves open filled in. */
export function resolvePolicy(definition: Pick<ProductDefinition, 'delivery'>): DeliveryPolicy {
  return { ...DEFAULT_POLICY, ...definition.delivery };
}

/** The Standard Webhooks envelope. */
export const defaultEnvelope: Envelope = ({ type, time, data }) => ({ type, timestamp: time.toISOString(), data });
