import { Fifo, type Linked } from './fifo.ts';
import type { JobKind } from './offer.ts';

export interface QueueItem<Item> extends Linked<Item> {
  readonly kind: JobKind;
  readonly orderKey: string | null;
  /** Grows with every offer. */
  readonly sequence: number;
}

/**
 * The jobs of one webhook: those that are ready, and behind each order key in use those that wait for its head.
 * An order key is in use from when its head becomes ready until the head's exchange ends.
 */
export class LaneQueue<Item extends QueueItem<Item>> {
  readonly #fresh = new Fifo<Item>();
  // Most lanes never need these.
  #retries: Fifo<Item> | null = null;
  #successors: Fifo<Item> | null = null;
  #probe: Item | null = null;
  #keys: Map<string, Fifo<Item> | null> | null = null;
  #size = 0;
  #ready = 0;

  /** All jobs, ready or behind an order key. */
  get size(): number {
    return this.#size;
  }

  /** Jobs that could start now. */
  get ready(): number {
    return this.#ready;
  }

  get hasProbe(): boolean {
    return this.#probe !== null;
  }

  /** Whether a job that is no retry is ready. */
  get hasFresh(): boolean {
    return this.#fresh.head !== null || this.#probe !== null || (this.#successors !== null && this.#successors.head !== null);
  }

  add(item: Item): void {
    this.#size += 1;
    if (item.orderKey === null) {
      this.#makeReady(item);
      return;
    }
    this.#keys ??= new Map();
    const behind = this.#keys.get(item.orderKey);
    if (behind === undefined) {
      this.#keys.set(item.orderKey, null);
      this.#makeReady(item);
      return;
    }
    const waiting = behind ?? new Fifo<Item>();
    if (behind === null) this.#keys.set(item.orderKey, waiting);
    waiting.push(item);
  }

  /** Takes out the next ready job. Fresh ones come before retries, or the other way round for once. */
  take(retryFirst: boolean): Item | null {
    const probe = this.#probe;
    this.#probe = null;
    const item = probe ?? this.#next(retryFirst)?.shift() ?? null;
    if (item === null) return null;
    this.#size -= 1;
    this.#ready -= 1;
    return item;
  }

  /**
   * A job that was taken has ended. Final: the next one of its order key becomes ready. Otherwise it will be offered
   * again, and those behind it are handed back, so that they cannot overtake it.
   */
  ended(item: Item, final: boolean): readonly Item[] {
    if (item.orderKey === null || this.#keys === null) return [];
    const behind = this.#keys.get(item.orderKey);
    const next = final ? behind?.shift() : null;
    if (next) {
      this.#succeed(next);
      return [];
    }
    this.#keys.delete(item.orderKey);
    const evicted: Item[] = [];
    behind?.emptyInto(evicted);
    this.#size -= evicted.length;
    return evicted;
  }

  /** Empties the queue; answers the jobs as offered. */
  evictAll(): Item[] {
    const evicted: Item[] = [];
    if (this.#probe !== null) evicted.push(this.#probe);
    this.#probe = null;
    this.#fresh.emptyInto(evicted);
    this.#retries?.emptyInto(evicted);
    this.#successors?.emptyInto(evicted);
    if (this.#keys !== null) {
      // The keys that are left belong to exchanges in flight: they stay in use.
      for (const { orderKey } of evicted.slice()) {
        if (orderKey === null) continue;
        this.#keys.get(orderKey)?.emptyInto(evicted);
        this.#keys.delete(orderKey);
      }
      for (const behind of this.#keys.values()) behind?.emptyInto(evicted);
    }
    this.#size = 0;
    this.#ready = 0;
    return evicted.sort(bySequence);
  }

  #makeReady(item: Item): void {
    this.#ready += 1;
    if (item.kind === 'fresh') this.#fresh.push(item);
    else if (item.kind === 'probe') this.#probe = item;
    else (this.#retries ??= new Fifo()).push(item);
  }

  #succeed(item: Item): void {
    this.#ready += 1;
    if (item.kind === 'probe') this.#probe = item;
    else (this.#successors ??= new Fifo()).push(item);
  }

  #next(retryFirst: boolean): Fifo<Item> | null {
    const fresh = this.#fresh.head;
    const retry = this.#retries === null ? null : this.#retries.head;
    const chosen = retry !== null && (retryFirst || fresh === null) ? this.#retries : this.#fresh;
    // Successors were offered long ago: they go by age, or one busy order key would wait through the whole queue each time.
    const successor = this.#successors === null ? null : this.#successors.head;
    const head = chosen?.head ?? null;
    return successor !== null && (head === null || successor.sequence < head.sequence) ? this.#successors : chosen;
  }
}

/** Orders items as they were offered. */
export function bySequence(a: { readonly sequence: number }, b: { readonly sequence: number }): number {
  return a.sequence - b.sequence;
}
