import { ExactNumber, PosthornError, type JsonObject } from '@posthorn/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type, type Static } from 'typebox';
import type { EmitInput, Intake } from '../../intake/emit.ts';
import { idempotentEventId } from '../idempotency.ts';
import { problemOf, wrongShape } from '../problem.ts';
import { senderProblem } from '../sender.ts';
import { eventId, storedText } from '../text-schema.ts';

export interface EmitServices {
  readonly intake: Intake;
}

const Text = storedText({ minLength: 1, maxLength: 255 });

/** An event as the caller sends it. */
export const NewEvent = Type.Object(
  {
    type: Type.String({ minLength: 1, maxLength: 128 }),
    data: Type.Object({}, { description: 'Must satisfy the schema of the event type.' }),
    scope: Type.Optional(Text),
    subject: Type.Optional(
      Type.Object({ kind: Text, id: Text }, { additionalProperties: false, description: 'The object that the event is about.' }),
    ),
    id: Type.Optional(eventId()),
    sender: Type.Optional(Type.Object({}, { description: 'The person who caused the event.' })),
  },
  { additionalProperties: false, title: 'NewEvent' },
);

const Accepted = Type.Object({
  id: Type.String(),
  deliveries: Type.Integer({ description: 'The number of webhooks that the event is sent to.' }),
});
const MAX_BATCH = 1_000;
const TAGS = ['Events'];

type Body = Omit<Static<typeof NewEvent>, 'data' | 'sender'> & { readonly data: JsonObject; readonly sender?: JsonObject };

interface Batch {
  readonly events: readonly unknown[];
}

export function emitRoutes(app: FastifyInstance, { intake }: EmitServices): void {
  const config = { admission: intake.admission };
  app.post<{ Body: Body }>(
    '/organizations/:org/events',
    {
      config,
      preValidation: takeOwnShape,
      schema: { tags: TAGS, summary: 'Create an event', body: NewEvent, response: { 202: Accepted } },
    },
    async (request, reply) => {
      const emitted = await intake.emit(request.tenant, withId(input(request.body), request, 0), request.ticket);
      return reply.code(202).send(emitted);
    },
  );

  app.post<{ Body: Batch }>(
    '/organizations/:org/events/batch',
    {
      config,
      schema: {
        tags: TAGS,
        summary: 'Create a batch of events',
        description: 'Up to 1,000. Each has its own result, in the order of the request.',
        body: Type.Object({ events: Type.Array(Type.Unknown(), { minItems: 1, maxItems: MAX_BATCH }) }, { additionalProperties: false }),
        response: { 202: Type.Object({ results: Type.Array(Type.Unknown()) }) },
      },
    },
    (request, reply) => {
      const { refusals, inputs } = takeOut(request);
      // Not an async function, which would keep the parsed body in memory until the commit.
      return intake.emitBatch(request.tenant, inputs, request.ticket).then((emitted) => {
        let next = 0;
        const results = refusals.map((refusal) => {
          const outcome = refusal ?? emitted[next++];
          return outcome instanceof PosthornError ? problemOf(outcome) : outcome;
        });
        return reply.code(202).send({ results });
      });
    },
  );
}

/**
 * Returns the well-formed events of a batch, and for each event the error or null. Drops the parsed body: otherwise the
 * garbage collector would copy it again and again while the commit is awaited.
 */
function takeOut(request: FastifyRequest<{ Body: Batch }>): { refusals: (PosthornError | null)[]; inputs: EmitInput[] } {
  const validate = request.compileValidationSchema(NewEvent, 'body');
  const inputs: EmitInput[] = [];
  const refusals = request.body.events.map((event, index) => {
    const checked = checkedInput(event, validate);
    if (checked instanceof PosthornError) return checked;
    inputs.push(withId(checked, request, index));
    return null;
  });
  request.body = { events: [] };
  return { refusals, inputs };
}

/** Converts a body in the product's own shape, which it may accept besides the API's. */
async function takeOwnShape(request: FastifyRequest): Promise<void> {
  const { body } = request;
  if (typeof body !== 'object' || body === null || Array.isArray(body) || body instanceof ExactNumber || 'type' in body) return;
  const { type, data, id, scope, subject, sender } = request.tenant.product.accepts(body as JsonObject) ?? {};
  if (type === undefined) return;
  // Leave out what is null or undefined: the result is validated like any other body.
  request.body = { type, data, ...(id && { id }), ...(scope && { scope }), ...(subject && { subject }), ...(sender && { sender }) };
}

type Validate = ReturnType<FastifyRequest['compileValidationSchema']>;

function checkedInput(event: unknown, validate: Validate): EmitInput | PosthornError {
  if (!validate(event)) return wrongShape(validate.errors ?? []);
  return senderProblem(event as Body) ?? (event as Body);
}

function input(body: Body): EmitInput {
  const problem = senderProblem(body);
  if (problem) throw problem;
  return body;
}

/** Derives the id from the Idempotency-Key: a repeat after a crash between commit and response then emits nothing. */
function withId(event: EmitInput, request: FastifyRequest, index: number): EmitInput {
  const id = event.id === undefined ? idempotentEventId(request, index) : undefined;
  return id === undefined ? event : { ...event, id };
}
