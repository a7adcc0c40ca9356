import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { isTimeZone } from '../../catalog/time-zone.ts';
import type { DigestEvent } from '../../intake/digests/digest-runner.ts';
import type { DigestProgress, Digests, ShownDigest } from '../../intake/digests/digests.ts';
import type { AlsoCommit } from '../../store/database.ts';
import { answerInCommit, idempotentProgress, progressInCommit } from '../answer-in-commit.ts';
import { noTimeZone } from '../problem.ts';

export interface DigestServices {
  readonly digests: Digests;
}

const Digest = Type.Object(
  {
    id: Type.String(),
    event: Type.String({ description: 'The event type it gives.' }),
    kind: Type.String({ description: 'The object kind it watches.' }),
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
        description: 'HH:MM; null: as the product says.',
      }),
    ),
    timeZone: Type.Optional(
      Type.Union([Type.String({ maxLength: 100 }), Type.Null()], {
        description: 'IANA name; null: that of the organization, or as the product says.',
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

/** Scheduled events made from what has changed. */
export function digestRoutes(app: FastifyInstance, { digests }: DigestServices): void {
  app.get<{ Params: { org: string } }>(
    '/organizations/:org/digests',
    {
      schema: {
        tags: TAGS,
        summary: 'List the digests, with their last and next run',
        response: { 200: Type.Object({ data: Type.Array(Digest) }) },
      },
    },
    async (request) => ({ data: (await digests.list(request.tenant)).map(digestJson) }),
  );

  app.patch<{ Params: One; Body: Static<typeof DigestChange> }>(
    ONE,
    { schema: { tags: TAGS, summary: 'Give a digest a time of the organization’s own', body: DigestChange, response: { 200: Digest } } },
    async (request) => {
      const { timeZone } = request.body;
      if (typeof timeZone === 'string' && !isTimeZone(timeZone)) throw noTimeZone(timeZone);
      return digestJson(await digests.update(request.tenant, request.params.digest, request.body));
    },
  );

  app.post<{ Params: One }>(
    `${ONE}/preview`,
    { schema: { tags: TAGS, summary: 'Show what it would tell now; nothing is sent or used up', response: { 200: Events } } },
    async (request) => ({ events: (await digests.preview(request.tenant, request.params.digest)).map(eventJson) }),
  );

  app.post<{ Params: One }>(
    `${ONE}/run`,
    { schema: { tags: TAGS, summary: 'Run it now, beside its schedule', response: { 200: Events } } },
    async (request, reply) => {
      const answer = ({ events }: Pick<DigestProgress, 'events'>) => ({ events: events.map(eventJson) });
      const ended = answerInCommit(reply, 200, answer);
      const goesOn = progressInCommit(request, answer);
      const { events: before = [] } = (idempotentProgress(request) ?? {}) as Partial<DigestProgress>;
      const also: AlsoCommit<DigestProgress> = (transaction, progress) => (progress.ended ? ended : goesOn)(transaction, progress);
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
