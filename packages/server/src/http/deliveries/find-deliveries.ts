import type { DeliveryStatus } from '@posthorn/protocol';
import type { Database, Queryable } from '../../store/database.ts';
import { deliveryId } from '../../store/delivery-id.ts';
import {
  deliveriesByIds,
  deliveriesOfEvent,
  eventsOfMillisecond,
  listDeliveries,
  unsettledEvents,
  type DeliveryQuery,
  type DeliveryRow,
  type FannedOutRow,
} from '../../store/delivery-queries.ts';
import type { EventRow } from '../../store/event-queries.ts';
import { isUuid, timeOfId } from '../../store/uuid-time.ts';
import { findEvent } from '../events/find-event.ts';
import { idRange, type SpanQuery } from '../time-span.ts';

/** Which deliveries are looked for. */
export interface DeliveryFilter extends SpanQuery {
  readonly webhook?: string;
  readonly event?: string;
  readonly type?: string;
  readonly status?: DeliveryStatus;
  readonly limit: number;
}

/** Newest first. A delivery that nothing was recorded of yet follows from its event, and is pending. */
export async function findDeliveries(database: Database, organizationKey: number, filter: DeliveryFilter): Promise<DeliveryRow[]> {
  const { webhook, event, type = null, status = null, limit } = filter;
  if (webhook !== undefined && !isUuid(webhook)) return [];
  const webhookId = webhook?.toLowerCase() ?? null;
  const wanted: DeliveryQuery = { organizationKey, ...idRange(filter), webhookId, type, status, limit };
  if (event !== undefined) {
    const row = await findEvent(database, organizationKey, event);
    return row ? newest(await deliveriesOf(database, organizationKey, row), wanted) : [];
  }
  if (status !== null && status !== 'pending') return listDeliveries(database, wanted);
  // First what may be unrecorded, then what is recorded: asked the other way round, what settles in between would be in neither.
  const events = await unsettledEvents(database, wanted);
  const recorded = await listDeliveries(database, wanted);
  // A full page of recorded ones ends where older unrecorded ones would follow: those come with the next page.
  const oldest = recorded.length === limit ? recorded.at(-1) : undefined;
  const since = oldest === undefined ? 0 : timeOfId(oldest.id);
  const others = await asRecorded(
    database,
    wanted,
    events.filter((one) => timeOfId(one.event_id) >= since),
  );
  const rows = new Map([...recorded, ...others].map((row) => [row.id, row]));
  return newest(rows.values(), wanted);
}

/** The deliveries of an event: as recorded, or pending. */
export async function deliveriesOf(database: Database, organizationKey: number, event: EventRow): Promise<DeliveryRow[]> {
  const recorded = await deliveriesOfEvent(database, organizationKey, event.id);
  const known = new Set(recorded.map((row) => row.id));
  const pending = pendingDeliveries({ ...event, event_id: event.id, event_type: event.type });
  return [...recorded, ...pending.filter((row) => !known.has(row.id))];
}

/** By id; null: the organization has no such delivery. */
export async function findDelivery(database: Queryable, organizationKey: number, text: string): Promise<DeliveryRow | null> {
  if (!isUuid(text)) return null;
  const id = text.toLowerCase();
  const [recorded] = await deliveriesByIds(database, organizationKey, [id]);
  if (recorded) return recorded;
  const events = await eventsOfMillisecond(database, organizationKey, timeOfId(id));
  return events.flatMap((event) => pendingDeliveries(event)).find((row) => row.id === id) ?? null;
}

/** The deliveries of events: as recorded by now, or pending. */
async function asRecorded(database: Database, wanted: DeliveryQuery, events: readonly FannedOutRow[]): Promise<DeliveryRow[]> {
  const pending = events.flatMap((event) => pendingDeliveries(event, wanted.webhookId));
  if (pending.length === 0) return [];
  const ids = pending.map((row) => row.id);
  const recorded = new Map((await deliveriesByIds(database, wanted.organizationKey, ids)).map((row) => [row.id, row]));
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
