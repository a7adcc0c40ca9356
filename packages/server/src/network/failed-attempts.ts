import { PosthornError } from '@posthorn/protocol';
import { LRUCache } from 'lru-cache';
import { RateLimiter, sourceName, type Rate } from './rate-limiter.ts';

export interface FailedAttemptsOptions {
  readonly log: { warn(details: object, message: string): void };
  readonly now: () => number;
  readonly rate?: Rate;
}

const RATE: Rate = { perSecond: 1, burst: 60 };
const LOGGED_EVERY_MS = 60_000;
const MAX_ADDRESSES = 10_000;

/**
 * Counts failed authentications per address. Above the limit, failures get 429. A valid key is never refused, so that
 * clients that share an address or proxy with an attacker are not locked out.
 */
export class FailedAttempts {
  readonly #options: FailedAttemptsOptions;
  readonly #limiter: RateLimiter;
  readonly #loggedAt = new LRUCache<string, number>({ max: MAX_ADDRESSES });

  constructor(options: FailedAttemptsOptions) {
    this.#options = options;
    this.#limiter = new RateLimiter(options.rate ?? RATE);
  }

  /** Returns the error for a failed attempt: `refusal`, or `rate_limited` above the limit. */
  count(ip: string, refusal: PosthornError): PosthornError {
    const now = this.#options.now();
    const address = sourceName(ip);
    const waitMs = this.#limiter.take(address, now);
    if (waitMs === 0) return refusal;
    this.#log(address, now);
    return new PosthornError('rate_limited', 'Too many failed authentications from your address. A valid key is still accepted.', {
      retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1_000)),
    });
  }

  #log(address: string, now: number): void {
    const loggedAt = this.#loggedAt.get(address);
    if (loggedAt !== undefined && now - loggedAt < LOGGED_EVERY_MS) return;
    this.#loggedAt.set(address, now);
    this.#options.log.warn({ address }, 'Too many failed authentications from one address; further failures get 429');
  }
}
