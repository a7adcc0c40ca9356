import type { LoggedEvent } from '../../intake/log-owner.ts';
import { deliveryId } from '../../store/delivery-id.ts';
import type { Directory, Tenant } from '../../tenancy/directory.ts';
import type { ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';
import type { Outstanding, OwnedShard } from './owned-shard.ts';

/** One delivery in memory. */
export interface Job {
  readonly shard: OwnedShard;
  readonly event: LoggedEvent;
  readonly webhookId: string;
  readonly deliveryId: string;
  /** Attempts made before. */
  readonly attemptCount: number;
  /** Its event, which is in memory until the delivery has a row; null: it has one in `waiting`. */
  readonly outstanding: Outstanding | null;
  /** It was loaded from `waiting` and cancelled since. */
  isCancelled: boolean;
  /** What its webhook keeps in order; null: nothing, or its webhook was not looked at yet. */
  orderKey: string | null;
  /** Its organization and webhook, as last looked at; null: not yet, or gone then. */
  tenant: Tenant | null;
  webhook: ResolvedWebhook | null;
}

/** What a shard got from the log. */
export interface TakenEvent {
  readonly shard: OwnedShard;
  readonly event: LoggedEvent;
  readonly outstanding: Outstanding;
  /** Those of its webhooks whose delivery has no row yet. */
  readonly webhookIds: readonly string[];
}

export function freshJob({ shard, event, outstanding }: TakenEvent, webhookId: string): Job {
  return {
    shard,
    event,
    webhookId,
    deliveryId: deliveryId(event.id, webhookId),
    attemptCount: 0,
    outstanding,
    isCancelled: false,
    orderKey: null,
    tenant: null,
    webhook: null,
  };
}

/**
 * The job's webhook as it is now; null: it is gone, or would have to be read. With 10,000 organizations each look-up is a
 * microsecond, most of it waiting for memory: what was found is kept with the job for as long as it holds.
 */
export function webhookOf(job: Job, directory: Pick<Directory, 'peek'>): ResolvedWebhook | null {
  if (job.tenant?.isCurrent !== true) see(job, directory.peek(job.event.organizationKey) ?? null);
  return job.webhook;
}

/** The job's webhook, of the organization as it was read. */
export function see(job: Job, tenant: Tenant | null): ResolvedWebhook | null {
  job.tenant = tenant;
  job.webhook = tenant?.webhooks.get(job.webhookId) ?? null;
  return job.webhook;
}
