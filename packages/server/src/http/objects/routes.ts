import { PosthornError, type JsonObject } from '@posthorn/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { ObjectAction, ObjectOutcome } from '../../intake/objects/object-request.ts';
import type { Objects } from '../../intake/objects/objects.ts';
import { MAX_BODY_BYTES } from '../server.ts';
import { senderProblem } from '../sender.ts';
import { Name, Outcome, outcomeJson, Scope, Sender, State } from './object-schema.ts';
import { entityTag, expectedVersion } from './preconditions.ts';

export interface ObjectServices {
  readonly objects: Objects;
}

/** The largest state, and room for the fields around it. */
export const OBJECT_BODY_BYTES = MAX_BODY_BYTES + 64 * 1024;

export const OBJECT_TAGS = ['Objects'];

interface Address {
  readonly kind: string;
  readonly id: string;
}

interface Query {
  readonly scope?: string;
}

interface Body {
  readonly state: JsonObject;
  readonly scope?: string | null;
  readonly sender?: JsonObject;
}

type ChangeRequest = Pick<FastifyRequest, 'tenant' | 'headers' | 'ticket'> & {
  readonly params: Address;
  readonly query: Query;
  readonly body: Omit<Body, 'state'>;
};

export const ADDRESS = Type.Object({ org: Type.String(), kind: Type.String(), id: Name });
export const SCOPE_QUERY = Type.Object({ scope: Type.Optional(Name) }, { additionalProperties: false });

const CLOSED = { additionalProperties: false };
const Change = Type.Object({ state: State, scope: Type.Optional(Scope), sender: Type.Optional(Sender) }, CLOSED);
const Deletion = Type.Object({ scope: Type.Optional(Scope), sender: Type.Optional(Sender) }, CLOSED);

/** Routes that change one object. */
export function objectRoutes(app: FastifyInstance, { objects }: ObjectServices): void {
  const path = '/organizations/:org/objects/:kind/:id';
  const config = { admission: objects.admission };
  const schema = { tags: OBJECT_TAGS, params: ADDRESS, querystring: SCOPE_QUERY, response: { 200: Outcome } };

  const change = async (request: ChangeRequest, reply: FastifyReply, action: ObjectAction) => {
    const { kind, id } = request.params;
    const { sender } = request.body;
    const scope = scopeOf(request.query, request.body);
    const problem = senderProblem(request.body);
    if (problem) throw problem;
    const expected = expectedVersion(request.headers);
    const outcome = await objects.apply(request.tenant, { kind, id, scope, action, sender, expected }, request.ticket);
    return answer(reply, outcome);
  };

  app.put<{ Params: Address; Querystring: Query; Body: Body }>(
    path,
    {
      bodyLimit: OBJECT_BODY_BYTES,
      config,
      schema: { ...schema, summary: 'Create or replace an object', body: Change, response: { 200: Outcome, 201: Outcome } },
    },
    async (request, reply) => {
      const problem = sizeProblem(request.body.state, request);
      if (problem) throw problem;
      return change(request, reply, { kind: 'put', state: request.body.state });
    },
  );

  app.patch<{ Params: Address; Querystring: Query; Body: Body }>(
    path,
    { config, schema: { ...schema, summary: 'Update an object', description: 'JSON merge patch of its state (RFC 7396).', body: Change } },
    async (request, reply) => change(request, reply, { kind: 'patch', patch: request.body.state }),
  );

  app.delete<{ Params: Address; Querystring: Query; Body: Omit<Body, 'state'> }>(
    path,
    { config, schema: { ...schema, summary: 'Delete an object', body: Deletion } },
    async (request, reply) => change(request, reply, { kind: 'delete' }),
  );
}

function answer(reply: FastifyReply, outcome: ObjectOutcome): FastifyReply {
  return reply
    .code(outcome.created ? 201 : 200)
    .header('etag', entityTag(outcome.object.version))
    .send(outcomeJson(outcome));
}

/** Returns the scope from the URL or the body. Throws `invalid_request` if they differ. */
function scopeOf(query: Query, body: { readonly scope?: string | null }): string | null | undefined {
  if (query.scope === undefined) return body.scope;
  if (body.scope === undefined || body.scope === query.scope) return query.scope;
  throw new PosthornError('invalid_request', 'The URL and the body name different scopes. Send one of them.', {
    errors: [{ path: '/scope', rule: 'same', message: 'must be the scope in the URL, or missing' }],
  });
}

/** Returns an error if the state is larger than 1 MiB, else null. A state cannot be larger than its body. */
export function sizeProblem(state: JsonObject, { headers }: Pick<FastifyRequest, 'headers'>): PosthornError | null {
  if (Number(headers['content-length'] ?? Number.POSITIVE_INFINITY) <= MAX_BODY_BYTES) return null;
  if (Buffer.byteLength(JSON.stringify(state)) <= MAX_BODY_BYTES) return null;
  return new PosthornError('payload_too_large', 'The state is larger than 1 MiB. Store large values elsewhere and send a reference.', {
    errors: [{ path: '/state', rule: 'maxBytes', message: 'must be at most 1 MiB of JSON' }],
  });
}
