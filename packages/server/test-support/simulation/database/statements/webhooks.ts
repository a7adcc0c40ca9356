import { list, moment, numbers, present, time } from '../parameters.ts';
import { keyOf, type Rows } from '../rows.ts';
import type { Implementation, StatementContext } from '../server.ts';
import { inCommitOrder } from './delivery-order.ts';

const SHARD_COUNT = 64;

/** A webhook as returned by statements. Settings that the simulation doesn't set follow from the product's policy. */
export function shownWebhook(row: Rows['webhooks']): object {
  return {
    id: row.id,
    organization_key: row.organization_key,
    url: `http://receiver.test/${row.id}`,
    events: ['*'],
    scope: null,
    method: null,
    content_type: null,
    headers: null,
    secrets: null,
    retry: row.retry,
    success: null,
    timeout_ms: null,
    rate_limit: null,
    ordered: row.ordered,
    status: row.status,
    health_version: row.health_version,
    description: null,
    status_reason: null,
    status_changed_at: new Date(row.status_changed_at),
    failing_since: dateOf(row.failing_since),
    missed_since: dateOf(row.missed_since),
    created_at: new Date(0),
    updated_at: new Date(row.status_changed_at),
  };
}

function dateOf(at: number | null): Date | null {
  return at === null ? null : new Date(at);
}

function earliest(one: number | null, other: number | null): number | null {
  return one === null ? other : other === null ? one : Math.min(one, other);
}

function bumpVersion({ transaction }: StatementContext, key: number): boolean {
  const organizations = transaction.table('organizations');
  organizations.lock(String(key));
  const row = organizations.get(String(key));
  if (!row) return false;
  organizations.put(String(key), { ...row, version: row.version + 1 });
  transaction.notifications.push(`organization:${key}`);
  return true;
}

const lockWebhook: Implementation = ({ transaction }, [id]) => {
  transaction.table('webhooks').lock(String(id));
  const row = transaction.table('webhooks').get(String(id));
  return row ? [shownWebhook(row)] : [];
};

const setWebhookStatus: Implementation = ({ transaction, now }, [id, , status]) => {
  const webhooks = transaction.table('webhooks');
  const row = webhooks.get(String(id));
  if (!row) return [];
  const health = status === 'active' ? { health_version: row.health_version + 1, failing_since: null, missed_since: null } : {};
  const changed = { ...row, status: String(status), status_changed_at: now, ...health };
  webhooks.put(row.id, changed);
  return [shownWebhook(changed)];
};

const releaseHeld: Implementation = ({ transaction }, [webhookId]) => {
  const [waiting, deliveries] = [transaction.table('waiting'), transaction.table('deliveries')];
  const rows = waiting.rows().filter((row) => row.webhook_id === webhookId);
  const first = new Map<string, string>();
  for (const row of rows.sort(inCommitOrder)) {
    if (row.order_key !== null && !first.has(row.order_key)) first.set(row.order_key, row.delivery_id);
  }
  for (const row of rows) {
    if (row.reason !== 'held') continue;
    const isFirst = row.order_key === null || first.get(row.order_key) === row.delivery_id;
    waiting.put(row.delivery_id, { ...row, reason: isFirst ? 'backlog' : 'behind', due_at: Number.POSITIVE_INFINITY });
    const key = keyOf(row.organization_key, row.delivery_id);
    const delivery = deliveries.get(key);
    if (delivery?.status !== 'held') continue;
    deliveries.put(key, { ...delivery, status: delivery.attempt_count === 0 ? 'pending' : 'retrying' });
  }
  return [];
};

const failingWebhooks: Implementation = ({ transaction }, [shardIds]) => {
  const shards = new Set(numbers(shardIds));
  return transaction
    .table('webhooks')
    .rows()
    .filter((row) => row.failing_since !== null && row.status !== 'failed' && shards.has(row.organization_key % SHARD_COUNT))
    .map(shownWebhook);
};

const saveHealth: Implementation = ({ transaction }, [nodeId, ids, shardIds, versions, sinces, misseds]) => {
  const webhooks = transaction.table('webhooks');
  const [shards, known] = [numbers(shardIds), numbers(versions)];
  const [since, missed] = [sinces as readonly unknown[], misseds as readonly unknown[]];
  present(list(ids)).forEach((id, index) => {
    const row = webhooks.get(id);
    const noted = moment(since[index]);
    if (row?.health_version !== known[index] || (row?.status === 'failed' && noted === null)) return;
    if (!row || transaction.table('shards').get(String(shards[index]))?.owner !== nodeId) return;
    webhooks.put(id, {
      ...row,
      failing_since: noted === null ? null : earliest(row.failing_since, noted),
      missed_since: noted === null ? null : earliest(row.missed_since, moment(missed[index])),
    });
  });
  return [];
};

const failWebhook: Implementation = (context, [organizationKey, id, version, , now, , failingSince]) => {
  const webhooks = context.transaction.table('webhooks');
  context.transaction.table('organizations').lock(String(organizationKey));
  webhooks.lock(String(id));
  const row = webhooks.get(String(id));
  const since = moment(failingSince);
  if (row?.status !== 'active' || row.health_version !== version) return [];
  if (since !== null && (row.failing_since === null || row.failing_since > since)) return [];
  webhooks.put(row.id, { ...row, status: 'failed', status_changed_at: time(now) });
  return bumpVersion(context, row.organization_key) ? [{}] : [];
};

export const WEBHOOKS: Readonly<Record<string, Implementation>> = {
  organization_changed: (context, [key]) => (bumpVersion(context, Number(key)) ? [{}] : []),
  lock_webhook: lockWebhook,
  set_webhook_status: setWebhookStatus,
  release_held: releaseHeld,
  insert_notice: ({ transaction }) => {
    transaction.currentXid();
    return [];
  },
  failing_webhooks: failingWebhooks,
  save_webhook_health: saveHealth,
  fail_webhook: failWebhook,
};
