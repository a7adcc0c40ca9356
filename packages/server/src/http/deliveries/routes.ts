import { DELIVERY_STATUSES, PosthornError } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { cancel, redeliver, type Unrecorded } from '../../intake/redeliver.ts';
import type { Database, Queryable } from '../../store/database.ts';
import { attemptsOf } from '../../store/delivery-queries.ts';
import { eventById } from '../../store/event-queries.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { answerInCommit } from '../answer-in-commit.ts';
import { DEFAULT_LIMIT, PAGE_QUERY, pageFromScan, pageOf, type PageQuery } from '../pagination.ts';
import { storedText } from '../text-schema.ts';
import { SPAN_QUERY } from '../time-span.ts';
import { attemptJson, deliveryJson } from './delivery-json.ts';
import { Delivery, DeliveryWithAttempts } from './delivery-schema.ts';
import { findDeliveries, findDelivery, type DeliveryFilter } from './find-deliveries.ts';

export interface DeliveryServices {
  readonly database: Database;
  /** For reads. */
  readonly reads: Queryable;
  readonly now: () => number;
  /** Is notified of each cancelled delivery, so that it is not sent. */
  readonly engine: { cancelled(deliveryId: string, unrecorded: Unrecorded | null): void };
}

type ListQuery = PageQuery & Omit<DeliveryFilter, 'limit'>;

const LIST_QUERY = Type.Object(
  {
    ...PAGE_QUERY,
    ...SPAN_QUERY,
    webhook: Type.Optional(Type.String()),
    event: Type.Optional(Type.String()),
    type: Type.Optional(storedText()),
    status: Type.Optional(Type.Enum([...DELIVERY_STATUSES])),
  },
  { additionalProperties: false },
);

const TAGS = ['Deliveries'];
const ONE = '/organizations/:org/deliveries/:delivery';

export function deliveryRoutes(app: FastifyInstance, { database, reads, engine, now }: DeliveryServices): void {
  app.get<{ Querystring: ListQuery }>(
    '/organizations/:org/deliveries',
    {
      schema: {
        tags: TAGS,
        summary: 'List deliveries',
        description: 'Newest first.',
        querystring: LIST_QUERY,
        response: { 200: pageOf(Delivery) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT } = request.query;
      const found = await findDeliveries(reads, request.tenant.organization.key, { ...request.query, limit: limit + 1 });
      return pageFromScan(found, limit, { item: deliveryJson, position: (row) => row.id });
    },
  );

  app.get<{ Params: { delivery: string } }>(
    ONE,
    { schema: { tags: TAGS, summary: 'Get a delivery', description: 'With its attempts.', response: { 200: DeliveryWithAttempts } } },
    async (request) => showDelivery(reads, request.tenant, request.params.delivery),
  );

  app.post<{ Params: { delivery: string } }>(
    `${ONE}/redeliver`,
    {
      schema: {
        tags: TAGS,
        summary: 'Redeliver a delivery',
        description: 'Sends the same event id and bytes again.',
        response: { 202: DeliveryWithAttempts },
      },
    },
    async (request, reply) => {
      const { tenant, params } = request;
      const also = answerInCommit(reply, 202, (_none, transaction) => showDelivery(transaction, tenant, params.delivery));
      await redeliver(database, { tenant, id: params.delivery, now: new Date(now()), also });
      return reply.code(202).send(await showDelivery(database, tenant, params.delivery));
    },
  );

  app.post<{ Params: { delivery: string } }>(
    `${ONE}/cancel`,
    {
      schema: {
        tags: TAGS,
        summary: 'Cancel a delivery',
        description: 'It is not attempted again.',
        response: { 202: DeliveryWithAttempts },
      },
    },
    async (request, reply) => {
      const { tenant, params } = request;
      const id = params.delivery;
      const also = answerInCommit(reply, 202, (_none, transaction) => showDelivery(transaction, tenant, id));
      engine.cancelled(id, await cancel(database, { tenant, id, also }));
      return reply.code(202).send(await showDelivery(database, tenant, id));
    },
  );
}

async function showDelivery(database: Queryable, tenant: Tenant, id: string) {
  const row = await findDelivery(database, tenant.organization.key, id);
  if (!row) throw new PosthornError('not_found', 'There is no such delivery in this organization.');
  const [attempts, event] = await Promise.all([
    attemptsOf(database, tenant.organization.key, row.id),
    eventById(database, tenant.organization.key, row.event_id),
  ]);
  const context = { product: tenant.product, webhook: tenant.webhooks.get(row.webhook_id) ?? null, body: event?.body ?? null };
  return { ...deliveryJson(row), attempts: attempts.map((bytes) => attemptJson(bytes, context)) };
}
