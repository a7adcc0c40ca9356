import type { LoggedEvent } from '../../intake/log-owner.ts';
import { deliveryId } from '../../store/delivery-id.ts';
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
  /** What its webhook keeps in order; null: nothing, or its webhook was not looked at yet. */
  orderKey: string | null;
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
    orderKey: null,
  };
}
