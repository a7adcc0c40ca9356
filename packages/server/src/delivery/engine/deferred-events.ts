import type { Logger } from 'pino';
import { Poller } from '../../intake/poller.ts';
import type { Database } from '../../store/database.ts';
import { deliveryId } from '../../store/delivery-id.ts';
import { eventsById, recordedDeliveries, type EventRow } from '../../store/log-reading.ts';
import { ChainedList, type Chained } from '../chained-list.ts';
import type { TakenEvent } from './job.ts';
import { eventOfRow } from './logged-event.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { Outstanding, OwnedShard } from './owned-shard.ts';

export interface DeferredEventsOptions {
  readonly database: Database;
  readonly memory: MemoryBudget;
  readonly log: Logger;
  /** Takes an event in for which there is room now, at once. */
  readonly take: (loaded: TakenEvent) => void;
}

/** An event that stays in the log: what must be known to read it when there is room. */
interface Deferred extends Chained<Deferred> {
  readonly shard: OwnedShard;
  readonly outstanding: Outstanding;
  readonly deliveries: number;
  readonly bytes: number;
  /** All of its deliveries have no row. */
  readonly isChecked: boolean;
}

interface Queue {
  readonly organizationKey: number;
  readonly events: ChainedList<Deferred>;
  size: number;
}

/** Deliveries read at once. They are put into queues in one turn of the event loop, some 1 µs each. */
const PAGE_DELIVERIES = 5_000;
const PAGE_BYTES = 8 * 1024 * 1024;
const PAGE_EVENTS = 200;
const POLL_MS = 1_000;
/** While something is deferred: room is looked for so often. */
const APART_MS = 20;
/** Deferred events of one organization, some 300 bytes each: with more of them its events are refused. */
const MAX_OF_ORGANIZATION = 20_000;

/**
 * Events for which there is no room in memory: their organization has used up its share, or all of it is used up. Each is
 * a small record here, which keeps the low-water mark below it, and is read from the log when there is room. Events of
 * one organization are read in the order in which they came; organizations take turns.
 */
export class DeferredEvents {
  readonly #options: DeferredEventsOptions;
  readonly #poller: Poller;
  readonly #queues = new Map<number, Queue>();
  #size = 0;

  constructor(options: DeferredEventsOptions) {
    this.#options = options;
    this.#poller = new Poller({
      look: () => this.#load(),
      everyMs: POLL_MS,
      apartMs: APART_MS,
      log: options.log,
      complaint: 'Deferred events could not be read.',
    });
  }

  /** Deferred events of all organizations. */
  get size(): number {
    return this.#size;
  }

  start(): void {
    this.#poller.start();
  }

  stop(): Promise<void> {
    return this.#poller.stop();
  }

  /** Whether events of the organization are deferred: those that come later must not overtake them. */
  has(organizationKey: number): boolean {
    return this.#size > 0 && this.#queues.has(organizationKey);
  }

  /** Whether the organization has so many that no more should be accepted. */
  isFull(organizationKey: number): boolean {
    return this.#size >= MAX_OF_ORGANIZATION && (this.#queues.get(organizationKey)?.size ?? 0) >= MAX_OF_ORGANIZATION;
  }

  /** `isChecked`: all of its deliveries have no row. */
  add({ shard, outstanding, event, webhookIds }: TakenEvent, { isChecked }: { isChecked: boolean }): void {
    const { organizationKey, body } = event;
    const queue = this.#queues.get(organizationKey) ?? { organizationKey, events: new ChainedList<Deferred>(), size: 0 };
    queue.events.append({ shard, outstanding, deliveries: webhookIds.length, bytes: body.length, isChecked, next: null, previous: null });
    queue.size += 1;
    this.#size += 1;
    this.#queues.set(organizationKey, queue);
    this.#poller.wake();
  }

  async #load(): Promise<void> {
    for (let hasLoaded = true; hasLoaded && !this.#poller.stopped;) {
      hasLoaded = false;
      for (const queue of [...this.#queues.values()]) {
        if (this.#poller.stopped) return;
        this.#forgetLost(queue);
        const page = this.#nextPage(queue);
        if (page.length === 0) continue;
        await this.#read(queue, page);
        hasLoaded = true;
      }
    }
    if (this.#size > 0) this.#poller.wake();
  }

  /** The shard is another node's now. All events of an organization are in one shard, so those from an earlier time are in front. */
  #forgetLost(queue: Queue): void {
    for (let first = queue.events.oldest; first?.shard.isOpen === false; first = queue.events.oldest) this.#remove(queue, first);
  }

  /** The first ones for which there is room. None, if more are there and the page would not be worth a statement. */
  #nextPage(queue: Queue): Deferred[] {
    const { memory } = this.#options;
    const use = memory.of(queue.organizationKey);
    const page: Deferred[] = [];
    let deliveries = 0;
    let bytes = 0;
    for (let event = queue.events.oldest; event !== null && page.length < PAGE_EVENTS; event = event.next) {
      const isRoom =
        page.length === 0
          ? memory.admits(use, event.deliveries, event.bytes)
          : memory.fits(use, deliveries + event.deliveries, bytes + event.bytes);
      if (!isRoom && use.deliveries > 0 && deliveries * 2 < PAGE_DELIVERIES && bytes * 2 < PAGE_BYTES) return [];
      if (!isRoom || (page.length > 0 && (deliveries + event.deliveries > PAGE_DELIVERIES || bytes + event.bytes > PAGE_BYTES))) break;
      deliveries += event.deliveries;
      bytes += event.bytes;
      page.push(event);
    }
    return page;
  }

  async #read(queue: Queue, page: readonly Deferred[]): Promise<void> {
    const { database } = this.#options;
    const { organizationKey } = queue;
    const ids = page.map(({ outstanding }) => outstanding.id);
    const byId = new Map((await eventsById(database, organizationKey, ids)).map((row) => [row.id, row]));
    const unchecked = page.flatMap(({ isChecked, outstanding }) => (isChecked ? [] : (byId.get(outstanding.id) ?? [])));
    const asked = unchecked.flatMap((row) => row.webhook_ids.map((webhookId) => ({ organizationKey, id: deliveryId(row.id, webhookId) })));
    const recorded = asked.length === 0 ? new Set<string>() : await recordedDeliveries(database, asked);
    for (const deferred of page) {
      this.#remove(queue, deferred);
      this.#take(deferred, byId.get(deferred.outstanding.id), recorded);
    }
  }

  #take({ shard, outstanding }: Deferred, row: EventRow | undefined, recorded: ReadonlySet<string>): void {
    if (!shard.isOpen) return;
    const webhookIds =
      row && recorded.size > 0
        ? row.webhook_ids.filter((webhookId) => !recorded.has(deliveryId(row.id, webhookId)))
        : (row?.webhook_ids ?? []);
    // Without a row, the retention has taken the event.
    if (!row || webhookIds.length === 0) return shard.drop(outstanding);
    this.#options.take({ shard, outstanding, event: eventOfRow(row), webhookIds });
  }

  #remove(queue: Queue, deferred: Deferred): void {
    queue.events.remove(deferred);
    queue.size -= 1;
    this.#size -= 1;
    if (queue.size === 0) this.#queues.delete(queue.organizationKey);
  }
}
