import { list, numbers, time } from '../parameters.ts';
import { keyOf, type WaitingTableRow } from '../rows.ts';
import type { Implementation, StatementContext } from '../server.ts';
import { shown } from './log-reading.ts';

/** Waiting deliveries with their events. */
function joined({ transaction }: StatementContext, rows: readonly WaitingTableRow[], limit: unknown): object[] {
  return rows
    .flatMap((row) => {
      const event = transaction.table('events').get(keyOf(row.organization_key, row.event_id));
      if (!event) return [];
      const { delivery_id, webhook_id, attempt_count, order_key, shard } = row;
      const { claimed_by: _claimedBy, ...columns } = event;
      return [{ ...shown(columns), delivery_id, webhook_id, attempt_count, order_key, shard }];
    })
    .slice(0, Number(limit));
}

const byDueTime = (a: WaitingTableRow, b: WaitingTableRow): number => a.due_at - b.due_at || byDelivery(a, b);
const byDelivery = (a: WaitingTableRow, b: WaitingTableRow): number => (a.delivery_id < b.delivery_id ? -1 : 1);

const dueDeliveries: Implementation = (context, [shardIds, now, except, exceptWebhooks, limit]) => {
  const [shards, loaded, full] = [new Set(numbers(shardIds)), new Set(list(except)), new Set(list(exceptWebhooks))];
  const rows = context.transaction
    .table('waiting')
    .rows()
    .filter((row) => shards.has(row.shard) && row.due_at <= time(now) && !loaded.has(row.delivery_id) && !full.has(row.webhook_id));
  return joined(context, rows.sort(byDueTime), limit);
};

const backlogOfWebhook: Implementation = (context, [webhookId, after, except, limit]) => {
  const loaded = new Set(list(except));
  const rows = context.transaction
    .table('waiting')
    .rows()
    .filter(
      (row) => row.webhook_id === webhookId && row.reason === 'backlog' && row.delivery_id > String(after) && !loaded.has(row.delivery_id),
    );
  return joined(context, rows.sort(byDelivery), limit);
};

const backloggedWebhooks: Implementation = ({ transaction }, [shardIds]) => {
  const shards = new Set(numbers(shardIds));
  const rows = transaction
    .table('waiting')
    .rows()
    .filter((row) => shards.has(row.shard) && row.reason === 'backlog' && row.due_at === Number.POSITIVE_INFINITY);
  const byWebhook = new Map(rows.map((row) => [row.webhook_id, row.organization_key]));
  return [...byWebhook].map(([webhookId, key]) => ({ organization_key: key, webhook_id: webhookId }));
};

const backlogsOfOrganizations: Implementation = ({ transaction }, [keys]) => {
  const organizations = new Set(numbers(keys));
  const waiting = transaction.table('waiting').rows();
  return transaction
    .table('webhooks')
    .rows()
    .filter(
      ({ id, organization_key: key }) => organizations.has(key) && waiting.some((row) => row.webhook_id === id && row.reason === 'backlog'),
    )
    .map(({ id, organization_key: key }) => ({ organization_key: key, webhook_id: id }));
};

const reschedule: Implementation = ({ transaction }, [shardIds, at]) => {
  const [shards, now] = [new Set(numbers(shardIds)), time(at)];
  const [waiting, deliveries] = [transaction.table('waiting'), transaction.table('deliveries')];
  for (const row of waiting.rows()) {
    const { due_at: dueAt, scheduled_at: scheduledAt } = row;
    if (!shards.has(row.shard) || dueAt <= now || dueAt === Number.POSITIVE_INFINITY) continue;
    if (scheduledAt === null || scheduledAt <= now + 1_000) continue;
    const due = now + (dueAt - scheduledAt);
    waiting.put(row.delivery_id, { ...row, due_at: due, scheduled_at: now });
    const key = keyOf(row.organization_key, row.delivery_id);
    const delivery = deliveries.get(key);
    if (delivery) deliveries.put(key, { ...delivery, next_attempt_at: due });
  }
  return [];
};

const moveToBacklog: Implementation = ({ transaction }, [ids]) => {
  const waiting = transaction.table('waiting');
  for (const id of list(ids)) {
    const row = waiting.get(id ?? '');
    if (row?.reason === 'retry') waiting.put(row.delivery_id, { ...row, due_at: Number.POSITIVE_INFINITY, reason: 'backlog' });
  }
  return [];
};

export const WAITING: Readonly<Record<string, Implementation>> = {
  due_deliveries: dueDeliveries,
  backlog_of_webhook: backlogOfWebhook,
  backlogged_webhooks: backloggedWebhooks,
  backlogs_of_organizations: backlogsOfOrganizations,
  reschedule_waiting: reschedule,
  move_to_backlog: moveToBacklog,
  still_waiting: ({ transaction }, [ids]) =>
    list(ids).flatMap((id) => (id !== null && transaction.table('waiting').get(id) ? [{ delivery_id: id }] : [])),
};
