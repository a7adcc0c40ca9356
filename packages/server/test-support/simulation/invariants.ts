import type { DatabaseServer } from './database/server.ts';
import { keyOf, type Change, type EventTableRow } from './database/rows.ts';
import type { DeliveryHistory, History } from './history.ts';
import { Orders } from './orders.ts';
import type { VirtualTime } from './virtual-time.ts';
import type { SimulatedProcess } from './simulated-process.ts';

/** The invariants. */
export type InvariantName =
  /** A delivery that has ended is not sent again, unless a crash lost its outcome or a caller redelivered it. */
  | 'once'
  /** A cancelled delivery is not sent after the response to the cancellation. */
  | 'cancelled'
  /** Ordered deliveries are sent in commit order, each after the previous one has ended. */
  | 'order'
  /** Below a shard's low-water mark everything is recorded. */
  | 'low-water'
  /** Only stored events are sent. */
  | 'stored'
  /** Accepted events are stored, and their deliveries end. */
  | 'lost'
  /** No delivery waits for ever while the nodes are ready. */
  | 'stuck';

export interface Violation {
  readonly invariant: InvariantName;
  readonly elapsedMs: number;
  readonly message: string;
}

export interface InvariantsOptions {
  readonly time: VirtualTime;
  readonly server: DatabaseServer;
  readonly history: History;
  readonly isOrdered: (webhookId: string) => boolean;
  readonly onViolation: (violation: Violation) => void;
}

const FINAL = new Set(['delivered', 'failed', 'cancelled']);
/** A notification takes a few milliseconds. */
const NOTIFIED_MS = 250;

/** Checks the invariants whenever something is sent or committed, and at the end. */
export class Invariants {
  readonly #options: InvariantsOptions;
  readonly #orders: Orders;
  /** When the shards were last taken over. */
  readonly #acquiredAt = new Map<number, number>();
  /** The time at which the database first showed each delivery as ended. */
  readonly #finalSince = new Map<string, number>();

  constructor(options: InvariantsOptions) {
    this.#options = options;
    this.#orders = new Orders(options.isOrdered);
  }

  /** A process starts an exchange. */
  sending(process: SimulatedProcess, delivery: DeliveryHistory): void {
    const event = this.#event(delivery);
    if (!event) return this.#violated('stored', `${describe(delivery)} is sent, but its event is not stored.`);
    this.#checkOnce(delivery, event);
    this.#checkCancelled(process, delivery, event);
    if (delivery.redeliveredAt === null) this.#checkOrder(process, delivery, event);
  }

  /** A transaction became visible. */
  committed(changes: readonly Change[], before: readonly Change[]): void {
    changes.forEach(({ table, row }, index) => {
      if (row === null) return;
      if (table === 'shards') this.#checkShard(row as ShardRow, (before[index]?.row ?? null) as ShardRow | null);
      if (table === 'events') this.#checkNewEvent(row as EventTableRow);
      if (table === 'deliveries') this.#noteFinal(row as { id: string; status: string });
    });
  }

  /** The database has recovered from a crash. */
  recovered(): void {
    const { tables } = this.#options.server;
    this.#orders.clear();
    this.#finalSince.clear();
    for (const event of tables.events.values()) this.#orders.add(event);
    for (const shard of tables.shards.values()) this.#checkBelow(shard, 0);
    for (const delivery of tables.deliveries.values()) this.#noteFinal(delivery);
  }

  /** Deliveries of stored events that have not ended. */
  unfinished(): string[] {
    const { tables } = this.#options.server;
    const found: string[] = [];
    for (const event of tables.events.values()) {
      for (const webhookId of event.webhook_ids) {
        const delivery = this.#options.history.delivery(event.id, webhookId);
        const row = tables.deliveries.get(keyOf(event.organization_key, delivery.id));
        if (row && FINAL.has(row.status) && !tables.waiting.has(delivery.id)) continue;
        const waiting = tables.waiting.get(delivery.id);
        const where = waiting ? `waits (${waiting.reason}, due ${waiting.due_at})` : 'waits for nothing';
        found.push(`${describe(delivery)} of transaction ${event.xid} is ${row?.status ?? 'not recorded'} and ${where}`);
      }
    }
    return found;
  }

  /** Checks what must hold when all deliveries have ended. */
  ended(): void {
    const { history, server } = this.#options;
    for (const message of this.unfinished().slice(0, 5)) this.#violated('stuck', message);
    for (const { id, organizationKey, answer } of history.events.values()) {
      if (answer === 'accepted' && !server.tables.events.has(keyOf(organizationKey, id)))
        this.#violated('lost', `Event ${id} was accepted and is not stored.`);
    }
    for (const row of server.tables.deliveries.values()) {
      const delivery = history.deliveries.get(row.id);
      const isDelivered = delivery?.attempts.some(({ isSuccess }) => isSuccess) === true;
      if (row.status === 'delivered' && !isDelivered) this.#violated('lost', `${row.id} is recorded as delivered and no endpoint took it.`);
      if (row.status === 'cancelled' && delivery?.cancelAskedAt === null)
        this.#violated('lost', `${row.id} is cancelled, which nobody asked for.`);
    }
  }

  report(invariant: InvariantName, message: string): void {
    this.#violated(invariant, message);
  }

