import { PosthornError } from '@posthorn/protocol';
import { nothingMore, type AlsoCommit, type Database, type Queryable } from '../store/database.ts';
import { attemptsOf } from '../store/delivery-queries.ts';
import { eventById } from '../store/event-queries.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { deliveryOf, type Delivery, type DeliveryWithAttempts } from './delivery.ts';
import { findDeliveries, findDelivery, type DeliveryFilter } from './find-deliveries.ts';
import { cancel, redeliver, type Unrecorded } from './redeliver.ts';
import { replay, type ReplayInput } from './replay.ts';
import { shownAttempt } from './shown-attempt.ts';

export interface DeliveriesOptions {
  readonly database: Database;
  /** For what only reads. */
  readonly reads: Queryable;
  readonly now: () => number;
  /** Sends what is not cancelled. */
  readonly engine: { cancelled(deliveryId: string, unrecorded: Unrecorded | null): void };
}

/** One delivery of an organization. */
export interface OneDelivery {
  readonly tenant: Tenant;
  readonly id: string;
}

/** Called in the transaction of a change; its argument reads the delivery as this transaction leaves it. */
type AlsoWithDelivery = AlsoCommit<() => Promise<DeliveryWithAttempts>>;

/** Finds, lists, redelivers, cancels and replays deliveries. Each throws `not_found` for a delivery of another organization. */
export class Deliveries {
  readonly #options: DeliveriesOptions;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Newest first. `stoppedAt`: the search ended there before the page was full; null: it did not. */
  async list(tenant: Tenant, filter: DeliveryFilter): Promise<{ rows: Delivery[]; stoppedAt: Pick<Delivery, 'id'> | null }> {
    const { rows, stoppedAt } = await findDeliveries(this.#options.reads, tenant.organization.key, filter);
    return { rows: rows.map(deliveryOf), stoppedAt };
  }

  /** Throws `not_found`. */
  get(one: OneDelivery): Promise<DeliveryWithAttempts> {
    return withAttempts(this.#options.reads, one);
  }

  /** Sends it again, with the same event id and bytes. Throws `not_found`, or `conflict` if its webhook was deleted. */
  async redeliver(one: OneDelivery, also: AlsoWithDelivery = nothingMore): Promise<DeliveryWithAttempts> {
    const { database, now } = this.#options;
    await redeliver(database, {
      ...one,
      now: new Date(now()),
      also: (transaction) => also(transaction, () => withAttempts(transaction, one)),
    });
    return withAttempts(database, one);
  }

  /** Gives it up. Throws `not_found`, or `conflict` if it has ended. */
  async cancel(one: OneDelivery, also: AlsoWithDelivery = nothingMore): Promise<DeliveryWithAttempts> {
    const { database, engine } = this.#options;
    const unrecorded = await cancel(database, { ...one, also: (transaction) => also(transaction, () => withAttempts(transaction, one)) });
    engine.cancelled(one.id, unrecorded);
    return withAttempts(database, one);
  }

  /** Sends the events of a time span to a webhook again. Returns how many deliveries were queued. */
  replay(input: ReplayInput): Promise<number> {
    return replay(this.#options.database, input);
  }
}

async function withAttempts(database: Queryable, { tenant, id }: OneDelivery): Promise<DeliveryWithAttempts> {
  const { key } = tenant.organization;
  const row = await findDelivery(database, key, id);
  if (!row) throw new PosthornError('not_found', 'There is no such delivery in this organization.');
  const [attempts, event] = await Promise.all([attemptsOf(database, key, row.id), eventById(database, key, row.event_id)]);
  const context = { product: tenant.product, webhook: tenant.webhooks.get(row.webhook_id) ?? null, body: event?.body ?? null };
  return { ...deliveryOf(row), attempts: attempts.map((bytes) => shownAttempt(bytes, context)) };
}
