import { PosthornError } from '@posthorn/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Deliveries } from '../../deliveries/deliveries.ts';
import { REPLAY_STATUSES, type ReplayInput, type ReplayPosition, type ReplayStatus } from '../../deliveries/replay.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { EnabledWebhook, Outage, Webhooks } from '../../tenancy/webhooks.ts';
import { answerInCommit, idempotentProgress, progressInCommit } from '../answer-in-commit.ts';
import { timeOf } from '../time-span.ts';
import { webhookJson } from './webhook-json.ts';
import { Webhook } from './webhook-schema.ts';

export interface RecoveryServices {
  readonly deliveries: Deliveries;
  readonly directory: Directory;
  readonly webhooks: Webhooks;
  readonly now: () => number;
}

/** How far an accepting node's clock may be behind that of the node that marked the webhook failed. */
const CLOCK_SKEW_MS = 5_000;

const TAGS = ['Webhooks'];
const ONE = '/organizations/:org/webhooks/:webhook';
const Time = Type.String({ format: 'date-time' });

/** Routes that enable a webhook and replay what it missed. */
export function webhookRecoveryRoutes(app: FastifyInstance, services: RecoveryServices): void {
  enableRoute(app, services);
  replayRoute(app, services);
}

function enableRoute(app: FastifyInstance, { deliveries, directory, webhooks, now }: RecoveryServices): void {
  app.post<{ Params: { webhook: string }; Body: { replay?: boolean } }>(
    `${ONE}/enable`,
    {
      schema: {
        tags: TAGS,
        summary: 'Enable a webhook',
        description: 'Sends its held deliveries.',
        body: Type.Optional(
          Type.Object(
            {
              replay: Type.Optional(
                Type.Boolean({
                  description:
                    'If the webhook was marked failed: also send what it missed since then, and what failed since its endpoint last worked.',
                }),
              ),
            },
            { additionalProperties: false },
          ),
        ),
        response: { 200: Webhook },
      },
    },
    async (request, reply) => {
      const { tenant, params, body } = request;
      if (body.replay !== true) {
        const also = answerInCommit(reply, 200, ({ webhook }: EnabledWebhook) => webhookJson(webhook));
        return webhookJson((await webhooks.enable(tenant, params.webhook, also)).webhook);
      }
      let recovery = idempotentProgress(request) as Recovery | null;
      if (recovery === null) {
        const { outage } = await webhooks.enable(tenant, params.webhook, (transaction, enabled) =>
          progressInCommit(request, () => recoveryFrom(enabled.outage, now()))(transaction, enabled),
        );
        recovery = recoveryFrom(outage, now());
      }
      // Read again: if the webhook was paused meanwhile, the replayed deliveries are held.
      const webhook = await webhooks.find(tenant, params.webhook);
      const current = (await directory.reload(tenant.organization.key)) ?? tenant;
      await replayMissed(deliveries, { request, tenant: current, webhook }, recovery);
      return webhookJson(webhook);
    },
  );
}

/** The remaining replays of an `enable` with replay. Times are text, because it is stored as JSON. */
interface Recovery {
  readonly until: string;
  readonly spans: readonly { readonly since: string; readonly statuses: readonly ReplayStatus[] }[];
  /** Where the first of them continues; null to start at its beginning. */
  readonly position: ReplayPosition | null;
}

/** Starts before the mark: the delivery that caused it, and others that failed at the same time, are older. */
function recoveryFrom(outage: Outage | null, now: number): Recovery {
  const until = new Date(now).toISOString();
  if (!outage) return { until, spans: [], position: null };
  const { missedSince, markedAt, createdAt } = outage;
  const marked = new Date(Math.max(markedAt.getTime() - CLOCK_SKEW_MS, createdAt.getTime())).toISOString();
  const before = missedSince ? [{ since: missedSince.toISOString(), statuses: ['failed'] as const }] : [];
  return { until, spans: [...before, { since: marked, statuses: ['failed', 'missed'] }], position: null };
}

async function replayMissed(
  deliveries: Deliveries,
  { request, ...target }: Pick<ReplayInput, 'tenant' | 'webhook'> & { readonly request: FastifyRequest },
  recovery: Recovery,
): Promise<void> {
  let { position } = recovery;
  for (const [index, { since, statuses }] of recovery.spans.entries()) {
    const left = { ...recovery, spans: recovery.spans.slice(index) };
    const also = progressInCommit(request, (reached: ReplayPosition) => ({ ...left, position: reached }));
    const span = { since: new Date(since), until: new Date(recovery.until), statuses };
    await deliveries.replay({ ...target, ...span, start: position, also });
    position = null;
  }
}

interface ReplayProgress {
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly position: ReplayPosition;
}

function replayRoute(app: FastifyInstance, { deliveries, webhooks, now }: RecoveryServices): void {
  app.post<{ Params: { webhook: string }; Body: { since: string; until?: string; status?: ReplayStatus | ReplayStatus[] } }>(
    `${ONE}/replay`,
    {
      schema: {
        tags: TAGS,
        summary: 'Replay events to a webhook',
        description: 'Sends events of a time span again. By default those whose delivery failed, was cancelled or was missed.',
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
      // A repeat of the request ends at the same time as the first.
      const earlier = idempotentProgress(request) as ReplayProgress | null;
      const until = new Date(request.body.until === undefined ? (earlier?.until ?? now()) : timeOf(request.body.until, '/until'));
      if (until < since) {
        throw new PosthornError('invalid_request', 'until is before since. Send a later until, or swap the two.', {
          errors: [{ path: '/until', rule: 'range', message: 'must not be before since' }],
        });
      }
      const { tenant } = request;
      const statuses = request.body.status === undefined ? undefined : [request.body.status].flat();
      const webhook = await webhooks.find(tenant, request.params.webhook);
      const also = progressInCommit(request, (position: ReplayPosition): ReplayProgress => ({ until: until.getTime(), position }));
      const span = { since, until, statuses, start: earlier?.position ?? null };
      const queued = await deliveries.replay({ tenant, webhook, ...span, also });
      return reply.code(202).send({ deliveries: queued });
    },
  );
}
