import { statement, type Queryable } from './database.ts';

/**
 * Index: waiting_order. Events sort by id as they were accepted. One that waits for its time was let go before by a statement
 * whose answer was lost: it comes first.
 */
const RELEASE = statement(
  'release_behind',
  `UPDATE waiting SET reason = 'retry', due_at = $3
   WHERE delivery_id = (SELECT delivery_id FROM waiting WHERE webhook_id = $1 AND order_key = $2 AND reason IN ('behind', 'retry') ORDER BY event_id LIMIT 1)
   RETURNING delivery_id`,
);

/** Lets the earliest delivery that stands behind others of its order go on. Answers its id; null: none stands there. */
export async function releaseBehind(
  queryable: Queryable,
  input: { webhookId: string; orderKey: string; now: Date },
): Promise<string | null> {
  const [row] = await queryable.query<{ delivery_id: string }>(RELEASE, [input.webhookId, input.orderKey, input.now]);
  return row?.delivery_id ?? null;
}

/** The first of each order that waits: one that waits for itself, or, where a crash took that one, the first behind it. */
const HEADS = statement(
  'order_heads',
  `SELECT DISTINCT ON (webhook_id, order_key) organization_key, webhook_id, order_key, delivery_id, reason
   FROM waiting WHERE shard = ANY($1::int[]) AND order_key IS NOT NULL
   ORDER BY webhook_id, order_key, (reason = 'behind'), event_id`,
);

export interface OrderHead {
  readonly organization_key: number;
  readonly webhook_id: string;
  readonly order_key: string;
  readonly delivery_id: string;
  readonly reason: string;
}

/** What holds up the orders of some shards. */
export function orderHeads(queryable: Queryable, shards: readonly number[]): Promise<OrderHead[]> {
  return queryable.query<OrderHead>(HEADS, [shards]);
}
