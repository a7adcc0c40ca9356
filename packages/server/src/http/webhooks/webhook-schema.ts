import { WEBHOOK_STATUSES } from '@posthorn/protocol';
import { Type, type TSchema } from 'typebox';
import { storedText } from '../text-schema.ts';

const Delay = Type.Number({ minimum: 0, description: 'Milliseconds.' });
const Jitter = Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'Part of the delay by which it may vary either way.' }));
const Retries = Type.Integer({ minimum: 0, maximum: 100 });

/** When failed deliveries are tried again. */
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

/** As one type with two names and not as a union, whose errors speak of both. */
const orNull = (schema: TSchema & { readonly type: string }) => Type.Optional(Type.Unsafe({ ...schema, type: [schema.type, 'null'] }));

/** Which answers count as received. */
export const SuccessRule = Type.Object(
  {
    status: Type.Union([Type.Literal('2xx'), Type.Array(Type.Integer({ minimum: 100, maximum: 599 }), { minItems: 1, maxItems: 50 })]),
    bodyContains: orNull(storedText({ minLength: 1, maxLength: 500 })),
  },
  { additionalProperties: false },
);

const FIELDS = {
  description: orNull(storedText({ maxLength: 1_000 })),
  scope: orNull(storedText({ minLength: 1, maxLength: 255, description: 'Only events of this scope. Absent: all of the organization.' })),
  method: orNull(Type.String()),
  contentType: orNull(Type.String()),
  headers: orNull(
    Type.Record(Type.String(), Type.String(), {
      description: 'Sent with every request. A value that is *** , as answers show credentials, keeps the old one.',
    }),
  ),
  retry: orNull(RetryPlan),
  success: orNull(SuccessRule),
  timeoutMs: orNull(Type.Integer({ minimum: 100, maximum: 60_000 })),
  rateLimit: orNull(Type.Number({ minimum: 0.01, maximum: 10_000, description: 'Deliveries a second.' })),
  ordered: orNull(Type.Boolean({ description: 'Events about the same subject arrive one after the other.' })),
  secret: Type.Optional(
    Type.String({
      maxLength: 256,
      description: 'whsec_… (HMAC), whsk_… (ed25519), or any text of 8 characters and more. Blank: made, or the old one kept.',
    }),
  ),
};
const Url = Type.String({ description: 'https://…; what else is accepted the product says.' });
const Events = Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
  minItems: 1,
  maxItems: 100,
  description: 'Event types; * stands for any characters.',
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

/** A webhook with everything that its product fills in. */
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
      description: 'Values that look like credentials are masked. A change of the URL to another origin must give them again.',
    }),
    hasSecret: Type.Boolean(),
    publicKey: Nullable(Type.String({ description: 'whpk_…: what receivers verify with, where the secret is an ed25519 key.' })),
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
    secret: Type.Optional(Nullable(Type.String({ description: 'Shown when it is made, and never again.' }))),
    warnings: Type.Optional(Type.Array(Type.Object({ code: Type.String(), message: Type.String() }))),
  },
  { title: 'Webhook' },
);
