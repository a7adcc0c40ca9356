import { numbers, time } from '../parameters.ts';
import type { WaitingTableRow } from '../rows.ts';
import type { Implementation } from '../server.ts';

/** Commit order. Rows without a transaction id come last. */
export function inCommitOrder(a: WaitingTableRow, b: WaitingTableRow): number {
  const [one, other] = [a.event_xid ?? Number.MAX_SAFE_INTEGER, b.event_xid ?? Number.MAX_SAFE_INTEGER];
  return one - other || (a.event_id < b.event_id ? -1 : a.event_id > b.event_id ? 1 : 0);
}

function xidText({ event_xid: xid }: WaitingTableRow): string | null {
  return xid === null ? null : String(xid);
}

const releaseBehind: Implementation = ({ transaction }, [webhookId, orderKey, now]) => {
  const waiting = transaction.table('waiting');
  const [first] = waiting
    .rows()
    .filter((row) => row.webhook_id === webhookId && row.order_key === orderKey)
    .sort(inCommitOrder);
  if (!first) return [];
  waiting.lock(first.delivery_id);
  if (first.reason === 'behind') {
    waiting.put(first.delivery_id, { ...first, reason: 'retry', due_at: time(now), scheduled_at: time(now) });
  }
  return [{ delivery_id: first.delivery_id, event_xid: xidText(first), event_id: first.event_id }];
};

const orderHeads: Implementation = ({ transaction }, [shardIds]) => {
  const shards = new Set(numbers(shardIds));
  const rows = transaction
    .table('waiting')
    .rows()
    .filter((row) => shards.has(row.shard) && row.order_key !== null);
  const heads = new Map<string, WaitingTableRow>();
  for (const row of rows.sort(inCommitOrder)) {
    const name = `${row.webhook_id} ${row.order_key}`;
    if (!heads.has(name)) heads.set(name, row);
  }
  return [...heads.values()].map((row) => ({
    shard: row.shard,
    webhook_id: row.webhook_id,
    order_key: row.order_key,
    delivery_id: row.delivery_id,
    event_xid: xidText(row),
    event_id: row.event_id,
    reason: row.reason,
  }));
};

export const DELIVERY_ORDER: Readonly<Record<string, Implementation>> = { release_behind: releaseBehind, order_heads: orderHeads };
