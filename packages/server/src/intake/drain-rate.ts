const WINDOW_MS = 200;
/** Minimum length of a window in which nothing has left: a queue drains in bursts, one statement at a time. */
const EMPTY_WINDOW_MS = 1_000;
/** The weight of the newest window in the moving average. */
const WEIGHT = 0.5;

/** Measures the rate at which a queue drains while requests wait in it. */
export class DrainRate {
  readonly #now: () => number;
  #bytesPerMs: number | null = null;
  #windowStart = 0;
  #windowBytes = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Starts a window: the first request begins to wait. */
  begin(): void {
    this.#windowStart = this.#now();
    this.#windowBytes = 0;
  }

  /** Records that bytes have left the queue while requests waited. */
  passed(bytes: number): void {
    this.#windowBytes += bytes;
    const elapsed = this.#now() - this.#windowStart;
    if (elapsed < (this.#windowBytes > 0 ? WINDOW_MS : EMPTY_WINDOW_MS)) return;
    const rate = this.#windowBytes / elapsed;
    this.#bytesPerMs = this.#bytesPerMs === null ? rate : this.#bytesPerMs + WEIGHT * (rate - this.#bytesPerMs);
    this.begin();
  }

  /** Returns the time that these bytes need to drain, or 0 before the first measurement. */
  msFor(bytes: number): number {
    return this.#bytesPerMs === null ? 0 : bytes / this.#bytesPerMs;
  }
}
