interface Count {
  items: number;
  weight: number;
}

/** The part of the limits up to which a flow counts towards the total: it takes eight busy flows to fill the queue. */
const PART = 1 / 8;

/** Counts queued items by flow (an organization). A flow's own items, or those of many flows, can fill the queue. */
export class FlowCounts {
  readonly #maxItems: number;
  readonly #maxWeight: number;
  readonly #flows = new Map<number, Count>();
  #items = 0;
  #countedItems = 0;
  #countedWeight = 0;

  constructor({ maxItems, maxWeight }: { maxItems: number; maxWeight: number }) {
    this.#maxItems = maxItems;
    this.#maxWeight = maxWeight;
  }

  add(flow: number, weight: number): void {
    let count = this.#flows.get(flow);
    if (!count) this.#flows.set(flow, (count = { items: 0, weight: 0 }));
    this.#change(count, 1, weight);
  }

  remove(flow: number, weight: number): void {
    const count = this.#flows.get(flow);
    if (count) this.#change(count, -1, -weight);
    // Cleared at once, because flows come and go thousands of times a second.
    if (this.#items === 0) this.#flows.clear();
  }

  /** null: the flow of the next item is unknown. */
  isFull(flow: number | null): boolean {
    if (this.#countedItems >= this.#maxItems || this.#countedWeight >= this.#maxWeight) return true;
    const count = flow === null ? undefined : this.#flows.get(flow);
    return count !== undefined && (count.items >= this.#maxItems || count.weight >= this.#maxWeight);
  }

  #change(count: Count, items: number, weight: number): void {
    this.#items += items;
    this.#countedItems -= Math.min(count.items, this.#maxItems * PART);
    this.#countedWeight -= Math.min(count.weight, this.#maxWeight * PART);
    count.items += items;
    count.weight += weight;
    this.#countedItems += Math.min(count.items, this.#maxItems * PART);
    this.#countedWeight += Math.min(count.weight, this.#maxWeight * PART);
  }
}
