/** A place in a ring, made once per value, so that joining and leaving allocates nothing. It is in one ring at most. */
export class RingNode<Value> {
  readonly value: Value;
  /** The ring it is in; kept by `Ring`. */
  ring: Ring<Value> | null = null;
  next: RingNode<Value> = this;
  previous: RingNode<Value> = this;

  constructor(value: Value) {
    this.value = value;
  }
}

/** A circle of values that take turns: a doubly linked list, everything O(1). */
export class Ring<Value> {
  #head: RingNode<Value> | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Whose turn it is. */
  get head(): Value | null {
    return this.#head === null ? null : this.#head.value;
  }

  /** The head's turn is over: it goes to the end. */
  rotate(): void {
    if (this.#head !== null) this.#head = this.#head.next;
  }

  /** Joins at the end, leaving the ring it was in. */
  append(node: RingNode<Value>): void {
    node.ring?.remove(node);
    node.ring = this;
    this.#size += 1;
    const head = this.#head;
    if (head === null) {
      this.#head = node;
      return;
    }
    const tail = head.previous;
    node.previous = tail;
    node.next = head;
    tail.next = node;
    head.previous = node;
  }

  remove(node: RingNode<Value>): void {
    if (node.ring !== this) return;
    node.ring = null;
    this.#size -= 1;
    if (this.#head === node) this.#head = this.#size === 0 ? null : node.next;
    node.previous.next = node.next;
    node.next.previous = node.previous;
    node.next = node;
    node.previous = node;
  }
}
