/** Identifies a lane: the queue of one webhook. */
export interface LaneKey {
  readonly organizationKey: number;
  readonly webhookId: string;
}

export interface LaneSettings {
  /** Deliveries per second; null: no limit. The latest offer sets it. */
  readonly rateLimit: number | null;
  /**
   * Where the webhook's deliveries are sent. If the origin changes, what was learned about the old endpoint is reset.
   */
  readonly url?: string;
}

/** A probe is the one job that an open breaker lets through; with a closed breaker it is a retry. */
export type JobKind = 'fresh' | 'retry' | 'probe';

export interface OfferOptions {
  readonly kind: JobKind;
  /**
   * Jobs of a webhook with the same order key run one after another, in the order of their offers. null: not ordered.
   */
  readonly orderKey: string | null;
}

/**
 * `full`: the webhook's queue is full. `open`: the breaker is open, or another probe is under way. The caller spills
 * the job. Later jobs of its order key must not be offered before it.
 */
export type OfferResult = 'queued' | 'full' | 'open';

/** How an exchange ended. */
export interface Outcome {
  /** `overload` (timeout, 429, 503) is a failure that also halves the webhook's window. */
  readonly kind: 'success' | 'failure' | 'overload';
  readonly durationMs: number;
  /** The pause that an overloaded endpoint asked for (`Retry-After`), in milliseconds; null: none. */
  readonly retryAfterMs: number | null;
  /**
   * Whether the delivery is settled. If false, it waits for a retry, and the jobs behind it in its order are evicted.
   */
  readonly final: boolean;
}

/** The consequences of an exchange's end. */
export interface Released<Job> {
  /** Jobs that the caller must spill, in the order of their offers: the breaker opened, or their order's head waits. */
  readonly evicted: readonly Job[];
  /** The breaker closed: spilled jobs may be offered again. */
  readonly recovered: boolean;
}
