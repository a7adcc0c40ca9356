import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Events, ListedEvent } from '../../deliveries/events.ts';
import { DEFAULT_LIMIT, PAGE_QUERY, pageFromScan, pageOf, type PageQuery } from '../pagination.ts';
import { storedText } from '../text-schema.ts';
import { idRange, SPAN_QUERY, type SpanQuery } from '../time-span.ts';

export interface EventServices {
  readonly events: Events;
}

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

export function eventReadRoutes(app: FastifyInstance, { events }: EventServices): void {
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
      const span = { ...idRange(request.query), type, scope, limit: limit + 1 };
      const found = await events.list(request.tenant, { ...span, subject: subject === undefined ? null : subjectOf(subject) });
      return pageFromScan(found, limit, { item: listedJson, position: (event) => event.ownId });
    },
  );

  app.get<{ Params: { event: string } }>(
    '/organizations/:org/events/:event',
    { schema: { tags: TAGS, summary: 'Get an event', response: { 200: EventWithDeliveries } } },
    async (request) => {
      const { deliveries, sender, data, body, ...event } = await events.get(request.tenant, request.params.event);
      return {
        ...listedJson(event),
        sender,
        data,
        body,
        deliveries: deliveries.map(({ id, webhookId, status, attemptCount }) => ({ id, webhookId, status, attemptCount })),
      };
    },
  );
}

function listedJson({ ownId: _ownId, createdAt, ...event }: ListedEvent) {
  return { ...event, createdAt: createdAt.toISOString() };
}

/** From `kind:id`; an id may hold colons. */
function subjectOf(text: string): { kind: string; id: string } {
  const colon = text.indexOf(':');
  return { kind: text.slice(0, colon), id: text.slice(colon + 1) };
}
