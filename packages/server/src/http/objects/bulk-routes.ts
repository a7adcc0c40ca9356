import { PosthornError, type JsonObject } from '@posthorn/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { ObjectChangeInput } from '../../intake/objects/objects.ts';
import { problemOf, wrongShape } from '../problem.ts';
import { senderProblem } from '../sender.ts';
import { Name, outcomeJson, Scope, Sender, State } from './object-schema.ts';
import { OBJECT_TAGS, sizeProblem, type ObjectServices } from './routes.ts';

/** A thousand objects of 8 KB. */
const BULK_BODY_BYTES = 8 * 1024 * 1024;
const MAX_BULK = 1_000;

const CLOSED = { additionalProperties: false };
const BulkChange = Type.Object(
  {
    kind: Name,
    id: Name,
    scope: Type.Optional(Scope),
    state: Type.Optional(State),
    deleted: Type.Optional(Type.Literal(true, { description: 'Deletes the object. Send it instead of a state.' })),
    sender: Type.Optional(Sender),
    version: Type.Optional(Type.Integer({ minimum: 0, description: 'The version that the object must have; 0: it must not exist.' })),
  },
  { ...CLOSED, title: 'BulkObjectChange' },
);

interface Change {
  readonly kind: string;
  readonly id: string;
  readonly scope?: string | null;
  readonly state?: JsonObject;
  readonly deleted?: true;
  readonly sender?: JsonObject;
  readonly version?: number;
}

/** The route that changes many objects in one call. */
export function objectBulkRoutes(app: FastifyInstance, { objects }: ObjectServices): void {
  app.post<{ Body: { objects: unknown[] } }>(
    '/organizations/:org/objects/batch',
    {
      bodyLimit: BULK_BODY_BYTES,
      config: { admission: objects.admission },
      schema: {
        tags: OBJECT_TAGS,
        summary: 'Update a batch of objects',
        description: 'Creates, replaces or deletes up to 1,000. Each has its own result, in the order of the request.',
        body: Type.Object({ objects: Type.Array(Type.Unknown(), { minItems: 1, maxItems: MAX_BULK }) }, CLOSED),
        response: { 200: Type.Object({ results: Type.Array(Type.Unknown()) }) },
      },
    },
    async (request) => {
      const validate = request.compileValidationSchema(BulkChange, 'body');
      const inputs = request.body.objects.map((change) => checked(change, { validate, request }));
      const valid = inputs.filter((one): one is ObjectChangeInput => !(one instanceof PosthornError));
      const outcomes = await objects.applyMany(request.tenant, valid, request.ticket);
      let next = 0;
      const results = inputs.map((one) => {
        const outcome = one instanceof PosthornError ? one : outcomes[next++];
        return outcome === undefined || outcome instanceof PosthornError ? outcome && problemOf(outcome) : outcomeJson(outcome);
      });
      return { results };
    },
  );
}

type Validate = ReturnType<FastifyRequest['compileValidationSchema']>;

function checked(
  value: unknown,
  { validate, request }: { validate: Validate; request: Pick<FastifyRequest, 'headers'> },
): ObjectChangeInput | PosthornError {
  if (!validate(value)) return wrongShape(validate.errors ?? []);
  const change = value as Change;
  const { state, deleted, version, kind, id, scope, sender } = change;
  if ((state === undefined) === (deleted === undefined)) return eitherOr();
  const problem = senderProblem(change) ?? (state ? sizeProblem(state, request) : null);
  if (problem) return problem;
  const action = state ? ({ kind: 'put', state } as const) : ({ kind: 'delete' } as const);
  return { kind, id, scope, action, sender, expected: version === 0 ? 'none' : version };
}

function eitherOr(): PosthornError {
  return new PosthornError('invalid_request', 'An entry needs either a state or deleted: true, not both.', {
    errors: [{ path: '/state', rule: 'required', message: 'is required, unless deleted is true' }],
  });
}
