import type { Attempt, DeliveryStatus } from '@posthorn/protocol';
import { timeOfId } from '../ids/uuid-time.ts';
import type { DeliveryRow } from '../store/delivery-queries.ts';

/** One event for one webhook, as it is shown. */
export interface Delivery {
  readonly id: string;
  /** The id of the caller, if the event has one. */
  readonly eventId: string;
  readonly eventType: string;
  readonly webhookId: string;
  readonly status: DeliveryStatus;
  readonly test: boolean;
  readonly attemptCount: number;
  /** null: none is planned. */
  readonly nextAttemptAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface DeliveryWithAttempts extends Delivery {
  /** The first attempt first. */
  readonly attempts: readonly Attempt[];
}

export function deliveryOf(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    eventId: row.external_id ?? row.event_id,
    eventType: row.event_type,
    webhookId: row.webhook_id,
    status: row.status,
    test: row.test,
    attemptCount: row.attempt_count,
    nextAttemptAt: row.next_attempt_at,
    createdAt: new Date(timeOfId(row.id)),
    updatedAt: row.updated_at,
  };
}
