import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { checkTimeZone } from '../../catalog/time-zone.ts';
import type { DigestEvent } from '../../intake/digests/digest-runner.ts';
import type { DigestProgress, Digests, ShownDigest } from '../../intake/digests/digests.ts';
import { answerInCommit, idempotentProgress, progressInCommit } from '../answer-in-commit.ts';

export interface DigestServices {
  readonly digests: Digests;
}

const Digest = Type.Object(
  {
    id: Type.String(),
    event: Type.String({ description: 'The type of the events it emits.' }),
    kind: Type.String({ description: 'The object kind whose changes it collects.' }),
    at: Type.String({ description: 'HH:MM' }),
    timeZone: Type.String(),
    nextRunAt: Type.String({ format: 'date-time' }),
    lastRunAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
  },
  { title: 'Digest' },
);

const Events = Type.Object({
  events: Type.Array(
    Type.Object({ id: Type.String(), type: Type.String(), scope: Type.Union([Type.String(), Type.Null()]), data: Type.Unknown() }),
  ),
});

const DigestChange = Type.Object(
  {
    at: Type.Optional(
      Type.Union([Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' }), Type.Null()], {
        description: 'Time of day, HH:MM; null: the product’s.',
      }),
    ),
    timeZone: Type.Optional(
      Type.Union([Type.String({ maxLength: 100 }), Type.Null()], {
        description: 'IANA name; null: the organization’s, or else the product’s.',
      }),
    ),
  },
  { additionalProperties: false },
);

const TAGS = ['Digests'];
const ONE = '/organizations/:org/digests/:digest';

interface One {
  readonly digest: string;
}

/** Routes for digests: scheduled events that collect object changes. */
export function digestRoutes(app: FastifyInstance, { digests }: DigestServices): void {
  app.get<{ Params: { org: string } }>(
    '/organizations/:org/digests',
    {
      schema: {
        tags: TAGS,
        summary: 'List digests',
        description: 'With the last and the next run of each.',
        response: { 200: Type.Object({ data: Type.Array(Digest) }) },
      },
    },
    async (request) => ({ data: (await digests.list(request.tenant)).map(digestJson) }),
  );

  app.patch<{ Params: One; Body: Static<typeof DigestChange> }>(
    ONE,
    { schema: { tags: TAGS, summary: 'Update the schedule of a digest', body: DigestChange, response: { 200: Digest } } },
    async (request) => {
      const { timeZone } = request.body;
      if (typeof timeZone === 'string') checkTimeZone(timeZone);
      return digestJson(await digests.update(request.tenant, request.params.digest, request.body));
    },
  );

  app.post<{ Params: One }>(
    `${ONE}/preview`,
    {
      schema: {
        tags: TAGS,
        summary: 'Preview a digest',
        description: 'Returns the events that it would emit now. Changes nothing.',
        response: { 200: Events },
      },
    },
    async (request) => ({ events: (await digests.preview(request.tenant, request.params.digest)).map(eventJson) }),
  );

  app.post<{ Params: One }>(
    `${ONE}/run`,
    { schema: { tags: TAGS, summary: 'Run a digest now', description: 'In addition to its schedule.', response: { 200: Events } } },
    async (request, reply) => {
      const answer = ({ events }: Pick<DigestProgress, 'events'>) => ({ events: events.map(eventJson) });
      const ended = answerInCommit<DigestProgress>(reply, 200, answer);
      const continues = progressInCommit<DigestProgress>(request, answer);
      const { events: before = [] } = (idempotentProgress(request) ?? {}) as Partial<DigestProgress>;
      const also: typeof ended = (transaction, progress) => (progress.ended ? ended : continues)(transaction, progress);
      return answer({ events: await digests.runNow(request.tenant, request.params.digest, { before, also }) });
    },
  );
}

function digestJson({ digest, at, timeZone, nextRunAt, lastRunAt }: ShownDigest): Static<typeof Digest> {
  const { name, event, kind } = digest;
  return { id: name, event, kind, at, timeZone, nextRunAt: nextRunAt.toISOString(), lastRunAt: lastRunAt?.toISOString() ?? null };
}

function eventJson({ id, type, scope, data }: DigestEvent) {
  return { id, type, scope, data };
}
