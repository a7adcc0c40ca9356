import { deliveryId } from '../ids/delivery-id.ts';
import { shardOf } from '../ids/shard.ts';
import { lowestIdAt } from '../ids/uuid-time.ts';
import { nothingMore, type AlsoCommit, type Database } from '../store/database.ts';
import { notifyChange } from '../store/notify-change.ts';
import { deliveryStates, eventsToReplay, insertUnsent, markQueued, queueDeliveries, type ReplayedEvent } from '../store/redelivery.ts';
import type { ResolvedWebhook } from '../tenancy/resolve-webhook.ts';
import type { Tenant } from '../tenancy/tenant.ts';

/** Deliveries that a replay can select. `missed`: a matching event from when the webhook was failed or didn't exist. */
export const REPLAY_STATUSES = ['failed', 'cancelled', 'delivered', 'missed'] as const;
export type ReplayStatus = (typeof REPLAY_STATUSES)[number];

const DEFAULT_REPLAY: readonly ReplayStatus[] = ['failed', 'cancelled', 'missed'];
const REPLAY_PAGE = 1_000;

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
