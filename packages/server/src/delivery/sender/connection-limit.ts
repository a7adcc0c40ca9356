/** A pool that waits for room. */
export interface Waiting {
  /** Called when there may be room again. */
  serveWaiting(): void;
}

/** Limits a sender's connections over all origins. At the limit, an idle connection of another origin is closed. */
export class ConnectionLimit {
  readonly #max: number;
  /** Closes an idle connection of any origin. Returns false if there is none. */
  readonly #closeIdle: () => boolean;
  readonly #refused = new Set<Waiting>();
  #open = 0;

  constructor(options: { readonly max: number; readonly closeIdle: () => boolean }) {
    this.#max = options.max;
    this.#closeIdle = options.closeIdle;
  }

  get open(): number {
    return this.#open;
  }

  /**
   * Reserves room for one connection. If there is none, `serveWaiting` of the pool is called when there may be some.
   */
  take(pool: Waiting): boolean {
    if (this.#open >= this.#max && this.#refused.size === 0) this.#closeIdle();
    if (this.#open >= this.#max) {
      this.#refused.add(pool);
      return false;
    }
    this.#open++;
    return true;
  }

  give(): void {
    this.#open--;
    this.#tellNext();
  }

  /** A connection became idle, so it may make room for others. */
  idle(): void {
    if (this.#refused.size > 0) this.#closeIdle();
  }

  #tellNext(): void {
    for (const pool of this.#refused) {
      this.#refused.delete(pool);
      pool.serveWaiting();
      if (this.#open >= this.#max) return;
    }
  }
}
