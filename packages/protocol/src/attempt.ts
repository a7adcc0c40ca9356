/** Why an attempt failed. The codes appear in the API, the portal and the documentation. */
export const FAILURE_CODES = [
  'dns',
  'connect_refused',
  'connect_timeout',
  'tls_expired',
  'tls_self_signed',
  'tls_wrong_host',
  'tls_error',
  'timeout',
  'reset',
  'blocked_address',
  'response_too_large',
  'bad_response',
  'status',
  'body_mismatch',
  'not_sent',
] as const;

export type FailureCode = (typeof FAILURE_CODES)[number];

/** A failure: its code, and a sentence for people. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
}

/** Header lines in the order in which they were sent or received, repeated names included. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface AttemptRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: HeaderList;
  readonly body: string;
}

export interface AttemptResponse {
  readonly status: number;
  readonly headers: HeaderList;
  /** At most 16 KiB, decoded as UTF-8. */
  readonly body: string;
  /** Whether the response has more, received or announced, than `body`. */
  readonly truncated: boolean;
}

/** One HTTP request of a delivery, and its response. */
export interface Attempt {
  readonly id: string;
  /** Counted from 1. */
  readonly number: number;
  /** When it started, ISO 8601. */
  readonly at: string;
  readonly durationMs: number;
  readonly request: AttemptRequest;
  readonly response: AttemptResponse | null;
  readonly failure: Failure | null;
  /** When the next attempt follows, ISO 8601; null if none does. */
  readonly nextAttemptAt: string | null;
}

export const DELIVERY_STATUSES = ['pending', 'retrying', 'delivered', 'failed', 'held', 'cancelled'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

export const WEBHOOK_STATUSES = ['active', 'paused', 'failed'] as const;
export type WebhookStatus = (typeof WEBHOOK_STATUSES)[number];
