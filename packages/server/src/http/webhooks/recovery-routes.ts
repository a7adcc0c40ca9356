import { PosthornError } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { replay, REPLAY_STATUSES, type ReplayInput, type ReplayStatus } from '../../intake/redeliver.ts';
import type { Database } from '../../store/database.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { Outage, Webhooks } from '../../tenancy/webhooks.ts';
import { timeOf } from '../time-span.ts';
import { webhookJson } from './webhook-json.ts';
import { Webhook } from './webhook-schema.ts';

export interface RecoveryServices {
  readonly database: Database;
  readonly directory: Directory;
  readonly webhooks: Webhooks;
  readonly now: () => number;
}

/** By so much the clock of the node that accepted an event may be behind the one of the node that marked the webhook failed. */
const CLOCK_SKEW_MS = 5_000;

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
            {
              replay: Type.Optional(
                Type.Boolean({
                  description:
                    'If it was marked failed, also send what it missed since then, and what failed since its endpoint last worked.',
                }),
              ),
            },
            { additionalProperties: false },
          ),
        ),
        response: { 200: Webhook },
      },
    },
    async (request) => {
      const { webhook, outage } = await webhooks.enable(request.tenant, request.params.webhook);
      if (request.body.replay === true && outage) {
        const tenant = (await directory.reload(request.tenant.organization.key)) ?? request.tenant;
        await replayMissed(database, { tenant, webhook, until: new Date(now()) }, outage);
      }
      return webhookJson(webhook);
    },
  );
}

/** The delivery for which the webhook was marked failed is older than the mark, as are others that failed beside it. */
async function replayMissed(database: Database, input: Omit<ReplayInput, 'since' | 'statuses'>, outage: Outage): Promise<void> {
  const { missedSince, markedAt, createdAt } = outage;
  if (missedSince) await replay(database, { ...input, since: missedSince, statuses: ['failed'] });
  const since = new Date(Math.max(markedAt.getTime() - CLOCK_SKEW_MS, createdAt.getTime()));
  await replay(database, { ...input, since, statuses: ['failed', 'missed'] });
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
