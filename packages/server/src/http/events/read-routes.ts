import { parseJson, PosthornError, type JsonObject } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Queryable } from '../../store/database.ts';
import { listEvents, listEventsOfSubject, type EventRow, type ListedEventRow } from '../../store/event-queries.ts';
import { timeOfId } from '../../ids/uuid-time.ts';
import { deliveriesOf } from '../deliveries/find-deliveries.ts';
import { DEFAULT_LIMIT, PAGE_QUERY, pageFromScan, pageOf, type PageQuery } from '../pagination.ts';
import { storedText } from '../text-schema.ts';
import { findEvent } from './find-event.ts';
import { idRange, SPAN_QUERY, type SpanQuery } from '../time-span.ts';

const FIELDS = {
  id: Type.String({ description: 'Your own id if you chose one.' }),
  type: Type.String(),
  scope: Type.Union([Type.String(), Type.Null()]),
  subject: Type.Union([Type.Object({ kind: Type.String(), id: Type.String() }), Type.Null()]),
  test: Type.Boolean(),
  createdAt: Type.String({ format: 'date-time' }),
};
const Event = Type.Object(FIELDS, { title: 'Event', description: 'Lists leave out the data. Get the event to see it.' });
const EventWithDeliveries = Type.Object(
  {
    ...FIELDS,
    sender: Type.Unknown({ description: 'The person who caused the event, as it was sent; null if nobody was named.' }),
    data: Type.Unknown(),
    body: Type.String({ description: 'The JSON body that webhooks receive.' }),
    deliveries: Type.Array(
      Type.Object({ id: Type.String(), webhookId: Type.String(), status: Type.String(), attemptCount: Type.Integer() }),
    ),
  },
  { title: 'EventWithDeliveries' },
);
const TAGS = ['Events'];
const SUBJECT_PATTERN = '^[^:\\u0000]+:[^\\u0000]+$';

type ListQuery = PageQuery & SpanQuery & { readonly type?: string; readonly scope?: string; readonly subject?: string };

export function eventReadRoutes(app: FastifyInstance, database: Queryable): void {
  app.get<{ Querystring: ListQuery }>(
    '/organizations/:org/events',
    {
      schema: {
        tags: TAGS,
        summary: 'List events',
        description: 'Newest first.',
        querystring: Type.Object(
          {
            ...PAGE_QUERY,
            ...SPAN_QUERY,
            type: Type.Optional(storedText()),
            scope: Type.Optional(storedText()),
            subject: Type.Optional(Type.String({ pattern: SUBJECT_PATTERN, description: 'kind:id' })),
          },
          { additionalProperties: false },
        ),
        response: { 200: pageOf(Event) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, type = null, scope = null, subject } = request.query;
      const query = { organizationKey: request.tenant.organization.key, ...idRange(request.query), type, scope, limit: limit + 1 };
      const colon = subject?.indexOf(':') ?? -1;
      const found =
        subject === undefined
          ? await listEvents(database, query)
          : await listEventsOfSubject(database, query, { kind: subject.slice(0, colon), id: subject.slice(colon + 1) });
      return pageFromScan(found, limit, { item: listedJson, position: (row) => row.id });
    },
  );

  app.get<{ Params: { event: string } }>(
    '/organizations/:org/events/:event',
    { schema: { tags: TAGS, summary: 'Get an event', response: { 200: EventWithDeliveries } } },
    async (request) => {
      const { key } = request.tenant.organization;
      const row = await findEvent(database, key, request.params.event);
      if (!row) throw new PosthornError('not_found', 'There is no such event in this organization.');
      const deliveries = (await deliveriesOf(database, key, row)).map(
        ({ id, webhook_id: webhookId, status, attempt_count: attemptCount }) => ({
          id,
          webhookId,
          status,
          attemptCount,
        }),
      );
      return {
        ...listedJson(row),
        sender: row.sender === null ? null : parseJson(row.sender),
        data: dataOf(row),
        body: row.body.toString(),
        deliveries,
      };
    },
  );
}

function listedJson(row: ListedEventRow) {
  return {
    id: row.external_id ?? row.id,
    type: row.type,
    scope: row.scope,
    subject: row.subject_kind === null || row.subject_id === null ? null : { kind: row.subject_kind, id: row.subject_id },
    test: row.test,
    createdAt: new Date(timeOfId(row.id)).toISOString(),
  };
}

function dataOf({ data, data_start: start, data_length: length, body }: EventRow): JsonObject {
  const bytes = data ?? body.subarray(start ?? 0, (start ?? 0) + (length ?? 0));
  return parseJson(bytes.toString()) as JsonObject;
}
