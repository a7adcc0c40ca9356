import type { DeliveryStatus } from '@posthorn/protocol';
import type { Settlement } from '../../store/settle.ts';
import type { ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';
import type { LaneKey, LaneSettings } from '../dispatch/offer.ts';
import type { Job } from './job.ts';

export interface JobOutcome {
  readonly status: DeliveryStatus;
  readonly waiting: Settlement['waiting'];
  /** The attempt just made, encoded; absent: none was made. */
  readonly attempt?: string;
  /** Default: false. */
  readonly exhausted?: boolean;
}

/** Builds the settlement that records a job's outcome. */
export function settlementOf(job: Job, { status, waiting, attempt, exhausted = false }: JobOutcome): Settlement {
  return {
    organizationKey: job.event.organizationKey,
    shard: job.shard.id,
    epoch: job.shard.epoch,
    deliveryId: job.deliveryId,
    webhookId: job.webhookId,
    eventId: job.event.id,
    eventType: job.event.type,
    test: job.event.test,
    status,
    attemptCount: attempt === undefined ? job.attemptCount : job.attemptCount + 1,
    attempt: attempt ?? null,
    waiting,
    exhausted,
    orderKey: job.orderKey,
    eventXid: job.event.xid,
    wasWaiting: job.outstanding === null,
  };
}

/** The webhook is paused or failed: the delivery waits until it is enabled. */
export function holdSettlement(job: Job): Settlement {
  return settlementOf(job, { status: 'held', waiting: { reason: 'held', dueAt: 'infinity' } });
}

/** The delivery's webhook is deleted. */
export function cancelledSettlement(job: Job): Settlement {
  return settlementOf(job, { status: 'cancelled', waiting: null });
}

export function laneOf(job: Job, webhook: ResolvedWebhook): LaneKey & LaneSettings {
  return { organizationKey: job.event.organizationKey, webhookId: webhook.id, rateLimit: webhook.rateLimit, url: webhook.url };
}

/** Returns the order key: an ordered webhook's deliveries of one subject share it. null: not ordered. */
export function orderKeyOf(job: Job, webhook: ResolvedWebhook): string | null {
  const { subjectKind, subjectId } = job.event;
  return webhook.ordered && subjectId !== null ? `${subjectKind}:${subjectId}` : null;
}
