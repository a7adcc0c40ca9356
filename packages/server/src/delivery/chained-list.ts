/** What a list links its members by; a member is in one list at a time. */
export interface Chained<Item> {
  next: Item | null;
  previous: Item | null;
}

/**
 * First in, first out, and any member may leave early, all O(1). Not a Map or a Set: one that much comes and goes in is
 * copied to a new table every so often, and each table that has grown old keeps alive all that the later ones ever held,
 * until the next full garbage collection.
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

  /** Takes the oldest out. */
  shift(): Item | null {
    const item = this.#oldest;
    if (item !== null) this.remove(item);
    return item;
  }

  /** Moves everything into `target`, in order. */
  emptyInto(target: Item[]): void {
    for (let item = this.shift(); item !== null; item = this.shift()) target.push(item);
  }
}
