/** A cancelled delivery that had no row: its event may be in memory, or may yet be read from the log. */
export interface Cancellation {
  readonly deliveryId: string;
  readonly shard: number;
  /** The transaction that stored its event. */
  readonly xid: number;
}

/** Deliveries that were cancelled before anything of them was recorded. */
export class Cancellations {
  readonly #byId = new Map<string, Cancellation>();

  add(cancellation: Cancellation): void {
    this.#byId.set(cancellation.deliveryId, cancellation);
  }

  /** There mostly are none: a Map that is asked for a new string has it copied to the table of strings first. */
  has(deliveryId: string): boolean {
    return this.#byId.size > 0 && this.#byId.has(deliveryId);
  }

  /** Forgets those of which nothing can be in memory or read any more; `lowWaterOf` returns null for a shard that is not owned. */
  sweep(lowWaterOf: (shard: number) => number | null): void {
    for (const { deliveryId, shard, xid } of this.#byId.values()) {
      const lowWater = lowWaterOf(shard);
      if (lowWater === null || lowWater > xid) this.#byId.delete(deliveryId);
    }
  }
}
