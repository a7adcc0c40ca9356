/** Whoever waits for room. */
export interface Waiting {
  /** There may be room again. */
  serveWaiting(): void;
}

/** How many connections a sender has open over all origins. At the limit an idle one of another origin makes room. */
export class ConnectionLimit {
  readonly #max: number;
  /** Closes an idle connection somewhere; false when none is idle. */
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

  /** Takes room for one connection. A pool that gets none is told (`serveWaiting`) when there is room again. */
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

  /** A connection has become idle, which may make room for others. */
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
