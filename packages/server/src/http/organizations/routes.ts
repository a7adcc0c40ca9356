import { PosthornError } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { Catalog } from '../../catalog/catalog.ts';
import { isTimeZone } from '../../catalog/time-zone.ts';
import { noTimeZone } from '../problem.ts';
import type { Database, Queryable } from '../../store/database.ts';
import { deleteOrganization, insertOrganization, listOrganizations, updateOrganization } from '../../store/organizations.ts';
import type { OrganizationRow } from '../../store/tenants.ts';
import { newId } from '../../ids/uuid-time.ts';
import type { Digests } from '../../intake/digests/digests.ts';
import type { Directory } from '../../tenancy/directory.ts';
import { answerInCommit } from '../answer-in-commit.ts';
import { requireRoot } from '../auth.ts';
import { ownId, storedText } from '../text-schema.ts';
import { decodeCursor, DEFAULT_LIMIT, PAGE_QUERY, pageFrom, pageOf, type PageQuery } from '../pagination.ts';

export interface OrganizationServices {
  readonly database: Database;
  /** For lists. */
  readonly reads: Queryable;
  readonly directory: Directory;
  readonly catalog: Catalog;
  readonly digests: Digests;
}

export const Organization = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    product: Type.String(),
    timeZone: Type.Union([Type.String(), Type.Null()]),
    inbound: Type.Boolean(),
    contactEmail: Type.Union([Type.String(), Type.Null()]),
    createdAt: Type.String({ format: 'date-time' }),
    updatedAt: Type.String({ format: 'date-time' }),
  },
  { title: 'Organization' },
);

const Name = storedText({ minLength: 1, maxLength: 200 });
const TimeZone = Type.Union([Type.String({ maxLength: 100 }), Type.Null()], { description: 'IANA name, such as Europe/Berlin.' });

const ContactEmail = Type.Union([Type.String({ format: 'email', maxLength: 254 }), Type.Null()], {
  description: 'Gets an email when one of the organization’s webhooks is marked failed; null: nobody does.',
});

const NewOrganization = Type.Object(
  {
    id: Type.Optional(ownId()),
    name: Name,
    product: Type.Optional(Type.String({ description: 'The name of a product that the server has loaded. Default: generic.' })),
    inbound: Type.Optional(Type.Boolean({ description: 'Whether the organization may have inbound hooks.' })),
    timeZone: Type.Optional(TimeZone),
    contactEmail: Type.Optional(ContactEmail),
  },
  { additionalProperties: false },
);

const OrganizationChange = Type.Object(
  {
    name: Type.Optional(Name),
    inbound: Type.Optional(Type.Boolean()),
    timeZone: Type.Optional(TimeZone),
    contactEmail: Type.Optional(ContactEmail),
  },
  { additionalProperties: false },
);

const TAGS = ['Organizations'];

/** Routes for organizations. All but the one that gets an organization need a root key. */
export function organizationRoutes(app: FastifyInstance, services: OrganizationServices): void {
  organizationListRoutes(app, services);
  oneOrganizationRoutes(app, services);
}

function organizationListRoutes(app: FastifyInstance, { database, reads, catalog }: OrganizationServices): void {
  app.post<{ Body: Static<typeof NewOrganization> }>(
    '/organizations',
    { schema: { tags: TAGS, summary: 'Create an organization', body: NewOrganization, response: { 201: Organization } } },
    async (request, reply) => {
      requireRoot(request.principal);
      const { id = newId(), name, product = 'generic', inbound = false, timeZone = null, contactEmail = null } = request.body;
      if (!catalog.product(product)) throw unknownProduct(catalog, product);
      checkTimeZone(timeZone);
      const row = await database.transaction(async (transaction) => {
        const inserted = await insertOrganization(transaction, { id, name, product, inbound, timeZone, contactEmail });
        if (!inserted) throw new PosthornError('conflict', `An organization ${JSON.stringify(id)} exists already. Choose another id.`);
        await answerInCommit(reply, 201, shown)(transaction, inserted);
        return inserted;
      });
      return reply.code(201).send(shown(row));
    },
  );

  app.get<{ Querystring: PageQuery }>(
    '/organizations',
    {
      schema: {
        tags: TAGS,
        summary: 'List organizations',
        description: 'Newest first.',
        querystring: Type.Object(PAGE_QUERY),
        response: { 200: pageOf(Organization) },
      },
    },
    async (request) => {
      requireRoot(request.principal);
      const { limit = DEFAULT_LIMIT, cursor } = request.query;
      const before = Number(decodeCursor(cursor, (text) => /^\d{1,10}$/.test(text)) ?? 2 ** 31 - 1);
      const rows = await listOrganizations(reads, { before, limit: limit + 1 });
      return pageFrom(rows, limit, { item: shown, position: (row) => String(row.key) });
    },
  );
}

function oneOrganizationRoutes(app: FastifyInstance, { database, directory, digests }: OrganizationServices): void {
  app.get<{ Params: { org: string } }>(
    '/organizations/:org',
    { schema: { tags: TAGS, summary: 'Get an organization', response: { 200: Organization } } },
    async (request) => {
      const { organization } = request.tenant;
      const { key: _key, createdAt, updatedAt, ...rest } = organization;
      return { ...rest, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
    },
  );

  app.patch<{ Params: { org: string }; Body: Static<typeof OrganizationChange> }>(
    '/organizations/:org',
    { schema: { tags: TAGS, summary: 'Update an organization', body: OrganizationChange, response: { 200: Organization } } },
    async (request) => {
      requireRoot(request.principal);
      if (request.body.timeZone !== undefined) checkTimeZone(request.body.timeZone);
      const { key } = request.tenant.organization;
      const row = await updateOrganization(database, key, request.body);
      directory.invalidate(key);
      if (!row) throw new PosthornError('organization_not_found', 'The organization was deleted while it was being updated.');
      const changed = request.body.timeZone === undefined ? null : await directory.reload(key);
      if (changed) await digests.timeZoneChanged(changed);
      return shown(row);
    },
  );

  app.delete<{ Params: { org: string } }>(
    '/organizations/:org',
    { schema: { tags: TAGS, summary: 'Delete an organization', description: 'Deletes its webhooks too.', response: { 204: Type.Null() } } },
    async (request, reply) => {
      requireRoot(request.principal);
      const { key } = request.tenant.organization;
      await deleteOrganization(database, key);
      directory.invalidate(key);
      return reply.code(204).send();
    },
  );
}

function shown(row: OrganizationRow): Static<typeof Organization> {
  return {
    id: row.id,
    name: row.name,
    product: row.product,
    timeZone: row.time_zone,
    inbound: row.inbound,
    contactEmail: row.contact_email,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function unknownProduct(catalog: Catalog, product: string): PosthornError {
  const known = catalog.products().map(({ name }) => name);
  return new PosthornError('invalid_request', `There is no product ${JSON.stringify(product.slice(0, 100))}.`, {
    errors: [{ path: '/product', rule: 'known', message: `must be one of ${known.join(', ')}` }],
  });
}

function checkTimeZone(timeZone: string | null): void {
  if (timeZone !== null && !isTimeZone(timeZone)) throw noTimeZone(timeZone);
}
