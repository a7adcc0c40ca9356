import { DELIVERY_STATUSES, FAILURE_CODES } from '@posthorn/protocol';
import { Type } from 'typebox';

const Time = Type.String({ format: 'date-time' });
const TimeOrNull = Type.Union([Time, Type.Null()]);

const FIELDS = {
  id: Type.String(),
  eventId: Type.String(),
  eventType: Type.String(),
  webhookId: Type.String(),
  status: Type.Enum([...DELIVERY_STATUSES]),
  test: Type.Boolean(),
  attemptCount: Type.Integer(),
  nextAttemptAt: TimeOrNull,
  createdAt: Time,
  updatedAt: Time,
};

/** A delivery: one event for one webhook. */
export const Delivery = Type.Object(FIELDS, { title: 'Delivery' });

const RequestHeaders = Type.Array(Type.Array(Type.String(), { minItems: 2, maxItems: 2 }), {
  description: 'In the order in which they were sent, repeated names included. Values of the webhook’s own headers are masked.',
});
const Headers = Type.Array(Type.Array(Type.String(), { minItems: 2, maxItems: 2 }), {
  description: 'In the order in which they were received, repeated names included.',
});

/** One HTTP request and its response. */
export const Attempt = Type.Object(
  {
    id: Type.String(),
    number: Type.Integer({ description: 'Counted from 1.' }),
    at: Time,
    durationMs: Type.Number(),
    request: Type.Object({ url: Type.String(), method: Type.String(), headers: RequestHeaders, body: Type.String() }),
    response: Type.Union([
      Type.Object({
        status: Type.Integer(),
        headers: Headers,
        body: Type.String({ description: 'At most 16 KiB. Occurrences of the webhook’s secret and header values are masked.' }),
        truncated: Type.Boolean(),
      }),
      Type.Null(),
    ]),
    failure: Type.Union([Type.Object({ code: Type.Enum([...FAILURE_CODES]), message: Type.String() }), Type.Null()]),
    nextAttemptAt: TimeOrNull,
  },
  { title: 'Attempt' },
);

export const DeliveryWithAttempts = Type.Object({ ...FIELDS, attempts: Type.Array(Attempt) }, { title: 'DeliveryWithAttempts' });
