/** A cancelled delivery without a row. Its event is in memory, or will be read from the log. */
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

  /** Usually there are none. The check avoids a Map lookup, for which V8 interns each new string. */
  has(deliveryId: string): boolean {
    return this.#byId.size > 0 && this.#byId.has(deliveryId);
  }

  /** Drops cancellations of events that can't be in memory or read any more. `lowWaterOf`: null if not owned. */
  sweep(lowWaterOf: (shard: number) => number | null): void {
    for (const { deliveryId, shard, xid } of this.#byId.values()) {
      const lowWater = lowWaterOf(shard);
      if (lowWater === null || lowWater > xid) this.#byId.delete(deliveryId);
    }
  }
}
