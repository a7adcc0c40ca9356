/** What a list of started exchanges links its members by. */
export interface Chained<Item> {
  next: Item | null;
  previous: Item | null;
}

/** Exchanges in the order they were started; any may end first. */
export class StartedList<Item extends Chained<Item>> {
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
}
