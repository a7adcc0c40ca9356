import { fairBatch } from './fair-batch.ts';
import { FlowCounts } from './flow-counts.ts';
import { newTicket, type RequestTicket } from './request-ticket.ts';
import { overloaded } from './overloaded.ts';

export interface BatchWriterOptions<Item, Result> {
  /** Writes a batch in one commit. Returns one result per item, in order. */
  readonly write: (items: Item[]) => Promise<Result[]>;
  readonly maxItems: number;
  /** Maximum batches that are written at the same time. */
  readonly maxInFlight: number;
  /** While a batch is being written, the next one waits for this many items or for the end of the running one. */
  readonly eagerItems: number;
  /** How long a batch's first item waits for others below `eagerItems`. Default: not at all when idle. */
  readonly lingerMs?: number;
  /** The weight of an item. A batch stops before `maxWeight`, unless its first item alone exceeds it. Default: 0. */
  readonly weigh?: (item: Item) => number;
  readonly maxWeight?: number;
  /** Called when items have left the queue. */
  readonly onTaken?: () => void;
  /** Checked before each batch. While it returns true, nothing is written; checked again every few milliseconds. */
  readonly hold?: () => boolean;
  /**
   * How long a request's items may wait for their first batch; then it is refused (`overloaded`). Default: no limit.
   */
  readonly maxWaitMs?: number;
  /** If there is more than one batch, flows take turns within it. Default: first come, first served. */
  readonly flows?: FlowOptions<Item>;
}

export interface FlowOptions<Item> {
  readonly of: (item: Item) => number;
  /** Like `BatchWriterOptions.hold`, for one flow. */
  readonly hold: (flow: number) => boolean;
  /** The queue is full for a flow at this many items, or at `maxWeight`. */
  readonly fullAt: number;
}

const HOLD_RECHECK_MS = 2;
const WAIT_CHECK_MS = 100;

interface Entry<Item, Result> {
  readonly item: Item;
  /** null: it may wait without limit. */
  readonly ticket: RequestTicket | null;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: items added while a batch is being written share the next one. An idle writer writes immediately, with
 * all items added in the same turn of the event loop.
 */
export class BatchWriter<Item, Result> {
  readonly #options: BatchWriterOptions<Item, Result>;
  #queue: Entry<Item, Result>[] = [];
  #inFlight = 0;
  readonly #counts: FlowCounts | null;
  #scheduled = false;
  #linger: NodeJS.Timeout | null = null;
  #idle: (() => void)[] = [];
  #watching = false;

  constructor(options: BatchWriterOptions<Item, Result>) {
    this.#options = options;
    const { flows, maxWeight = Number.POSITIVE_INFINITY } = options;
    this.#counts = flows ? new FlowCounts({ maxItems: flows.fullAt, maxWeight }) : null;
  }

  /** Number of items that are not in a batch yet. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Whether the queue is full for a flow; null: for all flows. Without flows it is never full. */
  isFull(flow: number | null): boolean {
    return this.#counts !== null && this.#counts.isFull(flow);
  }

