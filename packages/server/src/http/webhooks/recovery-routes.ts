import { PosthornError } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { replay, REPLAY_STATUSES, type ReplayStatus } from '../../intake/redeliver.ts';
import type { Database } from '../../store/database.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { Webhooks } from '../../tenancy/webhooks.ts';
import { timeOf } from '../time-span.ts';
import { webhookJson } from './webhook-json.ts';
import { Webhook } from './webhook-schema.ts';

export interface RecoveryServices {
  readonly database: Database;
  readonly directory: Directory;
  readonly webhooks: Webhooks;
  readonly now: () => number;
}

const TAGS = ['Webhooks'];
const ONE = '/organizations/:org/webhooks/:webhook';
const Time = Type.String({ format: 'date-time' });

/** Enabling a webhook again, and sending it what it has missed. */
export function webhookRecoveryRoutes(app: FastifyInstance, services: RecoveryServices): void {
  enableRoute(app, services);
  replayRoute(app, services);
}

function enableRoute(app: FastifyInstance, { database, directory, webhooks, now }: RecoveryServices): void {
  app.post<{ Params: { webhook: string }; Body: { replay?: boolean } }>(
    `${ONE}/enable`,
    {
      schema: {
        tags: TAGS,
        summary: 'Make it active: what was held goes out',
        body: Type.Optional(
          Type.Object(
            { replay: Type.Optional(Type.Boolean({ description: 'Send what it missed since it was marked failed as well.' })) },
            { additionalProperties: false },
          ),
        ),
        response: { 200: Webhook },
      },
    },
    async (request) => {
      const before = await webhooks.find(request.tenant, request.params.webhook);
      const webhook = await webhooks.enable(request.tenant, before.id);
      if (request.body.replay === true && before.status === 'failed') {
        const tenant = (await directory.reload(request.tenant.organization.key)) ?? request.tenant;
        await replay(database, { tenant, webhook, since: before.statusChangedAt, until: new Date(now()) });
      }
      return webhookJson(webhook);
    },
  );
}

function replayRoute(app: FastifyInstance, { database, webhooks, now }: RecoveryServices): void {
  app.post<{ Params: { webhook: string }; Body: { since: string; until?: string; status?: ReplayStatus | ReplayStatus[] } }>(
    `${ONE}/replay`,
    {
      schema: {
        tags: TAGS,
        summary: 'Send it the events of a time span again',
        body: Type.Object(
          {
            since: Time,
            until: Type.Optional(Time),
            status: Type.Optional(
              Type.Union([Type.Enum([...REPLAY_STATUSES]), Type.Array(Type.Enum([...REPLAY_STATUSES]), { minItems: 1 })]),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 202: Type.Object({ deliveries: Type.Integer() }) },
      },
    },
    async (request, reply) => {
      const since = new Date(timeOf(request.body.since, '/since'));
      const until = new Date(request.body.until === undefined ? now() : timeOf(request.body.until, '/until'));
      if (until < since) {
        throw new PosthornError('invalid_request', 'until lies before since.', {
          errors: [{ path: '/until', rule: 'range', message: 'must not lie before since' }],
        });
      }
      const { tenant } = request;
      const statuses = request.body.status === undefined ? undefined : [request.body.status].flat();
      const webhook = await webhooks.find(tenant, request.params.webhook);
      const deliveries = await replay(database, { tenant, webhook, since, until, statuses });
      return reply.code(202).send({ deliveries });
    },
  );
}
