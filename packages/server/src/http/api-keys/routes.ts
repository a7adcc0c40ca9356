import { randomBytes } from 'node:crypto';
import { PosthornError } from '@posthorn/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type, type Static } from 'typebox';
import { insertApiKey, listApiKeys, revokeApiKey, type ApiKeyRow } from '../../store/api-keys.ts';
import type { Database, Queryable } from '../../store/database.ts';
import { isUuid, newId } from '../../ids/uuid-time.ts';
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
const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
const HINT_CHARACTERS = 4;

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

function keyRoutes(app: FastifyInstance, { database, reads, authenticator, now, path, of }: KeyRoutes): void {
  app.post<{ Body: Static<typeof NewApiKey> }>(
    path,
    { schema: { tags: TAGS, summary: 'Create an API key', body: NewApiKey, response: { 201: MadeApiKey } } },
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
        summary: 'List API keys',
        description: 'Newest first.',
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
    { schema: { tags: TAGS, summary: 'Revoke an API key', description: 'Takes effect at once.', response: { 204: Type.Null() } } },
    async (request, reply) => {
      const { id } = request.params;
      if (!isUuid(id) || !(await revokeApiKey(database, id, of(request))))
        throw new PosthornError('not_found', 'There is no such API key. It may have been revoked.');
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

/** Returns when a new key expires; null for never. A key cannot create one that expires later than itself. */
function expiryOf(text: string | undefined, maker: Principal, now: number): Date | null {
  if (text === undefined) return maker.expiresAt;
  const expiry = new Date(timeOf(text, '/expiresAt'));
  if (expiry.getTime() <= now) throw badExpiry('expiresAt is in the past. Choose a later time.', 'future', 'must be in the future');
  if (maker.expiresAt && expiry > maker.expiresAt) {
    const latest = maker.expiresAt.toISOString();
    throw badExpiry(
      'A key can’t expire later than the key that creates it. Choose an earlier expiresAt.',
      'outlives_maker',
      `must be ${latest} or earlier: the calling key expires then`,
    );
  }
  return expiry;
}

function badExpiry(detail: string, rule: string, message: string): PosthornError {
  return new PosthornError('invalid_request', detail, { errors: [{ path: '/expiresAt', rule, message }] });
}
