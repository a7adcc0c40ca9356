import { databaseError } from '../errors.ts';
import { list, moment, numbers, present, time } from '../parameters.ts';
import { keyOf, type DeliveryTableRow } from '../rows.ts';
import type { Implementation, StatementContext } from '../server.ts';

interface Settled {
  readonly row: DeliveryTableRow;
  /** Its index in the other columns. */
  readonly index: number;
  readonly shard: number;
}

/** The settlements whose shard the node still owns. */
function owned({ transaction }: StatementContext, values: readonly unknown[]): Settled[] {
  const [nodeId, keys, shards, epochs] = [values[0], numbers(values[1]), numbers(values[2]), numbers(values[3])];
  const columns = [4, 5, 6, 7, 8, 9, 10].map((at) => list(values[at]));
  return present(keys).flatMap((organizationKey, index) => {
    const held = transaction.table('shards').get(String(shards[index]));
    if (held?.owner !== nodeId || held?.epoch !== epochs[index]) return [];
    const [id, webhookId, eventId, eventType, test, status, attemptCount] = columns.map((column) => column[index] ?? '');
    const row: DeliveryTableRow = {
      organization_key: organizationKey,
      id: id ?? '',
      webhook_id: webhookId ?? '',
      event_id: eventId ?? '',
      event_type: eventType ?? '',
      test: test === 'true',
      status: status ?? '',
      attempt_count: Number(attemptCount),
      next_attempt_at: null,
    };
    return [{ row, index, shard: shards[index] ?? 0 }];
  });
}

/** A delivery that was cancelled meanwhile stays cancelled, unless it was delivered. */
function unlessCancelled(known: DeliveryTableRow, row: DeliveryTableRow): string {
  return known.status === 'cancelled' && row.status !== 'delivered' ? 'cancelled' : row.status;
}

function refuseRepeats(settled: readonly Settled[]): void {
  const ids = new Set(settled.map(({ row }) => row.id));
  if (ids.size < settled.length) throw databaseError('21000', 'ON CONFLICT DO UPDATE command cannot affect row a second time');
}

const settleFirst: Implementation = (context, values) => {
  const deliveries = context.transaction.table('deliveries');
  const settled = owned(context, values);
  refuseRepeats(settled);
  for (const { row } of settled) {
    const key = keyOf(row.organization_key, row.id);
    deliveries.lock(key);
    const known = deliveries.get(key);
    deliveries.put(
      key,
      known ? { ...known, status: unlessCancelled(known, row), attempt_count: row.attempt_count, next_attempt_at: null } : row,
    );
  }
  return [];
};

const settleSpilled: Implementation = (context, values) => {
  const { transaction } = context;
  for (const { row } of owned(context, values)) {
    const key = keyOf(row.organization_key, row.id);
    transaction.table('deliveries').lock(key);
    if (transaction.table('deliveries').get(key)) continue;
    transaction.table('deliveries').put(key, row);
    if (transaction.table('waiting').get(row.id)) continue;
    transaction.table('waiting').put(row.id, {
      delivery_id: row.id,
      organization_key: row.organization_key,
      shard: row.organization_key % Number(values[11]),
      webhook_id: row.webhook_id,
      event_id: row.event_id,
      attempt_count: 0,
      order_key: null,
      event_xid: null,
      scheduled_at: null,
      due_at: Number.POSITIVE_INFINITY,
      reason: 'backlog',
    });
  }
  return [];
};

const settleLater: Implementation = (context, values) => {
  const { transaction } = context;
  const [lengths, reasons, dues] = [numbers(values[13]), list(values[14]), values[15] as readonly unknown[]];
  const [now, orderKeys, xids] = [time(values[16]), list(values[17]), list(values[19])];
  const scheduled = values[20] as readonly unknown[];
  const settled = owned(context, values);
  refuseRepeats(settled);
  const stopped = stoppedAmong(
    context,
    settled.filter(({ index }) => reasons[index] === 'held').map(({ row }) => row.webhook_id),
  );
  for (const { row, index, shard } of settled) {
    const isReleased = reasons[index] === 'held' && !stopped.has(row.webhook_id);
    const dueAt = moment(dues[index]);
    const status = row.status === 'held' && !stopped.has(row.webhook_id) ? 'pending' : row.status;
    const nextAttemptAt = dueAt !== null && dueAt < Number.POSITIVE_INFINITY ? dueAt : null;
    const isKept = record(context, { ...row, status, next_attempt_at: nextAttemptAt });
    if (lengths[index] !== null && row.attempt_count > 1) addAttempt(context, row);
    const waiting = transaction.table('waiting');
    const reason = reasons[index] ?? null;
    if (reason === null) {
      if (waiting.get(row.id)) waiting.remove(row.id);
    } else if (isKept) {
      waiting.put(row.id, {
        ...(waiting.get(row.id) ?? {
          delivery_id: row.id,
          organization_key: row.organization_key,
          shard,
          webhook_id: row.webhook_id,
          event_id: row.event_id,
        }),
        attempt_count: row.attempt_count,
        order_key: orderKeys[index] ?? null,
        event_xid: Number(xids[index]),
        scheduled_at: moment(scheduled[index]) ?? now,
        due_at: isReleased ? now : (dueAt ?? Number.NaN),
        reason: isReleased ? 'retry' : reason,
      });
    }
  }
  return [];
};

/** `FOR SHARE`, which also excludes other locking readers here. */
function stoppedAmong({ transaction }: StatementContext, webhookIds: readonly string[]): Set<string> {
  const webhooks = transaction.table('webhooks');
  for (const id of webhookIds) webhooks.lock(id);
  return new Set(webhookIds.filter((id) => (webhooks.get(id)?.status ?? 'active') !== 'active'));
}

/** Returns whether the delivery may wait because it is not cancelled. */
function record({ transaction }: StatementContext, row: DeliveryTableRow): boolean {
  const deliveries = transaction.table('deliveries');
  const key = keyOf(row.organization_key, row.id);
  deliveries.lock(key);
  const known = deliveries.get(key);
  if (!known) {
    deliveries.put(key, row);
    return row.status !== 'cancelled';
  }
  if (known.status === 'cancelled' && row.attempt_count <= known.attempt_count) return false;
  const status = unlessCancelled(known, row);
  const nextAttemptAt = known.status === 'cancelled' ? null : row.next_attempt_at;
  deliveries.put(key, { ...known, status, attempt_count: row.attempt_count, next_attempt_at: nextAttemptAt });
  return status !== 'cancelled';
}

function addAttempt({ transaction }: StatementContext, row: DeliveryTableRow): void {
  const key = keyOf(row.id, row.attempt_count);
  transaction.table('attempts').lock(key);
  if (!transaction.table('attempts').get(key)) transaction.table('attempts').put(key, { delivery_id: row.id, number: row.attempt_count });
}

export const SETTLE: Readonly<Record<string, Implementation>> = {
  settle_first: settleFirst,
  settle_spilled: settleSpilled,
  settle_later: settleLater,
};
