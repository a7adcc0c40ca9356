import { statement, type Queryable } from './database.ts';

export type NoticeType = 'webhook.failed' | 'webhook.disabled' | 'webhook.recovered' | 'delivery.exhausted';

/** A notice, with the current state of its webhook and organization; null: deleted. */
export interface NoticeRow {
  readonly id: string;
  readonly type: NoticeType;
  readonly webhook_id: string;
  readonly reason: string | null;
  readonly delivery_id: string | null;
  readonly event_id: string | null;
  readonly event_type: string | null;
  readonly attempt_count: number | null;
  readonly happened_at: Date;
  readonly organization_id: string | null;
  readonly organization_name: string | null;
  readonly product: string | null;
  readonly contact_email: string | null;
  readonly url: string | null;
  readonly description: string | null;
  readonly scope: string | null;
  readonly status: string | null;
}

const INSERT = statement('insert_notice', 'INSERT INTO notices (type, organization_key, webhook_id, happened_at) VALUES ($1, $2, $3, $4)');

/** Must be called in the transaction of the change. */
export async function insertNotice(
  transaction: Queryable,
  input: { type: NoticeType; organizationKey: number; webhookId: string; happenedAt: Date },
): Promise<void> {
  await transaction.query(INSERT, [input.type, input.organizationKey, input.webhookId, input.happenedAt]);
}

const ANY = statement('any_notices', 'SELECT EXISTS (SELECT FROM notices) AS some');

export async function hasNotices(queryable: Queryable): Promise<boolean> {
  const [row] = await queryable.query<{ some: boolean }>(ANY);
  return row?.some ?? false;
}

/** Rows that another node is processing are skipped. Index: notices_order. */
const TAKE = statement(
  'take_notices',
  `WITH taken AS (
     DELETE FROM notices WHERE id IN (SELECT id FROM notices ORDER BY happened_at LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING *
   )
   SELECT taken.id, taken.type, taken.webhook_id, taken.reason, taken.delivery_id, taken.event_id, taken.event_type, taken.attempt_count,
          taken.happened_at, organization.id AS organization_id, organization.name AS organization_name, organization.product,
          organization.contact_email, webhooks.url, webhooks.description, webhooks.scope, webhooks.status
   FROM taken
   LEFT JOIN LATERAL (SELECT * FROM organizations WHERE key = taken.organization_key AND deleted_at IS NULL OFFSET 0) organization ON true
   LEFT JOIN webhooks ON webhooks.id = taken.webhook_id
   ORDER BY taken.happened_at, taken.type`,
);

/** Deletes and returns the oldest notices. They are delivered when the transaction commits. */
export function takeNotices(transaction: Queryable, limit: number): Promise<NoticeRow[]> {
  return transaction.query<NoticeRow>(TAKE, [limit]);
}

const OF_PRODUCT = statement('organizations_of_product', 'SELECT key FROM organizations WHERE product = $1 AND deleted_at IS NULL');

export async function organizationsOfProduct(queryable: Queryable, product: string): Promise<number[]> {
  return (await queryable.query<{ key: number }>(OF_PRODUCT, [product])).map(({ key }) => key);
}
