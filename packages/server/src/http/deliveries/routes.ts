import { DELIVERY_STATUSES } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Deliveries } from '../../deliveries/deliveries.ts';
import type { DeliveryWithAttempts as ShownDelivery } from '../../deliveries/delivery.ts';
import type { DeliveryFilter } from '../../deliveries/find-deliveries.ts';
import { answerInCommit } from '../answer-in-commit.ts';
import { DEFAULT_LIMIT, PAGE_QUERY, pageFromScan, pageOf, type PageQuery } from '../pagination.ts';
import { storedText } from '../text-schema.ts';
import { idRange, SPAN_QUERY, type SpanQuery } from '../time-span.ts';
import { deliveryJson, deliveryWithAttemptsJson } from './delivery-json.ts';
import { Delivery, DeliveryWithAttempts } from './delivery-schema.ts';

export interface DeliveryServices {
  readonly deliveries: Deliveries;
}

type ListQuery = PageQuery & SpanQuery & Omit<DeliveryFilter, 'from' | 'below' | 'limit'>;

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

export function deliveryRoutes(app: FastifyInstance, { deliveries }: DeliveryServices): void {
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
      const { limit = DEFAULT_LIMIT, ...filter } = request.query;
      const found = await deliveries.list(request.tenant, { ...filter, ...idRange(request.query), limit: limit + 1 });
      return pageFromScan(found, limit, { item: deliveryJson, position: (row) => row.id });
    },
  );

  app.get<{ Params: { delivery: string } }>(
    ONE,
    { schema: { tags: TAGS, summary: 'Get a delivery', description: 'With its attempts.', response: { 200: DeliveryWithAttempts } } },
    async ({ tenant, params }) => deliveryWithAttemptsJson(await deliveries.get({ tenant, id: params.delivery })),
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
    async ({ tenant, params }, reply) => {
      const also = answerInCommit(reply, 202, shown);
      return reply.code(202).send(deliveryWithAttemptsJson(await deliveries.redeliver({ tenant, id: params.delivery }, also)));
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
    async ({ tenant, params }, reply) => {
      const also = answerInCommit(reply, 202, shown);
      return reply.code(202).send(deliveryWithAttemptsJson(await deliveries.cancel({ tenant, id: params.delivery }, also)));
    },
  );
}

async function shown(read: () => Promise<ShownDelivery>) {
  return deliveryWithAttemptsJson(await read());
}
