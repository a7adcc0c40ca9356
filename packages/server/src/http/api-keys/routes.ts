import { randomBytes } from 'node:crypto';
import { PosthornError } from '@posthorn/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type, type Static } from 'typebox';
import { insertApiKey, listApiKeys, revokeApiKey, type ApiKeyRow } from '../../store/api-keys.ts';
import type { Database, Queryable } from '../../store/database.ts';
import { isUuid, newId } from '../../store/uuid-time.ts';
import { hashKey, requireRoot, type Authenticator, type Principal } from '../auth.ts';
import { answerInCommit } from '../answer-in-commit.ts';
import { decodeCursor, DEFAULT_LIMIT, PAGE_QUERY, pageFrom, pageOf, type PageQuery } from '../pagination.ts';
import { storedText } from '../text-schema.ts';
import { timeOf } from '../time-span.ts';

export interface ApiKeyServices {
  readonly database: Database;
  /** For lists. */
  readonly reads: Queryable;
  readonly authenticator: Authenticator;
  readonly now: () => number;
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
const MadeApiKey = Type.Object({ ...FIELDS, key: Type.String({ description: 'Shown this once.' }) }, { title: 'MadeApiKey' });
const NewExpiry = Type.String({
  format: 'date-time',
  description: 'Default: never, or when the key that makes it expires. No later than that.',
});
const NewApiKey = Type.Object(
  { name: storedText({ minLength: 1, maxLength: 200 }), expiresAt: Type.Optional(NewExpiry) },
  { additionalProperties: false },
);
const TAGS = ['API keys'];
const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
const HINT_CHARACTERS = 4;

/**
 * Keys of one organization, and root keys: the same three routes at two places. An organization's key manages the keys of
 * its own organization, itself included, so that it can be replaced without the operator; root keys are the operator's.
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
  /** The organization whose keys these are; null: root keys. Throws where the caller may not touch them. */
  readonly of: (request: FastifyRequest) => number | null;
}

function keyRoutes(app: FastifyInstance, { database, reads, authenticator, now, path, of }: KeyRoutes): void {
  app.post<{ Body: Static<typeof NewApiKey> }>(
    path,
    { schema: { tags: TAGS, summary: 'Make an API key', body: NewApiKey, response: { 201: MadeApiKey } } },
    async (request, reply) => {
      const organizationKey = of(request);
      const { name, expiresAt } = request.body;
      const expires = expiryOf(expiresAt, request.principal, now());
      const key = `ph_${randomBytes(32).toString('base64url')}`;
      const answer = (row: ApiKeyRow) => ({ ...shown(row), key });
      const hint = key.slice(-HINT_CHARACTERS);
      const row = await database.transaction(async (transaction) => {
        const made = { id: newId(), organizationKey, name, hash: hashKey(key), hint, expiresAt: expires };
        const inserted = await insertApiKey(transaction, made);
        await answerInCommit(reply, 201, answer)(transaction, inserted);
        return inserted;
      });
      return reply.code(201).send(answer(row));
    },
  );

  app.get<{ Querystring: PageQuery }>(
    path,
    {
      schema: {
        tags: TAGS,
        summary: 'List API keys, newest first',
        querystring: Type.Object(PAGE_QUERY, { additionalProperties: false }),
        response: { 200: pageOf(ApiKey) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor } = request.query;
      const before = decodeCursor(cursor, isUuid) ?? HIGHEST_ID;
      const rows = await listApiKeys(reads, { organizationKey: of(request), before, limit: limit + 1 });
      return pageFrom(rows, limit, { item: shown, position: (row) => row.id });
    },
  );

  app.delete<{ Params: { id: string } }>(
    `${path}/:id`,
    { schema: { tags: TAGS, summary: 'Revoke an API key at once', response: { 204: Type.Null() } } },
    async (request, reply) => {
      const { id } = request.params;
      if (!isUuid(id) || !(await revokeApiKey(database, id, of(request))))
        throw new PosthornError('not_found', 'There is no such API key.');
      authenticator.forget();
      return reply.code(204).send();
    },
  );
}

function shown(row: ApiKeyRow) {
  return {
    id: row.id,
    name: row.name,
    hint: row.hint,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
  };
}

/** A key that expires must not outlive itself in the keys that it makes. null: never. */
function expiryOf(text: string | undefined, maker: Principal, now: number): Date | null {
  if (text === undefined) return maker.expiresAt;
  const expiry = new Date(timeOf(text, '/expiresAt'));
  if (expiry.getTime() <= now) throw badExpiry('The key would have expired already.', 'future', 'must lie in the future');
  if (maker.expiresAt && expiry > maker.expiresAt) {
    const latest = maker.expiresAt.toISOString();
    throw badExpiry(
      'A key can’t outlive the key that makes it.',
      'outlives_maker',
      `must be ${latest} or earlier, when the key that you call with expires`,
    );
  }
  return expiry;
}

function badExpiry(detail: string, rule: string, message: string): PosthornError {
  return new PosthornError('invalid_request', detail, { errors: [{ path: '/expiresAt', rule, message }] });
}
