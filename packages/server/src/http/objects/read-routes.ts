import { parseJson, PosthornError, type JsonObject } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { ObjectKind } from '../../catalog/object-kind.ts';
import { nameOf } from '../../intake/objects/object-batch.ts';
import { missingScope, unknownKind } from '../../intake/objects/objects.ts';
import type { Queryable } from '../../store/database.ts';
import { listObjects, readObjects, type ObjectRow } from '../../store/objects.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { decodeCursor, DEFAULT_LIMIT, PAGE_QUERY, pageFromScan, pageOf, type PageQuery } from '../pagination.ts';
import { Name, objectJson, ShownObject } from './object-schema.ts';
import { entityTag } from './preconditions.ts';
import { ADDRESS, OBJECT_TAGS, SCOPE_QUERY } from './routes.ts';

const Kind = Type.Object(
  {
    name: Type.String(),
    scoped: Type.Boolean({ description: 'Whether the scope is part of an object’s identity.' }),
    schema: Type.Unknown({
      description: 'JSON Schema of the state; null if any object is accepted, or if the schema has no JSON Schema form.',
    }),
    events: Type.Array(Type.String(), { description: 'The event types that its changes may emit.' }),
  },
  { title: 'ObjectKind' },
);

/** Routes that read objects. `GET …/events?subject=<kind>:<id>` lists the events of one. */
export function objectReadRoutes(app: FastifyInstance, database: Queryable): void {
  app.get<{ Params: { org: string } }>(
    '/organizations/:org/object-kinds',
    {
      schema: { tags: OBJECT_TAGS, summary: 'List object kinds', response: { 200: Type.Object({ data: Type.Array(Kind) }) } },
    },
    async (request) => ({ data: [...request.tenant.product.objectKinds.listed.values()].map(kindJson) }),
  );

  app.get<{ Params: { kind: string; id: string }; Querystring: { scope?: string } }>(
    '/organizations/:org/objects/:kind/:id',
    { schema: { tags: OBJECT_TAGS, summary: 'Get an object', params: ADDRESS, querystring: SCOPE_QUERY, response: { 200: ShownObject } } },
    async (request, reply) => {
      const { tenant, params, query } = request;
      const kind = kindOf(tenant, params.kind);
      if (kind.scoped && query.scope === undefined) throw missingScope(kind);
      const [row] = await readObjects(database, [nameOf({ tenant, kind, id: params.id, scope: query.scope })]);
      if (!row) throw new PosthornError('not_found', `There is no ${kind.name} ${JSON.stringify(params.id)} in this organization.`);
      return reply.header('etag', entityTag(row.version)).send(shown(row));
    },
  );

  app.get<{ Params: { kind: string }; Querystring: PageQuery & { scope?: string } }>(
    '/organizations/:org/objects/:kind',
    {
      schema: {
        tags: OBJECT_TAGS,
        summary: 'List objects of a kind',
        description: 'In the order of their scopes and ids.',
        querystring: Type.Object({ ...PAGE_QUERY, scope: Type.Optional(Name) }, { additionalProperties: false }),
        response: { 200: pageOf(ShownObject) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor, scope = null } = request.query;
      const { tenant } = request;
      const after = positionOf(decodeCursor(cursor, isPosition));
      const { name: kind, scoped } = kindOf(tenant, request.params.kind);
      const organizationKey = tenant.organization.key;
      const found = await listObjects(database, { organizationKey, kind, after, scoped, scope, limit: limit + 1 });
      return pageFromScan(found, limit, { item: shown, position: (row) => JSON.stringify([row.scope_key, row.id]) });
    },
  );
}

function kindOf(tenant: Tenant, name: string): ObjectKind {
  const kind = tenant.product.objectKinds.find(name);
  if (!kind) throw unknownKind(tenant, name);
  return kind;
}

function kindJson({ name, scoped, jsonSchema, rules }: ObjectKind) {
  const { created, updated, deleted, changes, enters, when } = rules;
  const given = [created, updated, deleted, ...[...changes, ...enters, ...when].map(({ rule }) => rule)];
  return { name, scoped, schema: jsonSchema, events: [...new Set(given.flatMap((rule) => rule?.type.name ?? []))] };
}

function shown(row: ObjectRow) {
  const { kind, id, scope, state, version, created_at: createdAt, updated_at: updatedAt } = row;
  return objectJson({ kind, id, scope, state: parseJson(state ?? '{}') as JsonObject, version, createdAt, updatedAt });
}

function isPosition(text: string): boolean {
  try {
    const parts: unknown = JSON.parse(text);
    return Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === 'string' && !part.includes('\0'));
  } catch {
    return false;
  }
}

function positionOf(text: string | null): { scopeKey: string; id: string } {
  if (text === null) return { scopeKey: '', id: '' };
  const [scopeKey, id] = JSON.parse(text) as [string, string];
  return { scopeKey, id };
}
