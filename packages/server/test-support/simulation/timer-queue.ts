import type { SimulatedProcess } from './simulated-process.ts';

export interface VirtualTimer {
  readonly run: () => void;
  /** The process whose event loop runs it; null: the world's. */
  readonly process: SimulatedProcess | null;
  at: number;
  sequence: number;
  isCancelled: boolean;
}

/** A binary heap: earliest first; timers of the same time in the order in which they were added. */
export class TimerQueue {
  readonly #heap: VirtualTimer[] = [];

  get first(): VirtualTimer | undefined {
    return this.#heap[0];
  }

  add(timer: VirtualTimer): void {
    let index = this.#heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  shift(): VirtualTimer | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    this.#heap[0] = last;
    for (let index = 0; ;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const child = right < this.#heap.length && this.#isBefore(right, left) ? right : left;
      if (child >= this.#heap.length || !this.#swapIfBefore(child, index)) return first;
      index = child;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (!one || !other) return false;
    return one.at === other.at ? one.sequence < other.sequence : one.at < other.at;
  }

  #swapIfBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (!one || !other || !this.#isBefore(a, b)) return false;
    this.#heap[a] = other;
    this.#heap[b] = one;
    return true;
  }
}
