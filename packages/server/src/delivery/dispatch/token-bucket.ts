/** Unused time that may be caught up at once: enough for timers that come late, too little for an endpoint to feel. */
const BURST_MS = 100;
/** Tokens come in floating point: without it, a bucket may lack a trillionth of a token at the very time it named. */
const EPSILON = 1e-9;

/** A rate limit: so many tokens a second, each lets one delivery start. In any second at most 1.1 times the rate (and one) start. */
export class TokenBucket {
  #perSecond: number;
  // One and not the burst, so that forgetting a bucket and starting another gives nothing away.
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

  /** When the next token is there, in whole milliseconds from now: a fraction would be lost next to the milliseconds since the epoch. */
  readyAt(now: number): number {
    this.#refill(now);
    return this.#tokens >= 1 ? now : now + Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond);
  }

  #refill(now: number): void {
    if (this.#at === null) this.#at = now;
    // A clock that was set back adds nothing and must not stop the bucket either.
    const elapsed = Math.max(0, now - this.#at);
    this.#at = now;
    const burst = Math.max(1, (this.#perSecond * BURST_MS) / 1000);
    this.#tokens = Math.min(burst, this.#tokens + (elapsed * this.#perSecond) / 1000);
  }
}
