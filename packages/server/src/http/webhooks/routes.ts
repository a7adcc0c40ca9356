import { PosthornError, type JsonObject } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Intake } from '../../intake/emit.ts';
import type { Pings } from '../../intake/pings.ts';
import { senderProblem } from '../sender.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import type { ShownWebhook } from '../../tenancy/resolve-webhook.ts';
import type { Warning } from '../../tenancy/webhook-input.ts';
import type { CreatedWebhook, EnabledWebhook, Webhooks } from '../../tenancy/webhooks.ts';
import { answerInCommit } from '../answer-in-commit.ts';
import { idempotentEventId } from '../idempotency.ts';
import { DEFAULT_LIMIT, PAGE_QUERY, pageFrom, pageOf, type PageQuery } from '../pagination.ts';
import { idBelow } from '../time-span.ts';
import { storedText } from '../text-schema.ts';
import { webhookChange, webhookJson, type WebhookBody } from './webhook-json.ts';
import { NewWebhook, Webhook, WebhookChange } from './webhook-schema.ts';

export interface WebhookServices {
  readonly webhooks: Webhooks;
  readonly intake: Intake;
  readonly pings: Pings;
}

interface OneWebhook {
  readonly org: string;
  readonly webhook: string;
}

const TAGS = ['Webhooks'];
const ONE = '/organizations/:org/webhooks/:webhook';

/** Routes that create, read, update, delete and test webhooks. */
export function webhookRoutes(app: FastifyInstance, services: WebhookServices): void {
  webhookListRoutes(app, services);
  webhookChangeRoutes(app, services);
  webhookSecretRoutes(app, services);
  webhookSendRoutes(app, services);
}

function webhookListRoutes(app: FastifyInstance, services: WebhookServices): void {
  const { webhooks, pings } = services;
  app.post<{ Body: WebhookBody & { url: string; events: string[] } }>(
    '/organizations/:org/webhooks',
    {
      schema: {
        tags: TAGS,
        summary: 'Create a webhook',
        description: 'Only this response shows the secret.',
        body: NewWebhook,
        response: { 201: Webhook },
      },
    },
    async (request, reply) => {
      const { url, events } = request.body;
      const { onCreate } = request.tenant.product.ping;
      const answer = ({ webhook, secret, warnings }: CreatedWebhook, more: readonly Warning[]) => {
        return { ...webhookJson(webhook), secret, warnings: [...warnings, ...more] };
      };
      const created = await webhooks.create(
        request.tenant,
        { ...webhookChange(request.body), url, events },
        answerInCommit(reply, 201, (stored: CreatedWebhook) => answer(stored, onCreate ? [PING_UNKNOWN] : [])),
      );
      return reply.code(201).send(answer(created, onCreate ? await pingNew(pings, request.tenant, created.webhook) : []));
    },
  );

  app.get<{ Querystring: PageQuery & { scope?: string } }>(
    '/organizations/:org/webhooks',
    {
      schema: {
        tags: TAGS,
        summary: 'List webhooks',
        description: 'Newest first.',
        querystring: Type.Object({ ...PAGE_QUERY, scope: Type.Optional(storedText()) }, { additionalProperties: false }),
        response: { 200: pageOf(Webhook) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor, scope = null } = request.query;
      const before = idBelow(cursor);
      const rows = await webhooks.list(request.tenant, { before, limit: limit + 1, scope });
      return pageFrom(rows, limit, { item: webhookJson, position: ({ id }) => id });
    },
  );
}

function webhookChangeRoutes(app: FastifyInstance, { webhooks }: WebhookServices): void {
  app.get<{ Params: OneWebhook }>(ONE, { schema: { tags: TAGS, summary: 'Get a webhook', response: { 200: Webhook } } }, async (request) =>
    webhookJson(await webhooks.find(request.tenant, request.params.webhook)),
  );

  app.patch<{ Params: OneWebhook; Body: WebhookBody }>(
    ONE,
    { schema: { tags: TAGS, summary: 'Update a webhook', body: WebhookChange, response: { 200: Webhook } } },
    async (request) => {
      const { webhook, warnings } = await webhooks.update(request.tenant, request.params.webhook, webhookChange(request.body));
      return { ...webhookJson(webhook), warnings: [...warnings] };
    },
  );

  app.delete<{ Params: OneWebhook }>(
    ONE,
    {
      schema: {
        tags: TAGS,
        summary: 'Delete a webhook',
        description: 'Cancels its unfinished deliveries.',
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await webhooks.delete(request.tenant, request.params.webhook);
      return reply.code(204).send();
    },
  );

  app.post<{ Params: OneWebhook }>(
    `${ONE}/pause`,
    {
      schema: {
        tags: TAGS,
        summary: 'Pause a webhook',
        description: 'Its deliveries are held until it is enabled.',
        response: { 200: Webhook },
      },
    },
    async (request, reply) => {
      const also = answerInCommit(reply, 200, ({ webhook }: EnabledWebhook) => webhookJson(webhook));
      return webhookJson(await webhooks.pause(request.tenant, request.params.webhook, also));
    },
  );
}

function webhookSecretRoutes(app: FastifyInstance, { webhooks }: WebhookServices): void {
  app.post<{ Params: OneWebhook; Body: { overlapSeconds?: number; secret?: string } }>(
    `${ONE}/rotate-secret`,
    {
      schema: {
        tags: TAGS,
        summary: 'Rotate the secret of a webhook',
        description: 'Requests are signed with both secrets for `overlapSeconds`. Only this response shows the new one.',
        body: Type.Optional(
          Type.Object(
            {
              overlapSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 604_800, default: 86_400 })),
              secret: Type.Optional(Type.String({ maxLength: 256 })),
            },
            { additionalProperties: false },
          ),
        ),
        response: { 200: Webhook },
      },
    },
    async (request, reply) => {
      const answer = ({ webhook, secret }: CreatedWebhook) => ({ ...webhookJson(webhook), secret });
      const rotation = { ...request.body, id: request.params.webhook };
      return answer(await webhooks.rotateSecret(request.tenant, rotation, answerInCommit(reply, 200, answer)));
    },
  );
}

