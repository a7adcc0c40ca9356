import { WEBHOOK_STATUSES } from '@posthorn/protocol';
import { Type, type TSchema } from 'typebox';
import { storedText } from '../text-schema.ts';

const Delay = Type.Number({ minimum: 0, description: 'Milliseconds.' });
const Jitter = Type.Optional(
  Type.Number({ minimum: 0, maximum: 1, description: 'The fraction of the delay by which it varies up or down.' }),
);
const Retries = Type.Integer({ minimum: 0, maximum: 100 });

/** When failed deliveries are retried. */
export const RetryPlan = Type.Object(
  {
    kind: Type.Enum(['none', 'list', 'fixed', 'exponential']),
    delaysMs: Type.Optional(Type.Array(Delay, { minItems: 1, maxItems: 100 })),
    delayMs: Type.Optional(Delay),
    firstMs: Type.Optional(Delay),
    factor: Type.Optional(Type.Number({ minimum: 1, maximum: 100 })),
    maxMs: Type.Optional(Delay),
    retries: Type.Optional(Retries),
    jitter: Jitter,
  },
  {
    additionalProperties: false,
    description: 'none; list {delaysMs}; fixed {delayMs, retries}; exponential {firstMs, factor, maxMs, retries}.',
  },
);

/** Makes a schema nullable with a list of types. Errors of a union would mention both branches. */
const orNull = (schema: TSchema & { readonly type: string }) => Type.Optional(Type.Unsafe({ ...schema, type: [schema.type, 'null'] }));

/** Which responses count as success. */
export const SuccessRule = Type.Object(
  {
    status: Type.Union([Type.Literal('2xx'), Type.Array(Type.Integer({ minimum: 100, maximum: 599 }), { minItems: 1, maxItems: 50 })]),
    bodyContains: orNull(storedText({ minLength: 1, maxLength: 500 })),
  },
  { additionalProperties: false },
);

const FIELDS = {
  description: orNull(storedText({ maxLength: 1_000 })),
  scope: orNull(
    storedText({
      minLength: 1,
      maxLength: 255,
      description: 'Deliver only events of this scope. Default: all events of the organization.',
    }),
  ),
  method: orNull(Type.String()),
  contentType: orNull(Type.String()),
  headers: orNull(
    Type.Record(Type.String(), Type.String(), {
      description: 'Sent with every request. The value ***, which responses show for credentials, keeps the stored value.',
    }),
  ),
  retry: orNull(RetryPlan),
  success: orNull(SuccessRule),
  timeoutMs: orNull(Type.Integer({ minimum: 100, maximum: 60_000 })),
  rateLimit: orNull(Type.Number({ minimum: 0.01, maximum: 10_000, description: 'Deliveries per second.' })),
  ordered: orNull(Type.Boolean({ description: 'Deliver events about the same subject one after another.' })),
  secret: Type.Optional(
    Type.String({
      maxLength: 256,
      description: 'whsec_… (HMAC), whsk_… (ed25519), or any text of 8 to 256 characters. Blank: generated, or the old one kept.',
    }),
  ),
};
const Url = Type.String({ description: 'An https URL. The product may also accept http.' });
const Events = Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
  minItems: 1,
  maxItems: 100,
  description: 'Event types. * matches any characters.',
});

export const NewWebhook = Type.Object(
  { url: Url, events: Events, ...FIELDS, status: Type.Optional(Type.Enum(['active', 'paused'])) },
  { additionalProperties: false },
);

export const WebhookChange = Type.Object(
  { url: Type.Optional(Url), events: Type.Optional(Events), ...FIELDS, status: Type.Optional(Type.Enum(['active', 'paused'])) },
  { additionalProperties: false },
);

const Nullable = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });

/** A webhook with all defaults of its product filled in. */
export const Webhook = Type.Object(
  {
    id: Type.String(),
    url: Type.String(),
    description: Nullable(Type.String()),
    events: Type.Array(Type.String()),
    scope: Nullable(Type.String()),
    method: Type.String(),
    contentType: Type.String(),
    headers: Type.Record(Type.String(), Type.String(), {
      description: 'Values that look like credentials are masked. To change the URL to another origin, send them again.',
    }),
    hasSecret: Type.Boolean(),
    publicKey: Nullable(Type.String({ description: 'whpk_…: the key that receivers verify with, if the secret is an ed25519 key.' })),
    retry: Type.Unknown(),
    success: Type.Unknown(),
    timeoutMs: Type.Integer(),
    rateLimit: Nullable(Type.Number()),
    ordered: Type.Boolean(),
    status: Type.Enum([...WEBHOOK_STATUSES]),
    statusReason: Nullable(Type.String()),
    statusChangedAt: Time,
    failingSince: Nullable(Time),
    createdAt: Time,
    updatedAt: Time,
    secret: Type.Optional(Nullable(Type.String({ description: 'Only the response that creates it shows it.' }))),
    warnings: Type.Optional(Type.Array(Type.Object({ code: Type.String(), message: Type.String() }))),
  },
  { title: 'Webhook' },
);
