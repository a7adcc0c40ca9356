import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { requireRoot } from '../../access/principal.ts';
import type { Organization as StoredOrganization } from '../../tenancy/model.ts';
import type { Organizations } from '../../tenancy/organizations.ts';
import { answerInCommit } from '../answer-in-commit.ts';
import { ownId, storedText } from '../text-schema.ts';
import { decodeCursor, DEFAULT_LIMIT, PAGE_QUERY, pageFrom, pageOf, type PageQuery } from '../pagination.ts';

export interface OrganizationServices {
  readonly organizations: Organizations;
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

function organizationListRoutes(app: FastifyInstance, { organizations }: OrganizationServices): void {
  app.post<{ Body: Static<typeof NewOrganization> }>(
    '/organizations',
    { schema: { tags: TAGS, summary: 'Create an organization', body: NewOrganization, response: { 201: Organization } } },
    async (request, reply) => {
      requireRoot(request.principal);
      const organization = await organizations.create(request.body, answerInCommit(reply, 201, shown));
      return reply.code(201).send(shown(organization));
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
      const rows = await organizations.list({ before, limit: limit + 1 });
      return pageFrom(rows, limit, { item: shown, position: (row) => String(row.key) });
    },
  );
}

function oneOrganizationRoutes(app: FastifyInstance, { organizations }: OrganizationServices): void {
  app.get<{ Params: { org: string } }>(
    '/organizations/:org',
    { schema: { tags: TAGS, summary: 'Get an organization', response: { 200: Organization } } },
    async (request) => shown(request.tenant.organization),
  );

  app.patch<{ Params: { org: string }; Body: Static<typeof OrganizationChange> }>(
    '/organizations/:org',
    { schema: { tags: TAGS, summary: 'Update an organization', body: OrganizationChange, response: { 200: Organization } } },
    async (request) => {
      requireRoot(request.principal);
      return shown(await organizations.update(request.tenant.organization.key, request.body));
    },
  );

  app.delete<{ Params: { org: string } }>(
    '/organizations/:org',
    { schema: { tags: TAGS, summary: 'Delete an organization', description: 'Deletes its webhooks too.', response: { 204: Type.Null() } } },
    async (request, reply) => {
      requireRoot(request.principal);
      await organizations.delete(request.tenant.organization.key);
      return reply.code(204).send();
    },
  );
}

function shown({ key: _key, createdAt, updatedAt, ...organization }: StoredOrganization): Static<typeof Organization> {
  return { ...organization, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
