/** Unused time that may be caught up at once: enough for late timers, too little for an endpoint to notice. */
const BURST_MS = 100;
/** Tolerance for rounding: without it, a bucket may lack a trillionth of a token at the time it announced. */
const EPSILON = 1e-9;

/** A rate limit: each token lets one delivery start. In any second, at most 1.1 times the rate plus one start. */
export class TokenBucket {
  #perSecond: number;
  // Starts with one token instead of a burst, so that recreating a bucket gains nothing.
  #tokens = 1;
  #at: number | null = null;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  set perSecond(value: number) {
    this.#perSecond = value;
  }

  /** Takes a token, if there is one. */
  take(now: number): boolean {
    this.#refill(now);
    if (this.#tokens < 1 - EPSILON) return false;
    this.#tokens -= 1;
    return true;
  }

  /** When the next token is available, rounded up to whole milliseconds: a fraction would get lost in a timestamp. */
  readyAt(now: number): number {
    this.#refill(now);
    return this.#tokens >= 1 ? now : now + Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond);
  }

  #refill(now: number): void {
    if (this.#at === null) this.#at = now;
    // A clock that was set back adds nothing, but must not stop the bucket.
    const elapsed = Math.max(0, now - this.#at);
    this.#at = now;
    const burst = Math.max(1, (this.#perSecond * BURST_MS) / 1000);
    this.#tokens = Math.min(burst, this.#tokens + (elapsed * this.#perSecond) / 1000);
  }
}
