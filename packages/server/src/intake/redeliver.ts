import { PosthornError } from '@posthorn/protocol';
import { nothingMore, type AlsoCommit, type Database, type Queryable } from '../store/database.ts';
import { deliveryId } from '../ids/delivery-id.ts';
import { notifyChange } from '../store/notify-change.ts';
import {
  cancelRecorded,
  deliveryStates,
  eventsOfDeliveryTime,
  eventsToReplay,
  insertUnsent,
  lockDelivery,
  markQueued,
  queueDeliveries,
  type ReplayedEvent,
} from '../store/redelivery.ts';
import { shardOf } from '../ids/shard.ts';
import { isUuid, lowestIdAt } from '../ids/uuid-time.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { ResolvedWebhook } from '../tenancy/resolve-webhook.ts';

/** Deliveries that a replay can select. `missed`: a matching event from when the webhook was failed or didn't exist. */
export const REPLAY_STATUSES = ['failed', 'cancelled', 'delivered', 'missed'] as const;
export type ReplayStatus = (typeof REPLAY_STATUSES)[number];

const DEFAULT_REPLAY: readonly ReplayStatus[] = ['failed', 'cancelled', 'missed'];
const REPLAY_PAGE = 1_000;

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

/** The progress of a replay. */
export interface ReplayPosition {
  /** The event id to continue from. */
  readonly from: string;
  /** The number of deliveries queued so far. */
  readonly count: number;
}

export interface ReplayInput {
  readonly tenant: Tenant;
  readonly webhook: ResolvedWebhook;
  readonly since: Date;
  readonly until: Date;
  /** Default: failed, cancelled and missed. */
  readonly statuses?: readonly ReplayStatus[] | undefined;
  /** Continues an earlier replay. */
  readonly start?: ReplayPosition | null;
  /** Called in each transaction that queues deliveries. */
  readonly also?: AlsoCommit<ReplayPosition>;
}

/**
 * Queues the events of a time span for a webhook again, as a backlog that doesn't delay other deliveries.
 * Returns the number of queued deliveries.
 */
export async function replay(database: Database, input: ReplayInput): Promise<number> {
  const to = lowestIdAt(input.until.getTime() + 1);
  let { from, count } = input.start ?? { from: lowestIdAt(input.since.getTime()), count: 0 };
  for (;;) {
    const events = await eventsToReplay(database, { organizationKey: input.tenant.organization.key, from, to, limit: REPLAY_PAGE });
    const last = events.at(-1);
    if (!last) return count;
    from = afterId(last.id);
    // Test events are not replayed.
    const meant = events.filter(({ test }) => !test);
    count = await replayPage(database, input, { events: meant, end: { from, count } });
    if (events.length < REPLAY_PAGE) return count;
  }
}

interface ReplayPage {
  readonly events: readonly ReplayedEvent[];
  /** The position after these events, with the count before them. */
  readonly end: ReplayPosition;
}

/** Returns the number of deliveries queued, including those of earlier pages. */
async function replayPage(database: Database, input: ReplayInput, { events, end }: ReplayPage): Promise<number> {
  const { tenant, webhook, also = nothingMore } = input;
  const organizationKey = tenant.organization.key;
  const wanted = new Set<string>(input.statuses ?? DEFAULT_REPLAY);
  const deliveries = events.map((event) => ({ event, id: deliveryId(event.id, webhook.id), eventId: event.id, eventType: event.type }));
  const held = webhook.status !== 'active';
  return database.transaction(async (transaction) => {
    const states = await deliveryStates(
      transaction,
      organizationKey,
      deliveries.map((delivery) => delivery.id),
    );
    const known = new Map(states.map((row) => [row.id, row]));
    const missed = deliveries.filter(
      ({ event, id }) =>
        wanted.has('missed') && !known.has(id) && !event.webhook_ids.includes(webhook.id) && matches(tenant, webhook, event),
    );
    const inserted = await insertUnsent(transaction, {
      organizationKey,
      webhookId: webhook.id,
      status: held ? 'held' : 'pending',
      deliveries: missed,
    });
    const again = deliveries.filter(({ id }) => wanted.has(known.get(id)?.status ?? ''));
    const queued = [...missed.filter(({ id }) => inserted.has(id)), ...again];
    if (queued.length === 0) return end.count;
    await markQueued(transaction, { organizationKey, ids: again.map(({ id }) => id), held, nextAttemptAt: null });
    await queueDeliveries(transaction, {
      organizationKey,
      shard: shardOf(organizationKey),
      webhookId: webhook.id,
      deliveries: queued.map(({ id, eventId }) => ({ id, eventId, attemptCount: known.get(id)?.attempt_count ?? 0 })),
      dueAt: 'infinity',
      reason: held ? 'held' : 'backlog',
    });
    await notifyChange(transaction, `organization:${organizationKey}`);
    const count = end.count + queued.length;
    await also(transaction, { ...end, count });
    return count;
  });
}

function matches(tenant: Tenant, webhook: ResolvedWebhook, event: ReplayedEvent): boolean {
  return tenant.wants(webhook, event.type, event.scope);
}

/** The next higher id: UUIDs compare as 128-bit numbers. */
function afterId(id: string): string {
  const next = (BigInt(`0x${id.replaceAll('-', '')}`) + 1n).toString(16).padStart(32, '0');
  return `${next.slice(0, 8)}-${next.slice(8, 12)}-${next.slice(12, 16)}-${next.slice(16, 20)}-${next.slice(20)}`;
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
