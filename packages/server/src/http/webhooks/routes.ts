import { PosthornError } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Intake } from '../../intake/emit.ts';
import type { Database } from '../../store/database.ts';
import { isUuid } from '../../store/uuid-time.ts';
import { listWebhooks } from '../../store/webhooks.ts';
import type { Sealer } from '../../store/sealing.ts';
import type { Tenant } from '../../tenancy/directory.ts';
import { resolveWebhook, type ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';
import { noWebhook, type CreatedWebhook, type Webhooks } from '../../tenancy/webhooks.ts';
import { decodeCursor, DEFAULT_LIMIT, PAGE_QUERY, pageFrom, pageOf, type PageQuery } from '../pagination.ts';
import { webhookChange, webhookJson, type WebhookBody } from './webhook-json.ts';
import { NewWebhook, Webhook, WebhookChange } from './webhook-schema.ts';

export interface WebhookServices {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly webhooks: Webhooks;
  readonly intake: Intake;
}

interface OneWebhook {
  readonly org: string;
  readonly webhook: string;
}

const TAGS = ['Webhooks'];
const ONE = '/organizations/:org/webhooks/:webhook';
const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Webhooks: registering, reading, changing, trying out. */
export function webhookRoutes(app: FastifyInstance, services: WebhookServices): void {
  webhookListRoutes(app, services);
  webhookChangeRoutes(app, services);
  webhookActionRoutes(app, services);
}

function webhookListRoutes(app: FastifyInstance, { database, sealer, webhooks, intake }: WebhookServices): void {
  app.post<{ Body: WebhookBody & { url: string; events: string[] } }>(
    '/organizations/:org/webhooks',
    { schema: { tags: TAGS, summary: 'Register a webhook', body: NewWebhook, response: { 201: Webhook } } },
    async (request, reply) => {
      const { url, events } = request.body;
      const created = await webhooks.create(request.tenant, { ...webhookChange(request.body), url, events });
      if (request.tenant.product.ping.onCreate) await ping(intake, request.tenant, created.webhook);
      return reply.code(201).send(createdJson(request.tenant, created));
    },
  );

  app.get<{ Querystring: PageQuery & { scope?: string } }>(
    '/organizations/:org/webhooks',
    {
      schema: {
        tags: TAGS,
        summary: 'List webhooks, newest first',
        querystring: Type.Object({ ...PAGE_QUERY, scope: Type.Optional(Type.String()) }, { additionalProperties: false }),
        response: { 200: pageOf(Webhook) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor, scope = null } = request.query;
      const { tenant } = request;
      const before = decodeCursor(cursor, isUuid) ?? HIGHEST_ID;
      const rows = await listWebhooks(database, { organizationKey: tenant.organization.key, before, limit: limit + 1, scope });
      return pageFrom(rows, limit, {
        item: (row) => shown(tenant, resolveWebhook(row, tenant.product, sealer)),
        position: (row) => row.id,
      });
    },
  );
}

function webhookChangeRoutes(app: FastifyInstance, { webhooks }: WebhookServices): void {
  app.get<{ Params: OneWebhook }>(ONE, { schema: { tags: TAGS, summary: 'Read a webhook', response: { 200: Webhook } } }, async (request) =>
    shown(request.tenant, webhookOf(request.tenant, request.params.webhook)),
  );

  app.patch<{ Params: OneWebhook; Body: WebhookBody }>(
    ONE,
    { schema: { tags: TAGS, summary: 'Change a webhook', body: WebhookChange, response: { 200: Webhook } } },
    async (request) => {
      const { status, ...change } = webhookChange(request.body);
      const id = request.params.webhook;
      const updated = await webhooks.update(request.tenant, id, change);
      if (status === undefined || status === updated.webhook.status) return createdJson(request.tenant, updated, false);
      const webhook = status === 'active' ? await webhooks.enable(request.tenant, id) : await webhooks.pause(request.tenant, id);
      return createdJson(request.tenant, { ...updated, webhook }, false);
    },
  );

  app.delete<{ Params: OneWebhook }>(
    ONE,
    { schema: { tags: TAGS, summary: 'Delete a webhook; what waits for it is cancelled', response: { 204: Type.Null() } } },
    async (request, reply) => {
      await webhooks.delete(request.tenant, request.params.webhook);
      return reply.code(204).send();
    },
  );

  app.post<{ Params: OneWebhook }>(
    `${ONE}/pause`,
    { schema: { tags: TAGS, summary: 'Hold its deliveries', response: { 200: Webhook } } },
    async (request) => shown(request.tenant, await webhooks.pause(request.tenant, request.params.webhook)),
  );
}

function webhookActionRoutes(app: FastifyInstance, { webhooks, intake }: WebhookServices): void {
  app.post<{ Params: OneWebhook; Body: { overlapSeconds?: number; secret?: string } }>(
    `${ONE}/rotate-secret`,
    {
      schema: {
        tags: TAGS,
        summary: 'Give it a new secret; the old one goes on signing beside it for a while',
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
    async (request) => createdJson(request.tenant, await webhooks.rotateSecret(request.tenant, request.params.webhook, request.body)),
  );

  app.post<{ Params: OneWebhook }>(
    `${ONE}/ping`,
    { schema: { tags: TAGS, summary: 'Send it a ping', response: { 202: Sent } } },
    async (request, reply) => reply.code(202).send(await ping(intake, request.tenant, webhookOf(request.tenant, request.params.webhook))),
  );

  app.post<{ Params: OneWebhook; Body: { type: string } }>(
    `${ONE}/test`,
    {
      schema: {
        tags: TAGS,
        summary: 'Send it the sample of an event type, marked as a test',
        body: Type.Object({ type: Type.String() }, { additionalProperties: false }),
        response: { 202: Sent },
      },
    },
    async (request, reply) => {
      const webhook = webhookOf(request.tenant, request.params.webhook);
      const type = request.tenant.product.eventType(request.body.type);
      if (!type)
        throw new PosthornError(
          'unknown_event_type',
          `The product ${request.tenant.product.name} has no event type ${JSON.stringify(request.body.type)}.`,
        );
      return reply
        .code(202)
        .send(await intake.emitTo(request.tenant, webhook, { type: type.name, data: type.sample, test: true, sender: null }));
    },
  );
}

const Sent = Type.Object({ id: Type.String(), deliveries: Type.Integer(), deliveryId: Type.String() });

/** Throws `not_found`. */
export function webhookOf(tenant: Tenant, id: string): ResolvedWebhook {
  const webhook = tenant.webhooks.get(id);
  if (!webhook) throw noWebhook();
  return webhook;
}

function ping(intake: Intake, tenant: Tenant, webhook: ResolvedWebhook) {
  const { organization, product } = tenant;
  const data = product.ping.data({
    webhook: {
      id: webhook.id,
      url: webhook.url,
      description: webhook.description,
      events: webhook.events,
      contentType: webhook.contentType,
      active: webhook.status === 'active',
      hasSecret: webhook.hasSecret,
    },
    organization: { id: organization.id, name: organization.name },
    scope: webhook.scope,
    sender: null,
  });
  return intake.emitTo(tenant, webhook, { type: product.ping.type, data, test: true, sender: null });
}

function shown(tenant: Tenant, webhook: ResolvedWebhook) {
  return webhookJson(webhook, tenant.product.policy.headers);
}

function createdJson(tenant: Tenant, created: CreatedWebhook, withSecret = true) {
  return { ...shown(tenant, created.webhook), ...(withSecret ? { secret: created.secret } : {}), warnings: [...created.warnings] };
}
