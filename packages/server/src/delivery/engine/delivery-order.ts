import type { Logger } from 'pino';
import type { Database } from '../../store/database.ts';
import { orderHeads, releaseBehind } from '../../store/delivery-order.ts';
import type { OwnedShard } from './owned-shard.ts';

/** A delivery's place in an order. */
export interface OrderedDelivery {
  readonly webhookId: string;
  readonly deliveryId: string;
  /** null: it is in no order. */
  readonly orderKey: string | null;
}

export interface DeliveryOrderOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => number;
  /** A delivery was let go on: it is due. */
  readonly onReleased: () => void;
}

interface HeldOrder {
  readonly webhookId: string;
  readonly orderKey: string;
  /** The delivery that the others wait for. */
  head: string;
  /** Deliveries put behind it that are not recorded yet: a look at the database would miss them. */
  recording: number;
  /** All that were ever put behind it: one recorded during a look may have been missed by it. */
  arrivals: number;
  /** The head is settled, and what comes next is being recorded. */
  isStalled: boolean;
  /** The next one is being let go on: it may be due in the database before it is known here as the head. */
  isReleasing: boolean;
}

/**
 * Orders whose first delivery waits in the database: whatever comes later of the same webhook and subject waits behind
 * it, across restarts too, while other subjects go on. What is in memory the dispatcher keeps in order.
 */
export class DeliveryOrder {
  readonly #options: DeliveryOrderOptions;
  readonly #held = new Map<string, HeldOrder>();

  constructor(options: DeliveryOrderOptions) {
    this.#options = options;
  }

  /** New shards: reads what waits, before anything of theirs is offered. */
  async adopt(shards: readonly OwnedShard[]): Promise<void> {
    const heads = await orderHeads(
      this.#options.database,
      shards.map((shard) => shard.id),
    );
    for (const { webhook_id: webhookId, order_key: orderKey, delivery_id: head, reason } of heads) {
      const order = this.#hold(webhookId, orderKey, head);
      if (reason === 'behind') this.#next(order);
    }
  }

  /** Whether an earlier delivery of its order waits. */
  isHeldUp({ webhookId, orderKey, deliveryId }: OrderedDelivery): boolean {
    if (orderKey === null) return false;
    const order = this.#held.get(nameOf(webhookId, orderKey));
    return order !== undefined && order.head !== deliveryId;
  }

  /** Whether it cannot be told yet if the delivery is held up: whoever loads it leaves it in the database for now. */
  isReleasing({ webhookId, orderKey }: OrderedDelivery): boolean {
    return orderKey !== null && this.#held.get(nameOf(webhookId, orderKey))?.isReleasing === true;
  }

  /** The delivery goes to wait in the database: those after it wait for it. */
  waits({ webhookId, orderKey, deliveryId }: OrderedDelivery): void {
    if (orderKey === null) return;
    const order = this.#held.get(nameOf(webhookId, orderKey));
    if (!order) this.#hold(webhookId, orderKey, deliveryId);
    else if (order.head !== deliveryId) {
      order.recording++;
      order.arrivals++;
    }
  }

  /** A delivery that stands behind others is recorded. */
  recorded({ webhookId, orderKey }: OrderedDelivery): void {
    const order = orderKey === null ? undefined : this.#held.get(nameOf(webhookId, orderKey));
    if (!order) return;
    order.recording--;
    if (order.isStalled && order.recording === 0) this.#next(order);
  }

  /** The delivery is settled for good, and that is recorded: the next of its order goes on. */
  settled({ webhookId, orderKey, deliveryId }: OrderedDelivery): void {
    if (orderKey === null) return;
    const order = this.#held.get(nameOf(webhookId, orderKey));
    if (order?.head === deliveryId) this.#next(order);
  }

  /** A waiting delivery was cancelled by a person. */
  cancelled(deliveryId: string): void {
    for (const order of this.#held.values()) if (order.head === deliveryId) this.#next(order);
  }

  #hold(webhookId: string, orderKey: string, head: string): HeldOrder {
    const order = { webhookId, orderKey, head, recording: 0, arrivals: 0, isStalled: false, isReleasing: false };
    this.#held.set(nameOf(webhookId, orderKey), order);
    return order;
  }

  #next(order: HeldOrder): void {
    const { database, log, now, onReleased } = this.#options;
    const { webhookId, orderKey, arrivals } = order;
    order.isStalled = order.recording > 0;
    if (order.isStalled) return;
    order.isReleasing = true;
    releaseBehind(database, { webhookId, orderKey, now: new Date(now()) }).then(
      (head) => {
        order.isReleasing = false;
        if (head !== null) {
          order.head = head;
          onReleased();
        } else if (order.arrivals === arrivals) this.#held.delete(nameOf(webhookId, orderKey));
        else this.#next(order);
      },
      (error: unknown) => {
        log.warn({ err: error, webhook: webhookId }, 'The next of an order could not be let go on; trying again.');
        setTimeout(() => this.#next(order), RETRY_MS).unref();
      },
    );
  }
}

const RETRY_MS = 1_000;

function nameOf(webhookId: string, orderKey: string): string {
  return `${webhookId} ${orderKey}`;
}
