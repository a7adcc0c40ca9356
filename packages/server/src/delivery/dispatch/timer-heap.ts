interface Timer<Value> {
  readonly at: number;
  readonly value: Value;
}

/**
 * A binary heap of values by due time. Timers that are no longer live, according to `isLive`, are skipped when due, and
 * removed in bulk when there are many.
 */
export class TimerHeap<Value> {
  #heap: Timer<Value>[] = [];
  /** The length at which timers that are no longer live are removed. */
  #compactAt = 1_000;
  readonly #isLive: (value: Value, at: number) => boolean;

  constructor(isLive: (value: Value, at: number) => boolean) {
    this.#isLive = isLive;
  }

  /** Number of timers in memory, live or not. */
  get size(): number {
    return this.#heap.length;
  }

  /** Returns the time of the first live timer; null: there is none. */
  next(): number | null {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#isLive(first.value, first.at)) return first.at;
      this.#pop();
    }
    return null;
  }

  /** Removes and returns the first live timer that is due; null: none is. */
  takeDue(now: number): Value | null {
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.#pop();
      if (this.#isLive(first.value, first.at)) return first.value;
    }
    return null;
  }

  add(at: number, value: Value): void {
    if (this.#heap.length >= this.#compactAt) this.#compact();
    const heap = this.#heap;
    const timer = { at, value };
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.at <= at) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = timer;
  }

  #compact(): void {
    // A sorted array is a heap.
    this.#heap = this.#heap.filter(({ value, at }) => this.#isLive(value, at)).sort((a, b) => a.at - b.at);
    this.#compactAt = Math.max(1_000, this.#heap.length * 2);
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      let child = heap[below];
      const right = heap[below + 1];
      if (child !== undefined && right !== undefined && right.at < child.at) {
        child = right;
        below += 1;
      }
      if (child === undefined || child.at >= last.at) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = last;
  }
}