function webhookSendRoutes(app: FastifyInstance, services: WebhookServices): void {
  const { webhooks, intake, pings } = services;
  app.post<{ Params: OneWebhook; Body: { sender?: JsonObject } }>(
    `${ONE}/ping`,
    { schema: { tags: TAGS, summary: 'Send a ping to a webhook', body: Ping, response: { 202: Sent } } },
    async (request, reply) => {
      const { tenant, params, body } = request;
      const problem = senderProblem(body);
      if (problem) throw problem;
      const id = idempotentEventId(request);
      return reply
        .code(202)
        .send(await pings.send(tenant, await webhooks.find(tenant, params.webhook), { id, sender: body.sender ?? null }));
    },
  );

  app.post<{ Params: OneWebhook; Body: { type: string } }>(
    `${ONE}/test`,
    {
      schema: {
        tags: TAGS,
        summary: 'Send a test event to a webhook',
        description: 'Sends the sample of an event type, marked as a test.',
        body: Type.Object({ type: Type.String({ maxLength: 128 }) }, { additionalProperties: false }),
        response: { 202: Sent },
      },
    },
    async (request, reply) => {
      const { tenant } = request;
      const type = tenant.product.eventType(request.body.type);
      if (!type) throw unknownType(tenant, request.body.type);
      const webhook = await webhooks.find(tenant, request.params.webhook);
      const test = { id: idempotentEventId(request), type: type.name, data: type.sample, test: true, sender: null };
      return reply.code(202).send(await intake.emitTo(tenant, webhook, test));
    },
  );
}

const Sent = Type.Object({ id: Type.String(), deliveries: Type.Integer(), deliveryId: Type.String() });

const Ping = Type.Object(
  { sender: Type.Optional(Type.Object({}, { description: 'The person who asked for the ping.' })) },
  { additionalProperties: false },
);

/** Stored for a repeat of the request, if the server stops after it created the webhook and before it responds. */
const PING_UNKNOWN: Warning = {
  code: 'ping_not_sent',
  message: 'The server stopped before it responded, so the ping may not have been sent. Send one with POST …/ping.',
};

/** Sends the first ping. A failure becomes a warning: the response must still show the new webhook's secret. */
async function pingNew(pings: Pings, tenant: Tenant, webhook: ShownWebhook): Promise<Warning[]> {
  try {
    await pings.send(tenant, webhook, { sender: null });
    return [];
  } catch (error) {
    return [{ code: 'ping_not_sent', message: `The ping was not sent: ${error instanceof PosthornError ? error.message : 'it failed.'}` }];
  }
}

function unknownType({ product }: Tenant, type: string): PosthornError {
  const known = [...product.eventTypes.keys()].slice(0, 50).join(', ');
  return new PosthornError(
    'unknown_event_type',
    `The product ${product.name} has no event type ${JSON.stringify(type)}. GET …/event-types lists them.`,
    {
      errors: [{ path: '/type', rule: 'known', message: `must be one of ${known}` }],
    },
  );
}
