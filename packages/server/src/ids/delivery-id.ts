import { hash } from 'node:crypto';

/**
 * Returns the id of an event's delivery to a webhook, derived from both: it is known before the row exists, and
 * recording twice stores one row. It is a UUIDv7 of the event's millisecond, so it lies in the event's partition.
 */
export function deliveryId(eventId: string, webhookId: string): string {
  const digest = hash('sha1', eventId + webhookId);
  const variant = '89ab'[Number.parseInt(digest[3] ?? '0', 16) & 3];
  return `${eventId.slice(0, 14)}7${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}`;
}
