import { encodeContent, type Attempt, type WebhookContentType } from '@posthorn/protocol';
import { decodeAttempt, type StoredAttempt } from '../../store/attempt-record.ts';
import type { DeliveryRow } from '../../store/delivery-queries.ts';
import { timeOfId } from '../../store/uuid-time.ts';

/** A delivery as the API shows it. */
export function deliveryJson(row: DeliveryRow) {
  return {
    id: row.id,
    eventId: row.external_id ?? row.event_id,
    eventType: row.event_type,
    webhookId: row.webhook_id,
    status: row.status,
    test: row.test,
    attemptCount: row.attempt_count,
    nextAttemptAt: row.next_attempt_at?.toISOString() ?? null,
    createdAt: new Date(timeOfId(row.id)).toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** An attempt whole: its request's body follows from the event's. */
export function attemptJson(bytes: Buffer, body: Buffer | null, formParameter: string): Attempt {
  const attempt = decodeAttempt(bytes);
  return { ...attempt, request: { ...attempt.request, body: body === null ? '' : requestBody(attempt, body, formParameter) } };
}

function requestBody({ request }: StoredAttempt, body: Buffer, formParameter: string): string {
  if (request.method === 'GET') return '';
  const type = request.headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  const contentType: WebhookContentType = type === 'application/x-www-form-urlencoded' ? type : 'application/json';
  const content = encodeContent(body, { url: request.url, method: 'POST', contentType, formParameter });
  return content.body === null ? '' : Buffer.from(content.body).toString();
}
