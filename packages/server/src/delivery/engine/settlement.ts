import type { DeliveryStatus } from '@posthorn/protocol';
import type { Settlement } from '../../store/settle.ts';
import type { ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';
import type { LaneKey, LaneSettings } from '../dispatch/offer.ts';
import type { Job } from './job.ts';

/** What is to be recorded of a job, without a new attempt. */
export function settlementOf(job: Job, outcome: { status: DeliveryStatus; waiting: Settlement['waiting'] }): Settlement {
  return {
    organizationKey: job.event.organizationKey,
    shard: job.shard.id,
    epoch: job.shard.epoch,
    deliveryId: job.deliveryId,
    webhookId: job.webhookId,
    eventId: job.event.id,
    eventType: job.event.type,
    test: job.event.test,
    status: outcome.status,
    attemptCount: job.attemptCount,
    attempt: null,
    waiting: outcome.waiting,
    exhausted: false,
    orderKey: job.orderKey,
    wasWaiting: job.wasWaiting,
  };
}

/** The webhook is paused or failed: the delivery waits until it is enabled. */
export function holdSettlement(job: Job): Settlement {
  return settlementOf(job, { status: 'held', waiting: { reason: 'held', dueAt: 'infinity' } });
}

export function laneOf(job: Job, webhook: ResolvedWebhook): LaneKey & LaneSettings {
  return { organizationKey: job.event.organizationKey, webhookId: webhook.id, rateLimit: webhook.rateLimit };
}

/** Deliveries of an ordered webhook follow one another by subject; null: in no order. */
export function orderKeyOf(job: Job, webhook: ResolvedWebhook): string | null {
  const { subjectKind, subjectId } = job.event;
  return webhook.ordered && subjectId !== null ? `${subjectKind}:${subjectId}` : null;
}
