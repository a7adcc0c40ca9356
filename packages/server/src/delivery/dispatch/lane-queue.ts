import { ChainedList, type Chained } from '../chained-list.ts';
import type { JobKind } from './offer.ts';

export interface QueueItem<Item> extends Chained<Item> {
  readonly kind: JobKind;
  readonly orderKey: string | null;
  /** Increases with every offer. */
  readonly sequence: number;
}

/**
 * The jobs of one webhook: ready ones, and those that wait for an earlier job with the same order key. An order key is
 * in use from when its head becomes ready until the head's exchange ends.
 */
export class LaneQueue<Item extends QueueItem<Item>> {
  readonly #fresh = new ChainedList<Item>();
  // Most lanes never need these.
  #retries: ChainedList<Item> | null = null;
  #successors: ChainedList<Item> | null = null;
  #probe: Item | null = null;
  #keys: Map<string, ChainedList<Item> | null> | null = null;
  #size = 0;
  #ready = 0;

  /** All jobs, ready or waiting behind an order key. */
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

  /** Whether a job other than a retry is ready. */
  get hasFresh(): boolean {
    return this.#fresh.oldest !== null || this.#probe !== null || (this.#successors !== null && this.#successors.oldest !== null);
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
    const waiting = behind ?? new ChainedList<Item>();
    if (behind === null) this.#keys.set(item.orderKey, waiting);
    waiting.append(item);
  }

  /** Removes and returns the next ready job. Fresh jobs come first, unless `retryFirst`. */
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
   * A taken job has ended. If `final`, the next job of its order key becomes ready. Otherwise it will be offered again:
   * the jobs behind it are returned, so that they cannot overtake it.
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

  /** Empties the queue and returns the jobs in the order of their offers. */
  evictAll(): Item[] {
    const evicted: Item[] = [];
    if (this.#probe !== null) evicted.push(this.#probe);
    this.#probe = null;
    this.#fresh.emptyInto(evicted);
    this.#retries?.emptyInto(evicted);
    this.#successors?.emptyInto(evicted);
    if (this.#keys !== null) {
      // The remaining keys belong to exchanges in flight: they stay in use.
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
    if (item.kind === 'fresh') this.#fresh.append(item);
    else if (item.kind === 'probe') this.#probe = item;
    else (this.#retries ??= new ChainedList()).append(item);
  }

  #succeed(item: Item): void {
    this.#ready += 1;
    if (item.kind === 'probe') this.#probe = item;
    else (this.#successors ??= new ChainedList()).append(item);
  }

  #next(retryFirst: boolean): ChainedList<Item> | null {
    const fresh = this.#fresh.oldest;
    const retry = this.#retries === null ? null : this.#retries.oldest;
    const chosen = retry !== null && (retryFirst || fresh === null) ? this.#retries : this.#fresh;
    // Successors go by age: otherwise a busy order key would wait through the whole queue for each job.
    const successor = this.#successors === null ? null : this.#successors.oldest;
    const head = chosen?.oldest ?? null;
    return successor !== null && (head === null || successor.sequence < head.sequence) ? this.#successors : chosen;
  }
}

/** Compares items by the order of their offers. */
export function bySequence(a: { readonly sequence: number }, b: { readonly sequence: number }): number {
  return a.sequence - b.sequence;
}
