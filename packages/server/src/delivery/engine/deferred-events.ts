import type { Logger } from 'pino';
import { Poller } from '../../intake/poller.ts';
import type { Database } from '../../store/database.ts';
import { deliveryId } from '../../ids/delivery-id.ts';
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
  /** Takes in an event for which there is room now. */
  readonly take: (loaded: TakenEvent) => void;
}

/** An event that stays in the log, with what is needed to read it later. */
interface Deferred extends Chained<Deferred> {
  readonly shard: OwnedShard;
  readonly outstanding: Outstanding;
  readonly deliveries: number;
  readonly bytes: number;
  /** Whether none of its deliveries has a row. */
  readonly isChecked: boolean;
}

interface Queue {
  readonly organizationKey: number;
  readonly events: ChainedList<Deferred>;
  size: number;
}

/** Maximum deliveries per read. They are queued in one turn of the event loop, at about 1 µs each. */
const PAGE_DELIVERIES = 5_000;
const PAGE_BYTES = 8 * 1024 * 1024;
const PAGE_EVENTS = 200;
const POLL_MS = 1_000;
/** How often to check for room while events are deferred. */
const APART_MS = 20;
/** Maximum deferred events per organization, about 300 bytes each. Above it, the organization's events are refused. */
const MAX_OF_ORGANIZATION = 20_000;

/**
 * Events for which there is no room in memory, in total or in their organization's share. A small record per event
 * holds the low-water mark below it until it is read from the log. Organizations take turns; each keeps its order.
 */
export class DeferredEvents {
  readonly #options: DeferredEventsOptions;
  readonly #poller: Poller;
  readonly #queues = new Map<number, Queue>();
  #size = 0;

  constructor(options: DeferredEventsOptions) {
    this.#options = options;
    this.#poller = new Poller({
      poll: () => this.#load(),
      everyMs: POLL_MS,
      apartMs: APART_MS,
      log: options.log,
      errorMessage: 'Failed to read deferred events; retrying',
    });
  }

  /** Number of deferred events of all organizations. */
  get size(): number {
    return this.#size;
  }

  start(): void {
    this.#poller.start();
  }

  stop(): Promise<void> {
    return this.#poller.stop();
  }

  /** Whether events of the organization are deferred. Later ones must not overtake them. */
  has(organizationKey: number): boolean {
    return this.#size > 0 && this.#queues.has(organizationKey);
  }

  /** Whether the organization has the maximum of deferred events. */
  isFull(organizationKey: number): boolean {
    return this.#size >= MAX_OF_ORGANIZATION && (this.#queues.get(organizationKey)?.size ?? 0) >= MAX_OF_ORGANIZATION;
  }

  /** `isChecked`: none of its deliveries has a row. */
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

  /** Drops events of a lost shard. All events of an organization are in one shard, so older ones are in front. */
  #forgetLost(queue: Queue): void {
    for (let first = queue.events.oldest; first?.shard.isOpen === false; first = queue.events.oldest) this.#remove(queue, first);
  }

  /** Returns the first events for which there is room, or none if the page would not be worth a statement. */
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
    // The event has no row if the retention deleted it.
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
