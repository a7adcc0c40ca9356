import { list, numbers, present } from '../parameters.ts';
import { keyOf, type EventTableRow } from '../rows.ts';
import type { Implementation } from '../server.ts';

/** An event as returned from the log. */
export function shown(event: Omit<EventTableRow, 'claimed_by'>): object {
  return { ...event, xid: String(event.xid), webhook_ids: [...event.webhook_ids] };
}

/** Commit order, and the order of ids within a transaction. */
export function compareEvents(a: { xid: number; id: string }, b: { xid: number; id: string }): number {
  return a.xid - b.xid || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

const readLogRange: Implementation = ({ transaction }, [from, to, afterId, shardIds, notClaimedBy, limit]) => {
  const [lowest, end] = [Number(from), Number(to)];
  const shards = new Set(numbers(shardIds));
  return transaction
    .table('events')
    .rows()
    .filter(
      ({ xid, id, shard, claimed_by: claimedBy }) =>
        xid >= lowest && xid < end && (xid > lowest || id > String(afterId)) && shards.has(shard) && claimedBy !== notClaimedBy,
    )
    .sort(compareEvents)
    .slice(0, Number(limit))
    .map(shown);
};

export const LOG_READING: Readonly<Record<string, Implementation>> = {
  log_horizon: ({ transaction, server }) => [
    { xid: String(server.horizon), end: String(server.nextXid), token: transaction.table('log_continuity').get('true')?.token ?? null },
  ],
  begin_log_continuity: ({ transaction, server }) => {
    const continuity = transaction.table('log_continuity');
    continuity.lock('true');
    if (!continuity.get('true')) continuity.put('true', { token: server.newToken() });
    return [];
  },
  log_end: ({ transaction }) => [{ xid: String(transaction.currentXid()) }],
  last_logged: ({ transaction }) => {
    const last = transaction.table('events').rows().sort(compareEvents).at(-1);
    return last ? [{ xid: String(last.xid) }] : [];
  },
  read_log_range: readLogRange,
  events_by_id: ({ transaction }, [organizationKey, ids]) => {
    return present(list(ids)).flatMap((id) => {
      const event = transaction.table('events').get(keyOf(Number(organizationKey), id));
      return event ? [shown(event)] : [];
    });
  },
  recorded_deliveries: ({ transaction }, [keys, ids]) => {
    const asked = list(ids);
    return present(numbers(keys)).flatMap((organizationKey, index) => {
      const known = transaction.table('deliveries').get(keyOf(organizationKey, asked[index] ?? ''));
      return known ? [{ id: known.id }] : [];
    });
  },
};
