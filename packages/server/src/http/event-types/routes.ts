import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { RetryPlan, SuccessRule } from '../webhooks/webhook-schema.ts';

const TAGS = ['Event types'];

const EventType = Type.Object(
  {
    type: Type.String(),
    group: Type.Union([Type.String(), Type.Null()]),
    description: Type.String(),
    aliases: Type.Array(Type.String()),
    schema: Type.Unknown({
      description: 'JSON Schema of the data; null if any object is accepted, or if the schema has no JSON Schema form.',
    }),
    sample: Type.Unknown(),
  },
  { title: 'EventType' },
);

export function eventTypeRoutes(app: FastifyInstance): void {
  app.get(
    '/organizations/:org/event-types',
    {
      schema: {
        tags: TAGS,
        summary: 'List event types',
        description: 'The event types of the organization’s product, and the defaults and choices for its webhooks.',
        response: {
          200: Type.Object({
            data: Type.Array(EventType),
            product: Type.Object({
              name: Type.String(),
              title: Type.String(),
              anyEvent: Type.Boolean({ description: 'Whether event types that are not listed are accepted too.' }),
              methods: Type.Array(Type.String()),
              contentTypes: Type.Array(Type.String()),
              url: Type.String({ description: 'Which URLs are accepted: https, or http-or-https.' }),
              secret: Type.String({ description: 'generated: every webhook has one; optional: only if one is given.' }),
              retry: RetryPlan,
              success: SuccessRule,
              timeoutMs: Type.Integer(),
              ordered: Type.Boolean(),
            }),
          }),
        },
      },
    },
    async (request) => {
      const { product } = request.tenant;
      const data = [...product.eventTypes.values()].map(({ name, group, description, aliases, jsonSchema, sample }) => ({
        type: name,
        group,
        description,
        aliases: [...aliases],
        schema: jsonSchema,
        sample,
      }));
      const { methods, contentTypes, url, secret, retry, success, timeoutMs, ordered } = product.policy;
      return {
        data,
        product: {
          name: product.name,
          title: product.title,
          anyEvent: product.anyEvent,
          methods: [...methods],
          contentTypes: [...contentTypes],
          url,
          secret,
          retry,
          success,
          timeoutMs,
          ordered,
        },
      };
    },
  );
}
