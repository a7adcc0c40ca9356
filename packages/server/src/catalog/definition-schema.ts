import { INBOUND_TARGET_KINDS, type FieldError } from '@posthorn/protocol';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Type, type TSchema } from 'typebox';
import { jsonSchemaError } from './data-schema.ts';

/** Names of event types: visible characters that need no escaping in headers, URLs and patterns. */
export const EVENT_NAME_PATTERN = '^[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}$';

/** Names of object kinds, chosen so that `<kind>.created` is a valid event name and `kind:id` a valid subject. */
export const KIND_PATTERN = '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$';

const CLOSED = { additionalProperties: false };
const EventName = Type.String({ pattern: EVENT_NAME_PATTERN });
const Delay = Type.Number({ minimum: 0, maximum: 7 * 86_400_000 });
const Retries = Type.Integer({ minimum: 0, maximum: 100 });
const FieldPath = Type.String({ pattern: '^.+$' });
const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]);
const Jitter = Type.Optional(Type.Number({ minimum: 0, maximum: 1 }));

/** A union discriminated by `kind`, so that only the errors of the matching shape are reported. */
function byKind(shapes: TSchema[]): TSchema {
  return Type.Unsafe({ type: 'object', required: ['kind'], discriminator: { propertyName: 'kind' }, oneOf: shapes });
}

const Retry = byKind([
  Type.Object({ kind: Type.Literal('none') }, CLOSED),
  Type.Object({ kind: Type.Literal('list'), delaysMs: Type.Array(Delay, { minItems: 1, maxItems: 100 }), jitter: Jitter }, CLOSED),
  Type.Object({ kind: Type.Literal('fixed'), delayMs: Delay, retries: Retries, jitter: Jitter }, CLOSED),
  Type.Object(
    {
      kind: Type.Literal('exponential'),
      firstMs: Delay,
      factor: Type.Number({ minimum: 1, maximum: 100 }),
      maxMs: Delay,
      retries: Retries,
      jitter: Jitter,
    },
    CLOSED,
  ),
]);

const Signature = byKind([
  Type.Object({ kind: Type.Literal('standard-webhooks') }, CLOSED),
  Type.Object(
    {
      kind: Type.Literal('hmac'),
      header: Type.String({ pattern: '^[A-Za-z0-9-]+$' }),
      algorithm: Type.Enum(['sha1', 'sha256', 'sha512']),
      encoding: Type.Enum(['hex', 'base64']),
      prefix: Type.Optional(Type.String({ pattern: '^[\\x20-\\x7e]*$' })),
    },
    CLOSED,
  ),
]);

const Success = Type.Object(
  {
    status: Type.Union([Type.Literal('2xx'), Type.Array(Type.Integer({ minimum: 100, maximum: 599 }), { minItems: 1 })]),
    bodyContains: Type.Union([Type.String({ minLength: 1 }), Type.Null()]),
  },
  CLOSED,
);

const Delivery = Type.Object(
  {
    methods: Type.Optional(Type.Array(Type.Enum(['POST', 'GET']), { minItems: 1, uniqueItems: true })),
    contentTypes: Type.Optional(
      Type.Array(Type.Enum(['application/json', 'application/x-www-form-urlencoded']), { minItems: 1, uniqueItems: true }),
    ),
    url: Type.Optional(Type.Enum(['https', 'http-or-https'])),
    success: Type.Optional(Success),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 60_000 })),
    retry: Type.Optional(Retry),
    whenExhausted: Type.Optional(Type.Enum(['nothing', 'fail-webhook'])),
    disableAfterMs: Type.Optional(Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.Null()])),
    signatures: Type.Optional(Type.Array(Signature)),
    secret: Type.Optional(Type.Enum(['generated', 'optional'])),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    formParameter: Type.Optional(Type.String({ minLength: 1 })),
    ordered: Type.Optional(Type.Boolean()),
  },
  CLOSED,
);

const Event = Type.Object({
  description: Type.String(),
  group: Type.Optional(Type.String()),
  sample: Type.Object({}),
  aliases: Type.Optional(Type.Array(EventName)),
});

const Rule = Type.Union([EventName, Type.Object({ event: EventName, once: Type.Literal(true) }, CLOSED)]);

const Condition = Type.Unsafe({
  $id: 'Condition',
  type: 'object',
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  oneOf: [
    Type.Object({ kind: Type.Literal('field'), path: FieldPath, values: Type.Array(Scalar, { minItems: 1 }) }, CLOSED),
    Type.Object({ kind: Type.Literal('present'), path: FieldPath }, CLOSED),
    Type.Object({ kind: Type.Enum(['every-item', 'some-item']), path: FieldPath, condition: Type.Ref('Condition') }, CLOSED),
    Type.Object({ kind: Type.Enum(['and', 'or']), conditions: Type.Array(Type.Ref('Condition'), { minItems: 1 }) }, CLOSED),
    Type.Object({ kind: Type.Literal('not'), condition: Type.Ref('Condition') }, CLOSED),
  ],
});

const ObjectKind = Type.Object(
  {
    schema: Type.Optional(Type.Unknown()),
    sample: Type.Optional(Type.Object({})),
    scoped: Type.Optional(Type.Boolean()),
    created: Type.Optional(Rule),
    updated: Type.Optional(Rule),
    deleted: Type.Optional(Rule),
    changes: Type.Optional(Type.Record(FieldPath, Rule, CLOSED)),
    enters: Type.Optional(Type.Record(FieldPath, Type.Record(Type.String(), Rule), CLOSED)),
    when: Type.Optional(Type.Array(Type.Object({ becomes: Type.Ref('Condition'), event: Rule }, CLOSED))),
    data: Type.Optional(Type.Unknown()),
  },
  CLOSED,
);

const Digest = Type.Object({
  event: EventName,
  kind: Type.String(),
  at: Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' }),
  timeZone: Type.String(),
  maxBodyBytes: Type.Optional(Type.Integer({ minimum: 1_024, maximum: 8 * 1_024 * 1_024 })),
});

const Definition = Type.Object({
  name: Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }),
  title: Type.Optional(Type.String({ minLength: 1 })),
  events: Type.Record(EventName, Event, CLOSED),
  anyEvent: Type.Optional(Type.Boolean()),
  objects: Type.Optional(Type.Record(Type.String({ pattern: KIND_PATTERN }), ObjectKind, CLOSED)),
  anyObject: Type.Optional(Type.Boolean()),
  digests: Type.Optional(Type.Record(Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }), Digest, CLOSED)),
  delivery: Type.Optional(Delivery),
  inbound: Type.Optional(
    Type.Object({ targets: Type.Optional(Type.Array(Type.Enum([...INBOUND_TARGET_KINDS]), { uniqueItems: true })) }, CLOSED),
  ),
  ping: Type.Optional(Type.Object({ type: EventName, onCreate: Type.Optional(Type.Boolean()) })),
});

const ajv = new Ajv2020({ allErrors: true, strict: false, discriminator: true });
ajv.addSchema(Condition);
const validateDefinition = ajv.compile(Definition);
const validateRetry = ajv.compile(Retry);

/** Returns the structural errors of a product definition. Its functions and schemas are tested when it is loaded. */
export function definitionProblems(definition: unknown): FieldError[] {
  return validateDefinition(definition) ? [] : (validateDefinition.errors ?? []).map(jsonSchemaError);
}

/** Returns the errors of a retry plan: missing or unknown fields, over 100 retries, a delay of over 7 days. */
export function retryProblems(plan: unknown): FieldError[] {
  return validateRetry(plan) ? [] : (validateRetry.errors ?? []).map(jsonSchemaError);
}
