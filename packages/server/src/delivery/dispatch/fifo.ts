/** What a queue links its members by; a member is in one queue at a time. */
export interface Linked<Item> {
  next: Item | null;
}

/** First in, first out, linked through the items themselves: no array to grow or to move. */
export class Fifo<Item extends Linked<Item>> {
  #head: Item | null = null;
  #tail: Item | null = null;

  get head(): Item | null {
    return this.#head;
  }

  push(item: Item): void {
    item.next = null;
    if (this.#tail === null) this.#head = item;
    else this.#tail.next = item;
    this.#tail = item;
  }

  shift(): Item | null {
    const item = this.#head;
    if (item === null) return null;
    this.#head = item.next;
    if (this.#head === null) this.#tail = null;
    item.next = null;
    return item;
  }

  /** Moves everything into `target`, in order. */
  emptyInto(target: Item[]): void {
    for (let item = this.shift(); item !== null; item = this.shift()) target.push(item);
  }
}
