/** Names a lane: the queue of one webhook. */
export interface LaneKey {
  readonly organizationKey: number;
  readonly webhookId: string;
}

export interface LaneSettings {
  /** Deliveries a second; null: no limit. The latest offer's value holds. */
  readonly rateLimit: number | null;
  /** Where the webhook's deliveries are sent. If the origin changes, what was learned of the old endpoint no longer counts. */
  readonly url?: string;
}

/** A probe is the one job that is let through an open breaker; with a closed breaker it is a retry. */
export type JobKind = 'fresh' | 'retry' | 'probe';

export interface OfferOptions {
  readonly kind: JobKind;
  /** Jobs of a webhook with the same order key run one after the other, as offered. null: in no order. */
  readonly orderKey: string | null;
}

/**
 * `full`: the webhook's queue has no room, the caller spills the job to the database. `open`: the breaker is open (for a
 * probe: another one is under way), the caller parks it. Of an ordered webhook's refused job, the later ones of its key
 * must not be offered before it.
 */
export type OfferResult = 'queued' | 'full' | 'open';

/** How an exchange ended. */
export interface Outcome {
  /** `overload` (timeout, 429, 503) is a failure that also halves the webhook's window. */
  readonly kind: 'success' | 'failure' | 'overload';
  readonly durationMs: number;
  /** For an overload: how long the endpoint asked to be left alone (`Retry-After`), in milliseconds; null: it did not ask. */
  readonly retryAfterMs: number | null;
  /** The delivery is settled for good; false: it waits for a retry, and what is queued behind it in its order goes back to the caller. */
  readonly final: boolean;
}

/** What follows from an exchange's end. */
export interface Released<Job> {
  /** Jobs, as offered, that the caller must park: the breaker just opened, or their order key's head now waits for a retry. */
  readonly evicted: readonly Job[];
  /** The breaker just closed: parked jobs may be offered again. */
  readonly recovered: boolean;
}
