/**
 * Limits a webhook's exchanges in flight by additive increase and multiplicative decrease, as TCP does (RFC 5681). It
 * doubles per round trip until the first overload, so a fast webhook reaches the maximum within 120 responses; then it
 * grows by one per round trip.
 */
export class Window {
  readonly #max: number;
  #size: number;
  #threshold: number;
  #cutAt = Number.NEGATIVE_INFINITY;

  constructor(start: number, max: number) {
    this.#max = Math.max(1, max);
    this.#size = Math.min(this.#max, Math.max(1, start));
    this.#threshold = this.#max;
  }

  get size(): number {
    return Math.floor(this.#size);
  }

  /** An exchange succeeded while `inFlight` exchanges, including itself, were under way. */
  succeeded(inFlight: number): void {
    // A window that is not used says nothing about what the endpoint can handle (RFC 7661).
    if (inFlight * 2 < this.#size || this.#size >= this.#max) return;
    this.#size = Math.min(this.#max, this.#size + (this.#size < this.#threshold ? 1 : 1 / this.#size));
  }

  /** An exchange that began at `startedAt` showed that the endpoint is overloaded. */
  overloaded(startedAt: number, now: number): void {
    // Exchanges under way at the last cut report the same overload.
    if (startedAt < this.#cutAt) return;
    this.#cutAt = now;
    this.#size = Math.max(1, this.#size / 2);
    this.#threshold = this.#size;
  }

  /** After an outage: starts from one and doubles up to `start`. */
  restart(start: number): void {
    this.#size = 1;
    this.#threshold = Math.min(start, this.#max);
  }
}
