/**
 * A member of a ring, created once per value, so that joining and leaving allocates nothing. It is in one ring at most.
 */
export class RingNode<Value> {
  readonly value: Value;
  /** The ring that it is in. Set by `Ring`. */
  ring: Ring<Value> | null = null;
  next: RingNode<Value> = this;
  previous: RingNode<Value> = this;

  constructor(value: Value) {
    this.value = value;
  }
}

/** A circular doubly linked list of values that take turns. All operations are O(1). */
export class Ring<Value> {
  #head: RingNode<Value> | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The value whose turn it is. */
  get head(): Value | null {
    return this.#head === null ? null : this.#head.value;
  }

  /** Ends the head's turn: moves it to the end. */
  rotate(): void {
    if (this.#head !== null) this.#head = this.#head.next;
  }

  /** Appends the node, removing it from its current ring. */
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
