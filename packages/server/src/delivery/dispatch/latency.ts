const WEIGHT = 0.2;
/**
 * A sample counts for at most this many times the limit, so that about eight fast responses make a webhook fast again
 * after a 30 s timeout.
 */
const MAX_SAMPLE = 4;
/** A slow webhook is fast again only when its mean is clearly below the limit. */
const FAST_AGAIN = 0.8;

/** A webhook's recent latency: an exponentially weighted mean, and whether that is slow. */
export class Latency {
  readonly #slowAfterMs: number;
  #meanMs = -1;
  #isSlow = false;

  constructor(slowAfterMs: number) {
    this.#slowAfterMs = slowAfterMs;
  }

  get isSlow(): boolean {
    return this.#isSlow;
  }

  observe(durationMs: number): void {
    const sample = Math.min(durationMs, this.#slowAfterMs * MAX_SAMPLE);
    this.#meanMs = this.#meanMs < 0 ? sample : this.#meanMs + WEIGHT * (sample - this.#meanMs);
    this.#isSlow = this.#meanMs > this.#slowAfterMs * (this.#isSlow ? FAST_AGAIN : 1);
  }
}
