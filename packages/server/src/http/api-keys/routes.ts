import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type, type Static } from 'typebox';
import type { ApiKey as ShownApiKey, ApiKeys, NewApiKey as MadeKey } from '../../access/api-keys.ts';
import { requireRoot } from '../../access/principal.ts';
import { answerInCommit } from '../answer-in-commit.ts';
import { DEFAULT_LIMIT, PAGE_QUERY, pageFrom, pageOf, type PageQuery } from '../pagination.ts';
import { storedText } from '../text-schema.ts';
import { idBelow, timeOf } from '../time-span.ts';

export interface ApiKeyServices {
  readonly apiKeys: ApiKeys;
}

const Time = Type.String({ format: 'date-time' });
const FIELDS = {
  id: Type.String(),
  name: Type.String(),
  hint: Type.String({ description: 'The last characters of the key.' }),
  createdAt: Time,
  expiresAt: Type.Union([Time, Type.Null()]),
};
const ApiKey = Type.Object(FIELDS, { title: 'ApiKey' });
const MadeApiKey = Type.Object(
  { ...FIELDS, key: Type.String({ description: 'The key. Only this response shows it.' }) },
  { title: 'MadeApiKey' },
);
const NewExpiry = Type.String({
  format: 'date-time',
  description: 'Not later than the expiry of the key that creates it. Default: that expiry, or never if it has none.',
});
const NewApiKey = Type.Object(
  { name: storedText({ minLength: 1, maxLength: 200 }), expiresAt: Type.Optional(NewExpiry) },
  { additionalProperties: false },
);
const TAGS = ['API keys'];

/**
 * The same three routes for the keys of one organization and for root keys. An organization's key manages all keys of
 * its own organization, including itself, so that replacing it does not need the operator. Root keys are the
 * operator's.
 */
export function apiKeyRoutes(app: FastifyInstance, services: ApiKeyServices): void {
  keyRoutes(app, { ...services, path: '/organizations/:org/api-keys', of: (request) => request.tenant.organization.key });
  keyRoutes(app, {
    ...services,
    path: '/api-keys',
    of(request) {
      requireRoot(request.principal);
      return null;
    },
  });
}

interface KeyRoutes extends ApiKeyServices {
  readonly path: string;
  /** Returns the organization that owns the keys; null for root keys. Throws if the caller may not manage them. */
  readonly of: (request: FastifyRequest) => number | null;
}

function keyRoutes(app: FastifyInstance, { apiKeys, path, of }: KeyRoutes): void {
  app.post<{ Body: Static<typeof NewApiKey> }>(
    path,
    { schema: { tags: TAGS, summary: 'Create an API key', body: NewApiKey, response: { 201: MadeApiKey } } },
    async (request, reply) => {
      const organizationKey = of(request);
      const { name, expiresAt: expiry } = request.body;
      const expiresAt = expiry === undefined ? undefined : new Date(timeOf(expiry, '/expiresAt'));
      const answer = (made: MadeKey) => ({ ...shown(made), key: made.key });
      const also = answerInCommit(reply, 201, answer);
      const made = await apiKeys.create({ organizationKey, name, expiresAt, caller: request.principal, also });
      return reply.code(201).send(answer(made));
    },
  );

  app.get<{ Querystring: PageQuery }>(
    path,
    {
      schema: {
        tags: TAGS,
        summary: 'List API keys',
        description: 'Newest first.',
        querystring: Type.Object(PAGE_QUERY, { additionalProperties: false }),
        response: { 200: pageOf(ApiKey) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor } = request.query;
      const before = idBelow(cursor);
      const rows = await apiKeys.list({ organizationKey: of(request), before, limit: limit + 1 });
      return pageFrom(rows, limit, { item: shown, position: (row) => row.id });
    },
  );

  app.delete<{ Params: { id: string } }>(
    `${path}/:id`,
    { schema: { tags: TAGS, summary: 'Revoke an API key', description: 'Takes effect at once.', response: { 204: Type.Null() } } },
    async (request, reply) => {
      await apiKeys.revoke(request.params.id, of(request));
      return reply.code(204).send();
    },
  );
}

function shown({ id, name, hint, createdAt, expiresAt }: ShownApiKey) {
  return { id, name, hint, createdAt: createdAt.toISOString(), expiresAt: expiresAt?.toISOString() ?? null };
}
