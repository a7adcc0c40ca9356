import { list, moment, numbers, present, time } from '../parameters.ts';
import { keyOf } from '../rows.ts';
import type { Implementation } from '../server.ts';

const lockDelivery: Implementation = ({ transaction }, [organizationKey, id]) => {
  const key = keyOf(Number(organizationKey), String(id));
  const deliveries = transaction.table('deliveries');
  if (!deliveries.get(key)) return [];
  deliveries.lock(key);
  const row = deliveries.get(key);
  if (!row) return [];
  const { webhook_id, event_id, status, attempt_count } = row;
  return [{ webhook_id, event_id, status, attempt_count, webhook_status: transaction.table('webhooks').get(webhook_id)?.status ?? null }];
};

const eventsOfMillisecond: Implementation = ({ transaction }, [organizationKey, from, to]) =>
  transaction
    .table('events')
    .rows()
    .filter(({ organization_key: key, id }) => key === organizationKey && id >= String(from) && id < String(to))
    .map(({ id, type, test, webhook_ids, xid }) => ({
      event_id: id,
      event_type: type,
      test,
      webhook_ids: [...webhook_ids],
      xid: String(xid),
    }));

const queueDeliveries: Implementation = ({ transaction }, values) => {
  const [organizationKey, shard, webhookId, ids, eventIds, attemptCounts, due, reason] = values;
  const waiting = transaction.table('waiting');
  const [events, attempts, dueAt] = [list(eventIds), numbers(attemptCounts), moment(due) ?? Number.NaN];
  const next = { due_at: dueAt, reason: String(reason), scheduled_at: null };
  present(list(ids)).forEach((id, index) => {
    waiting.lock(id);
    const known = waiting.get(id) ?? {
      delivery_id: id,
      organization_key: Number(organizationKey),
      shard: Number(shard),
      webhook_id: String(webhookId),
      event_id: events[index] ?? '',
      attempt_count: attempts[index] ?? 0,
      order_key: null,
      event_xid: null,
    };
    waiting.put(id, { ...known, ...next });
  });
  return [];
};

const markQueued: Implementation = ({ transaction }, [organizationKey, ids, held, nextAttemptAt]) => {
  const deliveries = transaction.table('deliveries');
  for (const id of present(list(ids))) {
    const key = keyOf(Number(organizationKey), id);
    const row = deliveries.get(key);
    const status = held === true ? 'held' : row?.attempt_count === 0 ? 'pending' : 'retrying';
    if (row) deliveries.put(key, { ...row, status, next_attempt_at: nextAttemptAt === null ? null : time(nextAttemptAt) });
  }
  return [];
};

const cancelDelivery: Implementation = ({ transaction }, [organizationKey, id]) => {
  const [waiting, deliveries] = [transaction.table('waiting'), transaction.table('deliveries')];
  const key = keyOf(Number(organizationKey), String(id));
  const row = deliveries.get(key);
  if (row) deliveries.put(key, { ...row, status: 'cancelled', next_attempt_at: null });
  if (waiting.get(String(id))) waiting.remove(String(id));
  return [];
};

const insertUnsent: Implementation = ({ transaction }, [organizationKey, webhookId, status, ids, eventIds, eventTypes]) => {
  const deliveries = transaction.table('deliveries');
  const [events, types] = [list(eventIds), list(eventTypes)];
  return present(list(ids)).flatMap((id, index) => {
    const key = keyOf(Number(organizationKey), id);
    deliveries.lock(key);
    if (deliveries.get(key)) return [];
    deliveries.put(key, {
      organization_key: Number(organizationKey),
      id,
      webhook_id: String(webhookId),
      event_id: events[index] ?? '',
      event_type: types[index] ?? '',
      test: false,
      status: String(status),
      attempt_count: 0,
      next_attempt_at: null,
    });
    return [{ id }];
  });
};

const cancelledDeliveries: Implementation = ({ transaction }, [organizationKey, from]) =>
  transaction
    .table('deliveries')
    .rows()
    .filter(({ organization_key: key, status, id }) => key === organizationKey && status === 'cancelled' && id >= String(from))
    .map(({ id }) => ({ id }));

export const REDELIVERY: Readonly<Record<string, Implementation>> = {
  lock_delivery: lockDelivery,
  events_of_millisecond: eventsOfMillisecond,
  queue_deliveries: queueDeliveries,
  mark_queued: markQueued,
  cancel_delivery: cancelDelivery,
  insert_unsent_deliveries: insertUnsent,
  cancelled_deliveries: cancelledDeliveries,
};
