const WINDOW_MS = 200;
/** A queue drains in bursts, a statement at a time: a window in which nothing has left yet is not closed sooner. */
const EMPTY_WINDOW_MS = 1_000;
/** What the newest window counts against those before. */
const WEIGHT = 0.5;

/** The rate at which a queue drains while something waits in it. */
export class DrainRate {
  readonly #now: () => number;
  #bytesPerMs: number | null = null;
  #windowStart = 0;
  #windowBytes = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Something begins to wait. */
  begin(): void {
    this.#windowStart = this.#now();
    this.#windowBytes = 0;
  }

  /** So many bytes have left the queue while something waited. */
  passed(bytes: number): void {
    this.#windowBytes += bytes;
    const elapsed = this.#now() - this.#windowStart;
    if (elapsed < (this.#windowBytes > 0 ? WINDOW_MS : EMPTY_WINDOW_MS)) return;
    const rate = this.#windowBytes / elapsed;
    this.#bytesPerMs = this.#bytesPerMs === null ? rate : this.#bytesPerMs + WEIGHT * (rate - this.#bytesPerMs);
    this.begin();
  }

  /** How long so many bytes take; 0 as long as nothing is known. */
  msFor(bytes: number): number {
    return this.#bytesPerMs === null ? 0 : bytes / this.#bytesPerMs;
  }
}
