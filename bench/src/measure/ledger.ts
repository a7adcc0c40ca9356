/** What the load generator knows of an event; `excluded`: nothing is expected of it. */
export const OUTCOME = { unsent: 0, sent: 1, accepted: 2, refused: 3, excluded: 4 } as const;

export interface Account {
  readonly accepted: number;
  /** Sent, but the connection broke before the answer: they may or may not be delivered. */
  readonly unanswered: number;
  /** Deliveries of accepted events that never arrived. */
  readonly lost: number;
  /** Deliveries that arrived more than once: how often, beyond the first. */
  readonly repeats: number;
  /** Deliveries of events that were refused. */
  readonly unexpected: number;
}

/** Holds what was accepted against what arrived. `arrivals[sequence * fanOut + slot]` counts the arrivals of one delivery. */
export function settleAccount(outcomes: Uint8Array, arrivals: Uint8Array, fanOut: number): Account {
  let accepted = 0;
  let unanswered = 0;
  let lost = 0;
  let repeats = 0;
  let unexpected = 0;
  for (let sequence = 0; sequence < outcomes.length; sequence++) {
    const outcome = outcomes[sequence];
    if (outcome === OUTCOME.accepted) accepted++;
    if (outcome === OUTCOME.sent) unanswered++;
    for (let slot = 0; slot < fanOut; slot++) {
      const arrived = arrivals[sequence * fanOut + slot] ?? 0;
      if (arrived > 1) repeats += arrived - 1;
      if (arrived === 0 && outcome === OUTCOME.accepted) lost++;
      if (arrived > 0 && (outcome === OUTCOME.refused || outcome === OUTCOME.unsent)) unexpected++;
    }
  }
  return { accepted, unanswered, lost, repeats, unexpected };
}

/** Counters by index that grow as needed. */
export class ByteLedger {
  #bytes = new Uint8Array(1 << 20);
  #length = 0;

  get(index: number): number {
    return this.#bytes[index] ?? 0;
  }

  set(index: number, value: number): void {
    if (index >= this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, index + 1));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[index] = value;
    if (index >= this.#length) this.#length = index + 1;
  }

  clear(): void {
    this.#bytes.fill(0, 0, this.#length);
    this.#length = 0;
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
