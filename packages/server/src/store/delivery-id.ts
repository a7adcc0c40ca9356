import { hash } from 'node:crypto';

/**
 * The id of the delivery of an event to a webhook. It follows from the two, so that a delivery can be named before it
 * has a row, and recorded twice without standing there twice. It is a UUIDv7 of the event's millisecond: the delivery
 * lies in the event's partition.
 */
export function deliveryId(eventId: string, webhookId: string): string {
  const digest = hash('sha1', eventId + webhookId);
  const variant = '89ab'[Number.parseInt(digest[3] ?? '0', 16) & 3];
  return `${eventId.slice(0, 14)}7${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}`;
}
