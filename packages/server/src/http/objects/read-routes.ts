import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { ObjectKind } from '../../catalog/object-kind.ts';
import type { ListedObject, ObjectPosition, ObjectReader } from '../../intake/objects/find-objects.ts';
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

export interface ObjectReadServices {
  readonly objectReader: ObjectReader;
}

/** Routes that read objects. `GET …/events?subject=<kind>:<id>` lists the events of one. */
export function objectReadRoutes(app: FastifyInstance, { objectReader }: ObjectReadServices): void {
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
      const object = await objectReader.get(tenant, { ...params, scope: query.scope });
      return reply.header('etag', entityTag(object.version)).send(objectJson(object));
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
      const after = positionOf(decodeCursor(cursor, isPosition));
      const found = await objectReader.list(request.tenant, { kind: request.params.kind, after, scope, limit: limit + 1 });
      return pageFromScan(found, limit, { item: listedJson, position: ({ position }) => JSON.stringify([position.scopeKey, position.id]) });
    },
  );
}

function kindJson({ name, scoped, jsonSchema, rules }: ObjectKind) {
  const { created, updated, deleted, changes, enters, when } = rules;
  const given = [created, updated, deleted, ...[...changes, ...enters, ...when].map(({ rule }) => rule)];
  return { name, scoped, schema: jsonSchema, events: [...new Set(given.flatMap((rule) => rule?.type.name ?? []))] };
}

function listedJson({ position: _position, ...object }: ListedObject) {
  return objectJson(object);
}

function isPosition(text: string): boolean {
  try {
    const parts: unknown = JSON.parse(text);
    return Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === 'string' && !part.includes('\0'));
  } catch {
    return false;
  }
}

function positionOf(text: string | null): ObjectPosition {
  if (text === null) return { scopeKey: '', id: '' };
  const [scopeKey, id] = JSON.parse(text) as [string, string];
  return { scopeKey, id };
}
