import type { DeliveryStatus } from '@posthorn/protocol';
import type { Queryable } from '../store/database.ts';
import { deliveryId } from '../ids/delivery-id.ts';
import { deliveriesByIds, deliveriesOfEvent, listDeliveries, type DeliveryQuery, type DeliveryRow } from '../store/delivery-queries.ts';
import type { EventRow } from '../store/event-queries.ts';
import { eventsOfMillisecond, unsettledEvents, type FannedOutRow } from '../store/unsettled-events.ts';
import { isUuid, lowestIdAt, timeOfId } from '../ids/uuid-time.ts';
import { findEvent } from './find-event.ts';

/** Which deliveries to find. */
export interface DeliveryFilter {
  /** The lowest id. */
  readonly from: string;
  /** Above the highest id. */
  readonly below: string;
  readonly webhook?: string;
  readonly event?: string;
  readonly type?: string;
  readonly status?: DeliveryStatus;
  readonly limit: number;
}

/** Where a search stopped before it had found enough. The next page continues below this id. */
type Position = Pick<DeliveryRow, 'id'>;

export interface FoundDeliveries {
  readonly rows: DeliveryRow[];
  /** null if the search reached its end or filled the page. */
  readonly stoppedAt: Position | null;
}

/** Lists deliveries, newest first. A delivery without a row yet is derived from its event and is pending. */
export async function findDeliveries(database: Queryable, organizationKey: number, filter: DeliveryFilter): Promise<FoundDeliveries> {
  const { from, below, webhook, event, type = null, status = null, limit } = filter;
  if (webhook !== undefined && !isUuid(webhook)) return { rows: [], stoppedAt: null };
  const webhookId = webhook?.toLowerCase() ?? null;
  const wanted: DeliveryQuery = { organizationKey, from, below, webhookId, type, status, limit };
  if (event !== undefined) {
    const row = await findEvent(database, organizationKey, event);
    return { rows: row ? newest(await deliveriesOf(database, organizationKey, row), wanted) : [], stoppedAt: null };
  }
  if (status !== null && status !== 'pending') return listDeliveries(database, wanted);
  return withUnrecorded(database, wanted);
}

async function withUnrecorded(database: Queryable, wanted: DeliveryQuery): Promise<FoundDeliveries> {
  // Read unrecorded deliveries first: in the other order, one that is recorded in between would be in neither result.
  const { events, onlyAfter } = await unsettledEvents(database, wanted);
  const recorded = await listDeliveries(database, wanted);
  // The page ends where either of the two reads stopped. Older deliveries are on the next page.
  const oldest = recorded.rows.length === wanted.limit ? recorded.rows.at(-1) : recorded.stoppedAt;
  const ends = [oldest?.id ?? null, onlyAfter === null ? null : lowestIdAt(onlyAfter + 1)].filter((end) => end !== null);
  const end = ends.toSorted().at(-1) ?? null;
  const since = end === null ? 0 : timeOfId(end);
  const others = await asRecorded(
    database,
    wanted,
    events.filter((one) => timeOfId(one.event_id) >= since),
  );
  const all = new Map([...recorded.rows, ...others].map((row) => [row.id, row]));
  const rows = newest(all.values(), { ...wanted, from: end !== null && end > wanted.from ? end : wanted.from });
  return { rows, stoppedAt: end === null ? null : { id: end } };
}

/** Returns the deliveries of an event, as recorded or as pending. */
export async function deliveriesOf(database: Queryable, organizationKey: number, event: EventRow): Promise<DeliveryRow[]> {
  const found = await deliveriesOfEvent(database, organizationKey, event.id);
  const known = new Set(found.map((row) => row.id));
  const meant = pendingDeliveries({ ...event, event_id: event.id, event_type: event.type }).filter((row) => !known.has(row.id));
  return [...found, ...(await recordedOrPending(database, organizationKey, meant))];
}

/** Finds a delivery by id; null if the organization has no such delivery. */
export async function findDelivery(database: Queryable, organizationKey: number, text: string): Promise<DeliveryRow | null> {
  if (!isUuid(text)) return null;
  const id = text.toLowerCase();
  const [recorded] = await deliveriesByIds(database, organizationKey, [id]);
  if (recorded) return recorded;
  const events = await eventsOfMillisecond(database, organizationKey, timeOfId(id));
  return events.flatMap((event) => pendingDeliveries(event)).find((row) => row.id === id) ?? null;
}

/** Returns the deliveries of events, as recorded by now or as pending. */
async function asRecorded(database: Queryable, wanted: DeliveryQuery, events: readonly FannedOutRow[]): Promise<DeliveryRow[]> {
  const pending = events.flatMap((event) => pendingDeliveries(event, wanted.webhookId));
  return recordedOrPending(database, wanted.organizationKey, pending);
}

async function recordedOrPending(database: Queryable, organizationKey: number, pending: readonly DeliveryRow[]): Promise<DeliveryRow[]> {
  if (pending.length === 0) return [];
  const ids = pending.map((row) => row.id);
  const recorded = new Map((await deliveriesByIds(database, organizationKey, ids)).map((row) => [row.id, row]));
  return pending.map((row) => recorded.get(row.id) ?? row);
}

function pendingDeliveries(event: FannedOutRow, webhookId: string | null = null): DeliveryRow[] {
  const webhookIds = webhookId === null ? event.webhook_ids : event.webhook_ids.filter((one) => one === webhookId);
  return webhookIds.map((one) => ({
    id: deliveryId(event.event_id, one),
    webhook_id: one,
    event_id: event.event_id,
    external_id: event.external_id,
    event_type: event.event_type,
    test: event.test,
    status: 'pending',
    attempt_count: 0,
    next_attempt_at: null,
    updated_at: new Date(timeOfId(event.event_id)),
  }));
}

function newest(rows: Iterable<DeliveryRow>, wanted: DeliveryQuery): DeliveryRow[] {
  const { from, below, webhookId, type, status, limit } = wanted;
  return [...rows]
    .filter((row) => row.id >= from && row.id < below)
    .filter((row) => webhookId === null || row.webhook_id === webhookId)
    .filter((row) => (type === null || row.event_type === type) && (status === null || row.status === status))
    .sort((one, other) => (one.id < other.id ? 1 : -1))
    .slice(0, limit);
}
