import { PosthornError } from '@posthorn/protocol';
import { deliveryId } from '../ids/delivery-id.ts';
import { shardOf } from '../ids/shard.ts';
import { isUuid } from '../ids/uuid-time.ts';
import { nothingMore, type AlsoCommit, type Database, type Queryable } from '../store/database.ts';
import { notifyChange } from '../store/notify-change.ts';
import { cancelRecorded, eventsOfDeliveryTime, insertUnsent, lockDelivery, markQueued, queueDeliveries } from '../store/redelivery.ts';
import type { Tenant } from '../tenancy/tenant.ts';

/**
 * Queues a delivery for one more attempt with the event's id and bytes. A waiting delivery becomes due now.
 * Throws `not_found`, or `conflict` if the webhook was deleted.
 */
export async function redeliver(database: Database, input: DeliveryChange & { readonly now: Date }): Promise<void> {
  const { tenant, id, now, also = nothingMore } = input;
  const organizationKey = tenant.organization.key;
  await database.transaction(async (transaction) => {
    const delivery = isUuid(id) ? await lockDelivery(transaction, organizationKey, id) : null;
    if (!delivery) {
      if (await findUnrecorded(transaction, organizationKey, id)) return;
      throw noDelivery();
    }
    if (delivery.webhook_status === null) throw new PosthornError('conflict', 'The webhook of this delivery was deleted.');
    const held = delivery.webhook_status !== 'active';
    const shard = shardOf(organizationKey);
    const deliveries = [{ id, eventId: delivery.event_id, attemptCount: delivery.attempt_count }];
    const webhookId = delivery.webhook_id;
    const due = held ? ({ dueAt: 'infinity', reason: 'held' } as const) : ({ dueAt: '-infinity', reason: 'retry' } as const);
    await queueDeliveries(transaction, { organizationKey, shard, webhookId, deliveries, ...due });
    await markQueued(transaction, { organizationKey, ids: [id], held, nextAttemptAt: held ? null : now });
    await notifyChange(transaction, `waiting:${shard}`);
    await also(transaction, undefined);
  });
}

/** A change of one delivery. */
export interface DeliveryChange {
  readonly tenant: Tenant;
  readonly id: string;
  readonly also?: AlsoCommit<undefined>;
}

/** The location of the event of a cancelled delivery without a row. It may still be in a node's memory. */
export interface Unrecorded {
  readonly shard: number;
  /** The id of the transaction that stored it. */
  readonly xid: number;
}

/**
 * Cancels an unsettled delivery and notifies all nodes. If the delivery had no row, returns its event's location, so
 * that this node need not wait for the notification. Throws `not_found`, or `conflict` if the delivery is settled.
 */
export async function cancel(database: Database, input: DeliveryChange): Promise<Unrecorded | null> {
  const { also = nothingMore } = input;
  for (;;) {
    const cancelled = await database.transaction(async (transaction) => {
      const outcome = (await cancelKnown(transaction, input)) ?? (await cancelUnrecorded(transaction, input));
      if (outcome !== 'recorded-meanwhile') await also(transaction, undefined);
      return outcome;
    });
    // Its first outcome was recorded between the two queries: now there is a row to cancel.
    if (cancelled !== 'recorded-meanwhile') return cancelled === 'cancelled' ? null : cancelled;
  }
}

/** null: the delivery has no row. */
async function cancelKnown(transaction: Queryable, { tenant, id }: { tenant: Tenant; id: string }): Promise<'cancelled' | null> {
  const organizationKey = tenant.organization.key;
  const delivery = isUuid(id) ? await lockDelivery(transaction, organizationKey, id) : null;
  if (!delivery) return null;
  if (!['pending', 'retrying', 'held'].includes(delivery.status)) {
    throw new PosthornError('conflict', `The delivery is ${delivery.status}. Only pending, retrying and held deliveries can be cancelled.`);
  }
  await cancelRecorded(transaction, organizationKey, id);
  await notifyChange(transaction, `cancelled:${id}`);
  return 'cancelled';
}

async function cancelUnrecorded(
  transaction: Queryable,
  { tenant, id }: { tenant: Tenant; id: string },
): Promise<Unrecorded | 'recorded-meanwhile'> {
  const organizationKey = tenant.organization.key;
  const unrecorded = await findUnrecorded(transaction, organizationKey, id);
  if (!unrecorded) throw noDelivery();
  const { webhookId, eventId, eventType, xid } = unrecorded;
  const deliveries = [{ id, eventId, eventType }];
  const inserted = await insertUnsent(transaction, { organizationKey, webhookId, status: 'cancelled', deliveries });
  if (inserted.size === 0) return 'recorded-meanwhile';
  const shard = shardOf(organizationKey);
  await notifyChange(transaction, `cancelled:${id}:${shard}:${xid}`);
  return { shard, xid: Number(xid) };
}

async function findUnrecorded(
  queryable: Queryable,
  organizationKey: number,
  id: string,
): Promise<{ webhookId: string; eventId: string; eventType: string; xid: string } | null> {
  if (!isUuid(id)) return null;
  for (const event of await eventsOfDeliveryTime(queryable, organizationKey, id)) {
    const webhookId = event.webhook_ids.find((webhook) => deliveryId(event.event_id, webhook) === id);
    if (webhookId !== undefined) return { webhookId, eventId: event.event_id, eventType: event.event_type, xid: event.xid };
  }
  return null;
}

function noDelivery(): PosthornError {
  return new PosthornError('not_found', 'There is no such delivery in this organization.');
}
