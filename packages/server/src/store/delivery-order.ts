import { statement, type Queryable } from './database.ts';

/** The first waiting delivery of an order. The others wait for it. */
export interface FirstOfOrder {
  readonly delivery_id: string;
  readonly event_xid: string;
  readonly event_id: string;
}

/** Index: waiting_order, in commit order. A delivery that waits for another reason than its turn is not changed. */
const RELEASE = statement(
  'release_behind',
  `WITH first AS (
     SELECT delivery_id, reason, event_xid, event_id FROM waiting WHERE webhook_id = $1 AND order_key = $2
     ORDER BY event_xid, event_id LIMIT 1 FOR UPDATE
   ),
   released AS (
     UPDATE waiting SET reason = 'retry', due_at = $3, scheduled_at = $3
     WHERE delivery_id = (SELECT delivery_id FROM first WHERE reason = 'behind')
   )
   SELECT delivery_id, event_xid::text, event_id FROM first`,
);

/** Makes the earliest waiting delivery of an order due if it waits for its turn, and returns it; null: none waits. */
export async function releaseBehind(
  queryable: Queryable,
  input: { webhookId: string; orderKey: string; now: Date },
): Promise<FirstOfOrder | null> {
  const [row] = await queryable.query<FirstOfOrder>(RELEASE, [input.webhookId, input.orderKey, input.now]);
  return row ?? null;
}

const HEADS = statement(
  'order_heads',
  `SELECT DISTINCT ON (webhook_id, order_key) shard, webhook_id, order_key, delivery_id, event_xid::text, event_id, reason
   FROM waiting WHERE shard = ANY($1::int[]) AND order_key IS NOT NULL
   ORDER BY webhook_id, order_key, waiting.event_xid, event_id`,
);

export interface OrderHead extends FirstOfOrder {
  readonly shard: number;
  readonly webhook_id: string;
  readonly order_key: string;
  readonly reason: string;
}

/** Returns the first waiting delivery of each order of some shards. */
export function orderHeads(queryable: Queryable, shards: readonly number[]): Promise<OrderHead[]> {
  return queryable.query<OrderHead>(HEADS, [shards]);
}
