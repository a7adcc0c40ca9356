const KEPT_MS = 600_000;

/** Deliveries that a person cancelled while they may be in memory; kept until the job turns up. */
export class Cancellations {
  readonly #ids = new Set<string>();

  add(deliveryId: string): void {
    this.#ids.add(deliveryId);
    setTimeout(() => this.#ids.delete(deliveryId), KEPT_MS).unref();
  }

  /** Whether it was cancelled. None mostly is: a Set that is asked for a new string has it copied to the table of strings first. */
  take(deliveryId: string): boolean {
    return this.#ids.size > 0 && this.#ids.delete(deliveryId);
  }
}