  /**
   * Resolves when the item's batch is committed. Rejects if it could not be, or waited too long. Items of one request
   * share a ticket: all of them are refused, or none.
   */
  add(item: Item, ticket: RequestTicket | null = this.#options.maxWaitMs === undefined ? null : newTicket()): Promise<Result> {
    if (ticket?.state === 'refused') return Promise.reject(overloaded());
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, ticket, resolve, reject });
      this.#count(item, 1);
      this.#hurry();
      this.#schedule();
      this.#watch();
    });
  }

  /** Resolves when nothing is queued or being written. */
  async drained(): Promise<void> {
    if (this.#queue.length === 0 && this.#inFlight === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #watch(): void {
    if (this.#watching || this.#options.maxWaitMs === undefined) return;
    this.#watching = true;
    setTimeout(this.#refuseLate, WAIT_CHECK_MS);
  }

  readonly #refuseLate = (): void => {
    this.#watching = false;
    const latest = performance.now() - (this.#options.maxWaitMs ?? Number.POSITIVE_INFINITY);
    const isLate = ({ ticket }: Entry<Item, Result>): boolean => ticket !== null && ticket.state !== 'begun' && ticket.since <= latest;
    const late = this.#queue.filter(isLate);
    if (late.length > 0) {
      this.#queue = this.#queue.filter((entry) => !isLate(entry));
      for (const { item, ticket, reject } of late) {
        this.#count(item, -1);
        if (ticket) ticket.state = 'refused';
        reject(overloaded());
      }
      this.#options.onTaken?.();
      this.#tellIdle();
    }
    if (this.#queue.length > 0) this.#watch();
  };

  #tellIdle(): void {
    if (this.#queue.length === 0 && this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #schedule(): void {
    if (this.#scheduled || !this.#mayWrite()) return;
    this.#scheduled = true;
    const { lingerMs = 0, eagerItems } = this.#options;
    if (lingerMs === 0 || this.#queue.length >= eagerItems) setImmediate(() => this.#run());
    else this.#linger = setTimeout(() => this.#run(), lingerMs);
  }

  /** Ends the linger time if there are enough items. */
  #hurry(): void {
    if (!this.#linger || this.#queue.length < this.#options.eagerItems) return;
    clearTimeout(this.#linger);
    this.#linger = null;
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#linger = null;
    if (this.#options.hold?.() === true) return this.#askAgain();
    this.#scheduled = false;
    while (this.#mayWrite()) {
      const entries = this.#takeNext();
      if (entries.length === 0) return this.#askAgain();
      void this.#write(entries);
    }
  }

  /** All queued items are held: checks again soon. */
  #askAgain(): void {
    this.#scheduled = true;
    setTimeout(() => this.#run(), HOLD_RECHECK_MS);
  }

  #mayWrite(): boolean {
    const { maxInFlight, eagerItems } = this.#options;
    if (this.#queue.length === 0 || this.#inFlight >= maxInFlight) return false;
    return this.#inFlight === 0 || this.#queue.length >= eagerItems;
  }

  #count(item: Item, change: 1 | -1): void {
    if (this.#counts === null) return;
    const { flows, weigh } = this.#options;
    const flow = flows?.of(item) ?? 0;
    const weight = weigh?.(item) ?? 0;
    if (change === 1) this.#counts.add(flow, weight);
    else this.#counts.remove(flow, weight);
  }

  #takeNext(): Entry<Item, Result>[] {
    const taken = this.#options.flows ? this.#takeFairly(this.#options.flows) : this.#queue.splice(0, this.#nextSize());
    for (const { item, ticket } of taken) {
      this.#count(item, -1);
      if (ticket) ticket.state = 'begun';
    }
    return taken;
  }

  #takeFairly({ of, hold }: FlowOptions<Item>): Entry<Item, Result>[] {
    const { maxItems, weigh, maxWeight = Number.POSITIVE_INFINITY } = this.#options;
    const chosen = fairBatch(this.#queue, {
      maxItems,
      maxWeight,
      weigh: ({ item }) => weigh?.(item) ?? 0,
      flowOf: ({ item }) => of(item),
      isHeld: hold,
    });
    if (chosen.length === this.#queue.length) return this.#queue.splice(0);
    const indexes = new Set(chosen);
    const taken = this.#queue.filter((_, index) => indexes.has(index));
    this.#queue = this.#queue.filter((_, index) => !indexes.has(index));
    return taken;
  }

  #nextSize(): number {
    const { maxItems, weigh, maxWeight = Number.POSITIVE_INFINITY } = this.#options;
    let weight = 0;
    let size = 0;
    for (const { item } of this.#queue) {
      weight += weigh?.(item) ?? 0;
      if (size === maxItems || (size > 0 && weight > maxWeight)) break;
      size++;
    }
    return size;
  }

  async #write(entries: readonly Entry<Item, Result>[]): Promise<void> {
    this.#inFlight++;
    this.#options.onTaken?.();
    try {
      const results = await this.#options.write(entries.map((entry) => entry.item));
      entries.forEach((entry, index) => {
        const result = results[index];
        if (result === undefined) entry.reject(new Error('The batch returned fewer results than items.'));
        else entry.resolve(result);
      });
    } catch (error) {
      for (const entry of entries) entry.reject(error);
    } finally {
      this.#inFlight--;
      this.#schedule();
      this.#tellIdle();
    }
  }
}
