import type { LoggedEvent } from '../../intake/log-owner.ts';
import { deliveryId } from '../../ids/delivery-id.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import type { ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';
import type { Outstanding, OwnedShard } from './owned-shard.ts';

/** A delivery in memory. */
export interface Job {
  readonly shard: OwnedShard;
  readonly event: LoggedEvent;
  readonly webhookId: string;
  readonly deliveryId: string;
  /** Number of earlier attempts. */
  readonly attemptCount: number;
  /** Its event, which stays in memory until the delivery has a row; null: it was loaded from `waiting`. */
  readonly outstanding: Outstanding | null;
  /** It was loaded from `waiting` and cancelled since. */
  isCancelled: boolean;
  /** The key of the order it belongs to; null: none, or its webhook was not read yet. */
  orderKey: string | null;
  /** Its organization and webhook as last read; null: not read yet, or deleted. */
  tenant: Tenant | null;
  webhook: ResolvedWebhook | null;
}

/** An event that was taken in for a shard. */
export interface TakenEvent {
  readonly shard: OwnedShard;
  readonly event: LoggedEvent;
  readonly outstanding: Outstanding;
  /** Webhooks whose delivery has no row yet. */
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
 * Returns the job's current webhook; null: it is deleted, or must be read first. With 10,000 organizations a lookup
 * takes a microsecond, mostly cache misses, so the job keeps the result as long as it is current.
 */
export function webhookOf(job: Job, directory: Pick<Directory, 'peek'>): ResolvedWebhook | null {
  if (job.tenant?.isCurrent !== true) see(job, directory.peek(job.event.organizationKey) ?? null);
  return job.webhook;
}

/** Sets the job's webhook from the organization that was read. */
export function see(job: Job, tenant: Tenant | null): ResolvedWebhook | null {
  job.tenant = tenant;
  job.webhook = tenant?.webhooks.get(job.webhookId) ?? null;
  return job.webhook;
}