  #checkOrder(process: SimulatedProcess, delivery: DeliveryHistory, event: EventTableRow): void {
    const earlier = this.#orders.before(event, delivery.webhookId).find((one) => !this.#hasEnded(one, delivery.webhookId));
    if (!earlier) return;
    const [place, earlierPlace] = [`transaction ${event.xid}`, `event ${earlier.id} of transaction ${earlier.xid}`];
    this.#violated('order', `${process.name} sends ${describe(delivery)} of ${place} before ${earlierPlace} has ended.`);
  }

  #checkOnce(delivery: DeliveryHistory, event: EventTableRow): void {
    const { now } = this.#options.time;
    const previous = delivery.attempts.findLast(({ endedAt, isSuccess }) => endedAt === null || isSuccess);
    if (!previous || (delivery.redeliveredAt !== null && delivery.redeliveredAt >= previous.startedAt)) return;
    const finalSince = this.#finalSince.get(delivery.id);
    if (finalSince !== undefined && finalSince < (this.#acquiredAt.get(event.shard) ?? 0)) {
      return this.#violated('once', `${describe(delivery)} is sent again, though its shard's owner could read that it has ended.`);
    }
    if (this.#options.history.wasDisrupted(previous.startedAt, now)) return;
    this.#violated(
      'once',
      `${describe(delivery)} is sent again without a crash; the last time was ${Math.round(now - previous.startedAt)} ms ago.`,
    );
  }

  #checkCancelled(process: SimulatedProcess, delivery: DeliveryHistory, event: EventTableRow): void {
    const { cancelledAt, cancelAskedAt } = delivery;
    if (cancelledAt === null || cancelAskedAt === null) return;
    const { now } = this.#options.time;
    const wasNotified = delivery.notified.has(process);
    const isLate = now - cancelledAt > NOTIFIED_MS && !this.#options.history.wasSilent(cancelAskedAt, now);
    const couldRead = (this.#acquiredAt.get(event.shard) ?? 0) > cancelledAt;
    if (!wasNotified && !isLate && !couldRead) return;
    const why = wasNotified ? 'after its process was notified' : couldRead ? 'by an owner that could read it' : 'long after the answer';
    this.#violated('cancelled', `${describe(delivery)} is sent ${Math.round(now - cancelledAt)} ms after its cancellation, ${why}.`);
  }

  #checkShard(shard: ShardRow, before: ShardRow | null): void {
    if (shard.epoch !== before?.epoch) this.#acquiredAt.set(shard.id, this.#options.time.now);
    if (shard.low_water > (before?.low_water ?? 0)) this.#checkBelow(shard, before?.low_water ?? 0);
  }

  #checkBelow(shard: ShardRow, from: number): void {
    const { tables } = this.#options.server;
    for (const event of tables.events.values()) {
      if (event.shard !== shard.id || event.xid < from || event.xid >= shard.low_water) continue;
      const missing = event.webhook_ids.find((id) => !tables.deliveries.has(this.#deliveryKey(event, id)));
      if (missing === undefined) continue;
      this.#violated(
        'low-water',
        `Shard ${shard.id}'s mark ${shard.low_water} passes event ${event.id} of transaction ${event.xid}: not recorded.`,
      );
    }
  }

  #checkNewEvent(event: EventTableRow): void {
    const mark = this.#options.server.tables.shards.get(String(event.shard))?.low_water ?? 0;
    if (event.xid < mark)
      this.#violated('low-water', `Event ${event.id} of transaction ${event.xid} is committed below its shard's mark ${mark}.`);
    for (const webhookId of event.webhook_ids) {
      const overtaking = this.#orders.after(event, webhookId).find((later) => this.#delivery(later, webhookId)?.attempts.length);
      if (overtaking)
        this.#violated('order', `Event ${overtaking.id} was sent before event ${event.id} of a lower transaction was committed.`);
    }
    this.#orders.add(event);
  }

  #hasEnded(event: EventTableRow, webhookId: string): boolean {
    const row = this.#options.server.tables.deliveries.get(this.#deliveryKey(event, webhookId));
    if (row && FINAL.has(row.status)) return true;
    const delivery = this.#delivery(event, webhookId);
    if (!delivery) return false;
    return (
      delivery.attempts.some(({ endedAt, isSuccess }) => endedAt !== null && isSuccess) ||
      delivery.cancelAskedAt !== null ||
      delivery.redeliveredAt !== null
    );
  }

  #noteFinal({ id, status }: { id: string; status: string }): void {
    if (!FINAL.has(status)) this.#finalSince.delete(id);
    else if (!this.#finalSince.has(id)) this.#finalSince.set(id, this.#options.time.now);
  }

  #event({ eventId }: DeliveryHistory): EventTableRow | undefined {
    const known = this.#options.history.events.get(eventId);
    return known && this.#options.server.tables.events.get(keyOf(known.organizationKey, eventId));
  }

  #delivery(event: EventTableRow, webhookId: string): DeliveryHistory | undefined {
    return this.#options.history.delivery(event.id, webhookId);
  }

  #deliveryKey(event: EventTableRow, webhookId: string): string {
    return keyOf(event.organization_key, this.#options.history.delivery(event.id, webhookId).id);
  }

  #violated(invariant: InvariantName, message: string): void {
    this.#options.onViolation({ invariant, elapsedMs: Math.round(this.#options.time.elapsed), message });
  }
}

interface ShardRow {
  readonly id: number;
  readonly epoch: number;
  readonly low_water: number;
}

function describe({ id, eventId, webhookId }: DeliveryHistory): string {
  return `Delivery ${id} (event ${eventId}, webhook ${webhookId})`;
}
