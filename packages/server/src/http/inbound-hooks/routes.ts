import { INBOUND_TARGET_KINDS, PosthornError } from '@posthorn/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type, type Static } from 'typebox';
import type { InboundHooks, KeyedHook } from '../../inbound/inbound-hooks.ts';
import type { ShownHook, ShownRequest } from '../../inbound/shown-hook.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { answerInCommit } from '../answer-in-commit.ts';
import { DEFAULT_LIMIT, PAGE_QUERY, pageFrom, pageFromScan, pageOf, type PageQuery } from '../pagination.ts';
import { idBelow } from '../time-span.ts';
import { storedText } from '../text-schema.ts';
import { HookRequest, InboundHook, InboundHookChange, KeyedInboundHook, NewInboundHook } from './hook-schema.ts';

export interface InboundHookServices {
  readonly inboundHooks: InboundHooks;
  /** The server's public URL, without a slash at the end. */
  readonly publicUrl: () => string;
}

interface OneHook {
  readonly hook: string;
}

const TAGS = ['Inbound hooks'];
const ALL = '/organizations/:org/inbound-hooks';
const ONE = `${ALL}/:hook`;
const DEFAULT_OVERLAP_SECONDS = 86_400;

/** Routes for inbound hooks. The operator must have turned them on for the organization. */
export function inboundHookRoutes(app: FastifyInstance, services: InboundHookServices): void {
  hookListRoutes(app, services);
  hookChangeRoutes(app, services);
  hookRequestRoutes(app, services);
}

function hookListRoutes(app: FastifyInstance, { inboundHooks, publicUrl }: InboundHookServices): void {
  app.post<{ Body: Static<typeof NewInboundHook> }>(
    ALL,
    {
      schema: {
        tags: TAGS,
        summary: 'Create an inbound hook',
        description: 'The URL contains the key. Only this response shows it.',
        body: NewInboundHook,
        response: { 201: KeyedInboundHook },
      },
    },
    async (request, reply) => {
      const answer = (keyed: KeyedHook) => keyedJson(keyed, publicUrl());
      const keyed = await inboundHooks.create(enabled(request), request.body, answerInCommit(reply, 201, answer));
      return reply.code(201).send(answer(keyed));
    },
  );

  app.get<{ Querystring: PageQuery & { kind?: string; target?: string } }>(
    ALL,
    {
      schema: {
        tags: TAGS,
        summary: 'List inbound hooks',
        description: 'Newest first.',
        querystring: Type.Object(
          { ...PAGE_QUERY, kind: Type.Optional(Type.Enum([...INBOUND_TARGET_KINDS])), target: Type.Optional(storedText()) },
          { additionalProperties: false },
        ),
        response: { 200: pageOf(InboundHook) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor, kind = null, target = null } = request.query;
      const tenant = enabled(request);
      const before = idBelow(cursor);
      const found = await inboundHooks.list(tenant, { before, limit: limit + 1, kind, targetId: target });
      return pageFromScan(found, limit, { item: hookJson, position: (row) => row.id });
    },
  );
}

function hookChangeRoutes(app: FastifyInstance, { inboundHooks, publicUrl }: InboundHookServices): void {
  app.get<{ Params: OneHook }>(
    ONE,
    { schema: { tags: TAGS, summary: 'Get an inbound hook', response: { 200: InboundHook } } },
    async (request) => hookJson(await inboundHooks.get(enabled(request), request.params.hook)),
  );

  app.patch<{ Params: OneHook; Body: Static<typeof InboundHookChange> }>(
    ONE,
    {
      schema: {
        tags: TAGS,
        summary: 'Update an inbound hook',
        description: 'Also turns it on or off.',
        body: InboundHookChange,
        response: { 200: InboundHook },
      },
    },
    async (request) => hookJson(await inboundHooks.update(enabled(request), request.params.hook, request.body)),
  );

  app.delete<{ Params: OneHook }>(
    ONE,
    {
      schema: {
        tags: TAGS,
        summary: 'Delete an inbound hook',
        description: 'Its key stops working at once.',
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await inboundHooks.delete(enabled(request), request.params.hook);
      return reply.code(204).send();
    },
  );

  app.post<{ Params: OneHook; Body: { overlapSeconds?: number } }>(
    `${ONE}/rotate-key`,
    {
      schema: {
        tags: TAGS,
        summary: 'Rotate the key of an inbound hook',
        description: 'The old key keeps working for `overlapSeconds`. Only this response shows the new URL.',
        body: Type.Object(
          { overlapSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 604_800, default: DEFAULT_OVERLAP_SECONDS })) },
          { additionalProperties: false },
        ),
        response: { 200: KeyedInboundHook },
      },
    },
    async (request, reply) => {
      const { overlapSeconds = DEFAULT_OVERLAP_SECONDS } = request.body;
      const rotation = { id: request.params.hook, overlapSeconds };
      const answer = (keyed: KeyedHook) => keyedJson(keyed, publicUrl());
      return answer(await inboundHooks.rotateKey(enabled(request), rotation, answerInCommit(reply, 200, answer)));
    },
  );
}

function hookRequestRoutes(app: FastifyInstance, { inboundHooks }: InboundHookServices): void {
  app.get<{ Params: OneHook; Querystring: PageQuery }>(
    `${ONE}/requests`,
    {
      schema: {
        tags: TAGS,
        summary: 'List the requests to an inbound hook',
        description: 'Accepted and refused ones, newest first.',
        querystring: Type.Object(PAGE_QUERY, { additionalProperties: false }),
        response: { 200: pageOf(HookRequest) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor } = request.query;
      const tenant = enabled(request);
      const before = idBelow(cursor);
      const rows = await inboundHooks.requests(tenant, request.params.hook, { before, limit: limit + 1 });
      return pageFrom(rows, limit, { item: requestJson, position: (row) => row.id });
    },
  );
}

/** Returns the organization if it may have inbound hooks. Throws `inbound_disabled`. */
function enabled(request: FastifyRequest): Tenant {
  if (request.tenant.organization.inbound) return request.tenant;
  throw new PosthornError('inbound_disabled', 'Inbound hooks are off for this organization. Ask the operator to turn them on.');
}

function keyedJson({ hook, key }: KeyedHook, publicUrl: string) {
  return { ...hookJson(hook), url: `${publicUrl}/in/${hook.target.kind}/${hook.publicId}/${key}` };
}

function hookJson({ createdAt, updatedAt, ...hook }: ShownHook) {
  return { ...hook, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

function requestJson({ at, ...request }: ShownRequest) {
  return { ...request, at: at.toISOString() };
}
