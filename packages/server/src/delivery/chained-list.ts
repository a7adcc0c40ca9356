/** The links of a list member. A member is in one list at a time. */
export interface Chained<Item> {
  next: Item | null;
  previous: Item | null;
}

/**
 * A FIFO queue from which any member can be removed, all in O(1). Not a Map or Set: one with such turnover copies its
 * table again and again, and old tables keep later members alive until a full garbage collection.
 */
export class ChainedList<Item extends Chained<Item>> {
  #oldest: Item | null = null;
  #newest: Item | null = null;

  get oldest(): Item | null {
    return this.#oldest;
  }

  append(item: Item): void {
    item.next = null;
    item.previous = this.#newest;
    if (this.#newest === null) this.#oldest = item;
    else this.#newest.next = item;
    this.#newest = item;
  }

  remove(item: Item): void {
    const { next, previous } = item;
    if (previous === null) this.#oldest = next;
    else previous.next = next;
    if (next === null) this.#newest = previous;
    else next.previous = previous;
    item.next = null;
    item.previous = null;
  }

  /** Removes and returns the oldest member. */
  shift(): Item | null {
    const item = this.#oldest;
    if (item !== null) this.remove(item);
    return item;
  }

  /** Moves all members into `target`, in order. */
  emptyInto(target: Item[]): void {
    for (let item = this.shift(); item !== null; item = this.shift()) target.push(item);
  }
}
