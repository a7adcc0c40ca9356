import type { LoggedEvent } from '../../intake/log-owner.ts';
import { deliveryId } from '../../store/delivery-id.ts';
import type { OwnedShard } from './owned-shard.ts';

/** One delivery in memory. */
export interface Job {
  readonly shard: OwnedShard;
  readonly event: LoggedEvent;
  readonly webhookId: string;
  readonly deliveryId: string;
  /** Attempts made before. */
  readonly attemptCount: number;
  /** It has a row in `waiting`, and is in memory besides. */
  readonly wasWaiting: boolean;
  /** What its webhook keeps in order; null: nothing, or its webhook was not looked at yet. */
  orderKey: string | null;
}

export function freshJob(shard: OwnedShard, event: LoggedEvent, webhookId: string): Job {
  return { shard, event, webhookId, deliveryId: deliveryId(event.id, webhookId), attemptCount: 0, wasWaiting: false, orderKey: null };
}
