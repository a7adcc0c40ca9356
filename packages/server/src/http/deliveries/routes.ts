import { DELIVERY_STATUSES, PosthornError, type DeliveryStatus } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { cancel, redeliver } from '../../intake/redeliver.ts';
import type { Database } from '../../store/database.ts';
import { deliveryId } from '../../store/delivery-id.ts';
import {
  attemptsOf,
  deliveriesByIds,
  listDeliveries,
  recentEvents,
  type DeliveryQuery,
  type DeliveryRow,
} from '../../store/delivery-queries.ts';
import { eventById } from '../../store/event-queries.ts';
import { isUuid, lowestIdAt, timeOfId } from '../../store/uuid-time.ts';
import type { Tenant } from '../../tenancy/directory.ts';
import { findEvent } from '../events/read-routes.ts';
import { DEFAULT_LIMIT, PAGE_QUERY, pageFrom, pageOf, type PageQuery } from '../pagination.ts';
import { idRange, SPAN_QUERY, type SpanQuery } from '../time-span.ts';
import { attemptJson, deliveryJson, pendingDeliveries } from './delivery-json.ts';
import { Delivery, DeliveryWithAttempts } from './delivery-schema.ts';

export interface DeliveryServices {
  readonly database: Database;
  readonly now: () => number;
}

type ListQuery = PageQuery &
  SpanQuery & { readonly webhook?: string; readonly event?: string; readonly type?: string; readonly status?: DeliveryStatus };

const TAGS = ['Deliveries'];
const ONE = '/organizations/:org/deliveries/:delivery';
/** Events whose unrecorded deliveries a list looks for. What is older and not recorded yet shows up once it is. */
const RECENT_EVENTS = 200;

export function deliveryRoutes(app: FastifyInstance, { database, now }: DeliveryServices): void {
  app.get<{ Querystring: ListQuery }>(
    '/organizations/:org/deliveries',
    {
      schema: {
        tags: TAGS,
        summary: 'List deliveries, newest first',
        querystring: Type.Object(
          {
            ...PAGE_QUERY,
            ...SPAN_QUERY,
            webhook: Type.Optional(Type.String()),
            event: Type.Optional(Type.String()),
            type: Type.Optional(Type.String()),
            status: Type.Optional(Type.Enum([...DELIVERY_STATUSES])),
          },
          { additionalProperties: false },
        ),
        response: { 200: pageOf(Delivery) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT } = request.query;
      const rows = await findDeliveries(database, request.tenant, { ...request.query, limit: limit + 1 });
      return pageFrom(rows, limit, { item: deliveryJson, position: (row) => row.id });
    },
  );

  app.get<{ Params: { delivery: string } }>(
    ONE,
    { schema: { tags: TAGS, summary: 'Read a delivery with its attempts', response: { 200: DeliveryWithAttempts } } },
    async (request) => showDelivery(database, request.tenant, request.params.delivery),
  );

  app.post<{ Params: { delivery: string } }>(
    `${ONE}/redeliver`,
    { schema: { tags: TAGS, summary: 'Send it again, with the same event id and bytes', response: { 202: DeliveryWithAttempts } } },
    async (request, reply) => {
      await redeliver(database, { tenant: request.tenant, id: request.params.delivery, now: new Date(now()) });
      return reply.code(202).send(await showDelivery(database, request.tenant, request.params.delivery));
    },
  );

  app.post<{ Params: { delivery: string } }>(
    `${ONE}/cancel`,
    { schema: { tags: TAGS, summary: 'Give it up', response: { 202: DeliveryWithAttempts } } },
    async (request, reply) => {
      await cancel(database, { tenant: request.tenant, id: request.params.delivery });
      return reply.code(202).send(await showDelivery(database, request.tenant, request.params.delivery));
    },
  );
}

async function findDeliveries(database: Database, tenant: Tenant, query: ListQuery & { limit: number }): Promise<DeliveryRow[]> {
  const { webhook, event, type = null, status = null, limit } = query;
  if (webhook !== undefined && !isUuid(webhook)) return [];
  const organizationKey = tenant.organization.key;
  const range = idRange(query);
  const wanted: DeliveryQuery = { organizationKey, ...range, webhookId: webhook ?? null, type, status, limit };
  if (event !== undefined) return deliveriesOfEvent(database, wanted, event);
  const recorded = await listDeliveries(database, wanted);
  if (status !== null && status !== 'pending') return recorded;
  // Recorded ones of a full page end where older unrecorded ones would follow: those come with the next page.
  const oldest = recorded.length === limit ? recorded.at(-1)?.id : undefined;
  const events = await recentEvents(database, {
    organizationKey,
    from: oldest === undefined ? range.from : lowestIdAt(timeOfId(oldest)),
    below: range.below,
    limit: RECENT_EVENTS,
  });
  const pending = events.flatMap(pendingDeliveries).filter((row) => fits(row, wanted));
  const known = new Set(
    (
      await deliveriesByIds(
        database,
        organizationKey,
        pending.map((row) => row.id),
      )
    ).map((row) => row.id),
  );
  return [...recorded, ...pending.filter((row) => !known.has(row.id))].sort(newestFirst).slice(0, limit);
}

async function deliveriesOfEvent(database: Database, wanted: DeliveryQuery, id: string): Promise<DeliveryRow[]> {
  const event = await findEvent(database, wanted.organizationKey, id);
  if (!event) return [];
  const pending = pendingDeliveries({ ...event, event_id: event.id, event_type: event.type });
  const recorded = await deliveriesByIds(
    database,
    wanted.organizationKey,
    pending.map((row) => row.id),
  );
  const known = new Map(recorded.map((row) => [row.id, row]));
  const rows = pending.map((row) => known.get(row.id) ?? row);
  return rows
    .filter((row) => fits(row, wanted) && (wanted.status === null || row.status === wanted.status))
    .sort(newestFirst)
    .slice(0, wanted.limit);
}

function fits(row: DeliveryRow, { webhookId, type, from, below }: DeliveryQuery): boolean {
  return (
    (webhookId === null || row.webhook_id === webhookId) && (type === null || row.event_type === type) && row.id >= from && row.id < below
  );
}

function newestFirst(one: DeliveryRow, other: DeliveryRow): number {
  return one.id < other.id ? 1 : -1;
}

async function showDelivery(database: Database, tenant: Tenant, id: string) {
  const row = isUuid(id) ? await findDelivery(database, tenant.organization.key, id.toLowerCase()) : null;
  if (!row) throw new PosthornError('not_found', 'There is no such delivery in this organization.');
  const [attempts, event] = await Promise.all([
    attemptsOf(database, tenant.organization.key, row.id),
    eventById(database, tenant.organization.key, row.event_id),
  ]);
  const { formParameter } = tenant.product.policy;
  return { ...deliveryJson(row), attempts: attempts.map((bytes) => attemptJson(bytes, event?.body ?? null, formParameter)) };
}

async function findDelivery(database: Database, organizationKey: number, id: string): Promise<DeliveryRow | null> {
  const [recorded] = await deliveriesByIds(database, organizationKey, [id]);
  if (recorded) return recorded;
  const time = timeOfId(id);
  const events = await recentEvents(database, { organizationKey, from: lowestIdAt(time), below: lowestIdAt(time + 1), limit: 10_000 });
  const event = events.find((one) => one.webhook_ids.some((webhookId) => deliveryId(one.event_id, webhookId) === id));
  return event ? (pendingDeliveries(event).find((row) => row.id === id) ?? null) : null;
}
